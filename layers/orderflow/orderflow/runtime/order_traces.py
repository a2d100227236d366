"""Traces of orders, where TRACE_ORDERS asks for them: an order's whole way is one trace of OpenTelemetry.

The trace's id is the order's id, so nothing has to travel with messages: whatever version wrote them, and wherever a
stage runs, its span finds its trace (decision 0137). Where nothing is traced, no library of it is imported, and a batch
pays for one comparison.
"""

import os
import time
from collections.abc import Collection, Iterable, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from orderflow.adapters.messages import order_id_of
from orderflow.domain.order import Order, OrderId
from orderflow.domain.status import Status
from orderflow.runtime.logging import get_logger
from orderflow.runtime.order_ids import made_at_ms

if TYPE_CHECKING:
    from orderflow.runtime.batch import StreamRecord

MS = 1_000_000
"""Nanoseconds, in which spans have their times."""
_CHANCES = 16**8
"""The last 8 digits of an order's id are random, those before them counted within a millisecond."""
PAUSE_S = 60.0
"""How long no span is made after that has failed."""


class _Pause:
    """Until when no span is made, by time.monotonic()."""

    def __init__(self) -> None:
        self.until_s = 0.0


pause = _Pause()


class Step(NamedTuple):
    """What a function did with an order, between two times in ns since 1970; `error` is why it could not."""

    function: str
    order_id: str
    started_ns: int
    ended_ns: int
    attributes: dict[str, Any]
    error: str = ""


@cache
def share() -> float:
    """Return the share of orders that are traced: TRACE_ORDERS, from 0 (none) to 1 (all)."""
    return float(os.environ.get("TRACE_ORDERS") or 0)


def is_traced(order_id: str) -> bool:
    """Return whether an order is: the same in every function, as its id decides."""
    return ":" not in order_id and int(order_id[-8:], 16) < share() * _CHANCES


def trace_batch(
    function: str,
    records: "Sequence[StreamRecord]",
    orders: Iterable[Order],
    started_ns: int,
    errors: dict[str, str],
) -> None:
    """Add a span, up to now, to the trace of each order of a batch: of its records, and of what took a step besides.

    `errors` say, by message id, why a record could not be processed.
    """
    times_ns = started_ns, time.time_ns()
    stepped = {order.order_id: order for order in orders}
    steps: list[Step] = []
    for record in records:
        order_id = order_id_of(record["data"])
        if order_id is None or not is_traced(order_id):
            continue
        attributes = _of_record(record, started_ns, len(records)) | _of_order(stepped.pop(OrderId(order_id), None))
        steps.append(Step(function, order_id, *times_ns, attributes, errors.get(record["messageId"], "")))
    rest = (order for order in stepped.values() if is_traced(order.order_id))
    steps += [Step(function, order.order_id, *times_ns, _of_order(order)) for order in rest]
    _export(steps)


def trace_request(function: str, order_ids: Collection[str], started_ns: int) -> None:
    """Add a span, up to now, to the traces of orders that a request has placed or changed."""
    ended_ns = time.time_ns()
    _export([Step(function, order_id, started_ns, ended_ns, {}) for order_id in order_ids if is_traced(order_id)])


def trace_end(order_id: str, status: Status, ended_at_ms: int, reason: str | None) -> None:
    """Add the span of an order's whole life, which all its others are below; when it is recorded that it has ended."""
    if is_traced(order_id):
        attributes = {"orderflow.status": status.value, "orderflow.reason": reason or ""}
        error = reason or "failed" if status is Status.FAILED else ""
        whole = Step("order", order_id, made_at_ms(OrderId(order_id)) * MS, ended_at_ms * MS, attributes, error)
        _export([], [whole])


def _export(steps: Sequence[Step], wholes: Sequence[Step] = ()) -> None:
    """Hand spans on to be sent. No order fails for its trace: a fault is logged, and no span is made for a while."""
    if not (steps or wholes) or time.monotonic() < pause.until_s:
        return
    try:
        from orderflow.runtime import order_spans

        order_spans.export(steps, wholes)
    except Exception as error:  # noqa: BLE001 - a setting of the library's that it can't use would fail every batch
        pause.until_s = time.monotonic() + PAUSE_S
        get_logger("traces").exception("orders can't be traced", extra={"error": str(error), "pause_s": PAUSE_S})


def _of_record(record: "StreamRecord", started_ns: int, size: int) -> dict[str, Any]:
    """Return what OpenTelemetry's conventions for messaging say of a record, and how long it waited for its batch."""
    made_at = int(record["messageId"].partition("-")[0])
    return {
        "messaging.system": "redis",
        "messaging.operation.type": "process",
        "messaging.destination.name": record["stream"],
        "messaging.destination.partition.id": record["partition"],
        "messaging.message.id": record["messageId"],
        "messaging.batch.message_count": size,
        "orderflow.attempt": record["attempt"],
        "orderflow.waited_ms": max(started_ns // MS - made_at, 0),
    }


def _of_order(order: Order | None) -> dict[str, Any]:
    if order is None:
        return {}
    said = {"orderflow.status": order.status.value, "orderflow.sequence": order.sequence}
    return said | ({"orderflow.reason": order.reason} if order.reason else {})
