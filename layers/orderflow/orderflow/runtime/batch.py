"""The batch contract of a stream's function: `{"Records": [...]}` in, `{"batchItemFailures": [...]}` out."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Any, NamedTuple, NotRequired, Protocol, TypedDict, TypeVar

import redis

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.keys import is_order_partition, partition_of
from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import is_known, stream_after
from orderflow.domain.order import Order
from orderflow.errors import RejectedError, RetryableError, UnknownStatusError
from orderflow.runtime import clients, clock
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import count, traced


class StreamRecord(TypedDict):
    """One entry of a stream as a function gets it; `data` holds the entry's fields."""

    messageId: str
    eventSource: str
    stream: str
    partition: str
    attempt: int
    data: dict[str, str]


class StreamEvent(TypedDict):
    Records: list[StreamRecord]


class ItemFailure(TypedDict):
    """A record to be tried again; `error` says why, and goes with it to the dead letters after the last attempt."""

    itemIdentifier: str
    error: NotRequired[str]


class BatchResponse(TypedDict):
    batchItemFailures: list[ItemFailure]


StreamHandler = Callable[[StreamEvent, Any], BatchResponse]

# Redis is away, starting, failing over or full: the whole batch has to wait, and no record of it is at fault.
_REDIS_IS_AWAY = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.ClusterError,
    # A slot that moves, or has just moved to a new primary; MovedError is an AskError too.
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    # A new primary that has not the script, loaded a moment ago at the former one.
    redis.exceptions.NoScriptError,
)
# The same in the words for which redis-py has no class.
_AWAY_WORDS = ("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE")


def stream_function(handler: StreamHandler) -> StreamHandler:
    """Make a function of a stream out of `handler`: traced, and saying RetryableError when Redis is away."""

    @wraps(handler)
    def invoked(event: StreamEvent, context: Any) -> BatchResponse:
        try:
            return handler(event, context)
        except _REDIS_IS_AWAY as error:
            raise RetryableError(f"Redis can't be reached: {error}") from error
        except redis.ResponseError as error:
            if not str(error).startswith(_AWAY_WORDS):
                raise
            raise RetryableError(f"Redis can't be reached: {error}") from error

    return traced(invoked)


Found = TypeVar("Found")
Found_contra = TypeVar("Found_contra", contravariant=True)


class Decide(Protocol[Found_contra]):
    """Decides an order's next step by what was read for its batch, at a time in ms since 1970.

    Raises RejectedError when the order can never succeed, RetryableError when it can't just now.
    """

    def __call__(self, order: Order, found: Found_contra, now_ms: int, /) -> Transition: ...


def read_nothing(_orders: Sequence[Order]) -> None:
    """Be the reading of a stage whose orders carry all that it needs."""


class Failures:
    """The records of a batch that have to be tried again, with the reason; each is logged as it comes."""

    def __init__(self, function: str) -> None:
        self._function = function
        self.items: list[ItemFailure] = []

    def add(self, record: StreamRecord, error: Exception) -> None:
        """Note a record; anything but a RetryableError is a bug, and logged with its traceback."""
        self.items.append({"itemIdentifier": record["messageId"], "error": f"{type(error).__name__}: {error}"})
        get_logger(self._function).warning(
            "record failed",
            exc_info=None if isinstance(error, RetryableError) else error,
            extra={
                "message_id": record["messageId"],
                "attempt": record["attempt"],
                "order_id": record["data"].get("order_id"),
                "error": str(error),
            },
        )

    def attempt(self, records: Iterable[StreamRecord], work: Callable[[StreamRecord], None]) -> None:
        """Do `work` on each record; one that raises is noted, and does not keep the others from being done."""
        for record in records:
            try:
                work(record)
            except Exception as error:  # noqa: BLE001 - the one broad except: a bug on one record is its alone
                self.add(record, error)

    def decode_orders(self, records: Iterable[StreamRecord]) -> list[tuple[StreamRecord, Order]]:
        """Return records with the order that each carries; one that carries none is noted.

        Raises RetryableError as `check_partitions` does.
        """
        decoded: list[tuple[StreamRecord, Order]] = []
        self.attempt(records, lambda record: decoded.append((record, order_decoder.decode(record["data"]["order"]))))
        check_partitions((record, order.order_id) for record, order in decoded)
        return decoded


def check_partitions(records: Iterable[tuple[StreamRecord, str]]) -> None:
    """Raise RetryableError when a record, given with its order's id, lies in another partition than that order for us.

    PARTITIONS then differs between this function and what sent the record. The order would not be found, and its
    message be acknowledged as stale; no record is at fault, so the whole batch waits until the setting is put right.
    """
    partitions = clients.orders().partitions
    for record, order_id in records:
        own = partition_of(order_id, partitions)
        if record["partition"] != own and is_order_partition(record["partition"]):
            raise RetryableError(
                f"order {order_id} came through {record['partition']}, but with PARTITIONS={partitions} it lies in"
                f" {own}: PARTITIONS differs between this function and what sent it"
            )


class Done(NamedTuple):
    """What a function made of a batch: counts for its line and metrics, and the orders that it took a step on."""

    counts: Mapping[str, int] = MappingProxyType({})
    orders: Sequence[Order] = ()


def run_batch(
    function: str, event: StreamEvent, work: Callable[[Sequence[StreamRecord], Failures], Done]
) -> BatchResponse:
    """Have `work` done on an event's records, and answer with those that it noted as failures.

    Writes the one line and the metrics of the batch; a batch of one order names it. Batches that take orders on are
    written at INFO, those that only tell or record it at DEBUG.
    """
    started = time.perf_counter()
    records = event["Records"]
    failures = Failures(function)
    done = work(records, failures)
    elapsed_ms = round((time.perf_counter() - started) * 1000, 2)
    counts = {"records": len(records), "failures": len(failures.items), **done.counts}
    count(function, counts, elapsed_ms)
    one = done.orders[0] if len(done.orders) == 1 else None
    logger = get_logger(function)
    write = logger.info if done.orders else logger.debug
    write(
        "batch",
        extra={
            "partition": records[0]["partition"] if records else None,
            **{name: value for name, value in counts.items() if value},
            "order_id": one.order_id if one else None,
            "sequence": one.sequence if one else None,
            "status_to": one.status.value if one else None,
            "reason": one.reason if one else None,
            "elapsed_ms": elapsed_ms,
        },
    )
    return {"batchItemFailures": failures.items}


def run_stage(
    function: str,
    event: StreamEvent,
    *,
    read: Callable[[Sequence[Order]], Found],
    decide: Decide[Found],
    after: Callable[[Sequence[Order], Sequence[Order]], None] | None = None,
) -> BatchResponse:
    """Take a batch of orders one step on: `read` once for all, `decide` for each, one write, then `after`.

    An order that `decide` returns as it was is passed on to the stage that comes next for its status. `after` gets the
    orders after the step that was taken, and those whose step was stale: an earlier delivery of the same message has
    taken it and may have died before what comes after, or the order has gone another way. Raises RetryableError when
    something that the whole batch depends on is unavailable, and when the rest is done and the batch holds an order
    with a status of newer code: that code is being deployed, and takes the batch over.
    """

    def take_steps(records: Sequence[StreamRecord], failures: Failures) -> Done:
        every = failures.decode_orders(records)
        arrived = [(record, order) for record, order in every if is_known(order.status)]
        transitions, passed_on = _decide_all(arrived, read, decide, failures)
        taken = clients.orders().apply(transitions)
        for stream, messages in passed_on.items():
            clients.orders().schedule(stream, messages)
        orders = [transition.order for transition in transitions]
        stepped = [order for order, fresh in zip(orders, taken, strict=True) if fresh]
        stale = [order for order, fresh in zip(orders, taken, strict=True) if not fresh]
        if after is not None:
            after(stepped, stale)
        if newer := {order.status for _, order in every if not is_known(order.status)}:
            raise UnknownStatusError(
                f"newer code gave orders the status {', '.join(sorted(newer))}; it has to take them on"
            )
        kept = [order for messages in passed_on.values() for order, _ in messages]
        return Done({"stale": len(stale)}, [*orders, *kept])

    return run_batch(function, event, take_steps)


PassedOn = dict[str, list[tuple[Order, int]]]
"""By stream, the orders that go on to it as they are, each after its delay in ms."""


def _decide_all(
    arrived: Sequence[tuple[StreamRecord, Order]],
    read: Callable[[Sequence[Order]], Found],
    decide: Decide[Found],
    failures: Failures,
) -> tuple[list[Transition], PassedOn]:
    """Return the steps that orders take, and the orders that keep their status.

    An order that can never succeed fails; a record that raises is noted.
    """
    found, now_ms = read([order for _, order in arrived]), clock.now_ms()
    orders = {record["messageId"]: order for record, order in arrived}
    transitions: list[Transition] = []
    passed_on: PassedOn = {}

    def decide_one(record: StreamRecord) -> None:
        order = orders[record["messageId"]]
        try:
            decided = decide(order, found, now_ms)
        except RejectedError as error:
            decided = Transition(order.fail(str(error), now_ms))
        if decided.order.sequence > order.sequence:
            transitions.append(decided)
        else:
            stream = stream_after(record["stream"], order.status)
            passed_on.setdefault(stream, []).append((decided.order, decided.delay_ms))

    failures.attempt([record for record, _ in arrived], decide_one)
    return transitions, passed_on
