"""What orders that rest cost alone: µs of processor time of a slot, and of an order that comes to rest or is cancelled.

The functions run in this process, which has a Redis to itself; so nothing else is in what they cost.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, cast

from functions.open_order.handler import lambda_handler as open_order
from functions.produce_block.handler import lambda_handler as produce_block
from functions.trigger_orders.handler import lambda_handler as trigger_orders
from orderflow.adapters.codec import encoder
from orderflow.adapters.keys import SHARED, key, partition_of
from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import OrderflowError
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, StreamEvent, StreamRecord
from orderflow.runtime.taking_back import take_back_each
from tests.harness.bench.far_orders import drop_messages, far_orders
from tests.harness.bench.mock_market import HEARTBEAT

BATCH = 100
"""What the template says for `open_order`, and how many a request may cancel."""

BEAT_S = 0.02
"""How far apart heartbeats are at SPEED=0."""


class UnexpectedFailureError(OrderflowError):
    """A function did not do what is measured."""


@dataclass(slots=True)
class Cost:
    """µs of processor time, by function, and of Redis for all of them."""

    functions: dict[str, float] = field(default_factory=dict)
    redis: float = 0.0

    @property
    def parts(self) -> dict[str, float]:
        """All that it is made of."""
        return self.functions | {"redis": self.redis}

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self.parts.values())

    def each(self, count: int) -> "Cost":
        """Return what one of so many took."""
        return Cost({name: used / count for name, used in self.functions.items()}, self.redis / count)

    @contextmanager
    def of(self, function: str) -> Iterator[None]:
        """Add what a function takes."""
        before = time.process_time_ns()
        yield
        self.functions[function] = self.functions.get(function, 0.0) + (time.process_time_ns() - before) / 1e3


def slots(count: int) -> Cost:
    """Let so many slots pass, each by a heartbeat; return what one takes: its block, and firing by its tick."""
    client, ticks = clients.redis_client(), key(SHARED, "ticks")
    heartbeat: StreamRecord = _record("transactions", SHARED, {"order": HEARTBEAT})
    cost, redis_before, passed = Cost(), _redis_us(), 0
    while passed < count:
        time.sleep(BEAT_S)
        with cost.of("produce_block"):
            _invoke(produce_block, [heartbeat])
        for entry_id, fields in cast("list[tuple[str, dict[str, str]]]", client.xrange(ticks)):
            record = _record("ticks", SHARED, fields, entry_id)
            with cost.of("trigger_orders"):
                _invoke(trigger_orders, [record])
            passed += 1
        client.xtrim(ticks, maxlen=0, approximate=False)
    cost.redis = _redis_us() - redis_before
    return cost.each(count)


def openings(count: int, seed: int) -> tuple[Cost, Cost]:
    """Have orders come to rest, and cancel them; return what one takes to open and be looked at, and to cancel."""
    tick, now_ms = clients.venue().prices(), clock.now_ms()
    new = list(far_orders(tick, count, seed, now_ms))
    clients.orders().apply([Transition(order) for order in new])
    cost, redis_before = Cost(), _redis_us()
    for orders in _batches(new):
        with cost.of("open_order, to rest"):
            _invoke(open_order, orders)
    read_before = _redis_us()
    opened = list(clients.orders().find_each([order.order_id for order in new]).values())
    redis_before += _redis_us() - read_before
    if [order.status for order in opened] != [Status.OPEN] * count:
        raise UnexpectedFailureError("orders did not come to rest")
    for orders in _batches(opened):
        with cost.of("open_order, to be looked at"):
            _invoke(open_order, orders)
    cost.redis = _redis_us() - redis_before
    cancel = _cancel(opened)
    drop_messages(("open", "status"))
    return cost.each(count), cancel.each(count)


def _cancel(orders: Sequence[Order]) -> Cost:
    """Cancel orders, as many at a time as a request may."""
    cost, redis_before, now_ms = Cost(), _redis_us(), clock.now_ms()
    order_ids = [order.order_id for order in orders]
    for start in range(0, len(order_ids), BATCH):
        with cost.of("cancel"):
            taken = take_back_each(clients.orders(), order_ids[start : start + BATCH], Status.CANCELLED, now_ms)
        if any(each.order is None or each.order.status is not Status.CANCELLED for each in taken.values()):
            raise UnexpectedFailureError("orders could not be cancelled")
    cost.redis = _redis_us() - redis_before
    return cost


def _batches(orders: Sequence[Order]) -> Iterator[list[StreamRecord]]:
    """Yield orders as the records of one partition each, BATCH at a time."""
    by_partition: dict[str, list[StreamRecord]] = {}
    for order in orders:
        partition = partition_of(order.order_id, clients.orders().partitions)
        fields = {"order": encoder.encode(order).decode()}
        by_partition.setdefault(partition, []).append(_record("open", partition, fields, f"{order.order_id}"))
    for records in by_partition.values():
        for start in range(0, len(records), BATCH):
            yield records[start : start + BATCH]


def _record(stream: str, partition: str, fields: dict[str, str], entry_id: str = "0-1") -> StreamRecord:
    return StreamRecord(
        messageId=entry_id, eventSource="bench", stream=stream, partition=partition, attempt=1, data=fields
    )


def _invoke(function: Callable[[StreamEvent, Any], BatchResponse], records: list[StreamRecord]) -> None:
    failures = function({"Records": records}, None)["batchItemFailures"]
    if failures:
        raise UnexpectedFailureError(str(failures[0]))


def _redis_us() -> float:
    """Return the processor time that this process's Redis has used, in µs."""
    used = clients.redis_client().info("cpu")
    return float(used["used_cpu_user"] + used["used_cpu_sys"]) * 1e6
