"""The batch contract of a stream's function: `{"Records": [...]}` in, `{"batchItemFailures": [...]}` out."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from types import MappingProxyType
from typing import Any, NamedTuple, NotRequired, TypedDict

import redis

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.keys import is_order_partition, partition_of
from orderflow.adapters.messages import order_name
from orderflow.domain.lifecycle import is_known
from orderflow.domain.order import Order
from orderflow.domain.tally import Tally
from orderflow.errors import RetryableError, UnknownStatusError
from orderflow.runtime import clients, clock, order_traces
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import count_batch, traced


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

# Redis is unavailable: it starts, fails over or is full. The whole batch has to wait, and no record is at fault.
_REDIS_UNAVAILABLE = (
    redis.ConnectionError,
    redis.TimeoutError,
    redis.exceptions.OutOfMemoryError,
    redis.exceptions.ReadOnlyError,
    redis.exceptions.ClusterError,
    # A hash slot that moves, or has just moved to a new primary; MovedError is an AskError too.
    redis.exceptions.AskError,
    redis.exceptions.TryAgainError,
    # A new primary without the script that was loaded at the former one.
    redis.exceptions.NoScriptError,
)
# The same errors, by their first word, for which redis-py has no class.
_UNAVAILABLE_WORDS = ("MISCONF", "NOREPLICAS", "BUSY", "UNKILLABLE")


def stream_function(handler: StreamHandler) -> StreamHandler:
    """Return `handler` as the function of a stream: traced, and raising RetryableError while Redis is unavailable."""

    @wraps(handler)
    def invoked(event: StreamEvent, context: Any) -> BatchResponse:
        try:
            return handler(event, context)
        except redis.RedisError as error:
            if not _is_unavailable(error):
                raise
            raise RetryableError(f"Redis can't be reached: {error}") from error

    return traced(invoked)


def _is_unavailable(error: Exception) -> bool:
    """Return whether an error says that Redis is unavailable."""
    by_word = isinstance(error, redis.ResponseError) and str(error).startswith(_UNAVAILABLE_WORDS)
    return by_word or isinstance(error, _REDIS_UNAVAILABLE)


class Failures:
    """The records of a batch that have to be tried again, with the reason; each is logged as it comes."""

    def __init__(self, function: str) -> None:
        self._function = function
        self.items: list[ItemFailure] = []

    def add(self, record: StreamRecord, error: Exception) -> None:
        """Note a record; anything but a RetryableError is a bug, and logged with its traceback."""
        self.items.append({"itemIdentifier": record["messageId"], "error": f"{type(error).__name__}: {error}"})
        self._log("record failed", record, error)

    def _log(self, message: str, record: StreamRecord, error: Exception) -> None:
        get_logger(self._function).warning(
            message,
            exc_info=None if isinstance(error, RetryableError) else error,
            extra={
                "message_id": record["messageId"],
                "attempt": record["attempt"],
                "order_id": record["data"].get("order_id"),
                "error": str(error),
            },
        )

    def attempt(
        self, records: Iterable[StreamRecord], work: Callable[[StreamRecord], None], *, once: bool = False
    ) -> None:
        """Do `work` on each record; one that raises is noted, and the others are done all the same.

        A record that is to be tried but `once` is dropped with a line in the log. It waits with its batch while Redis
        is unavailable, whose errors are raised then.
        """
        for record in records:
            try:
                work(record)
            except Exception as error:
                if not once:
                    self.add(record, error)
                elif _is_unavailable(error):
                    raise
                else:
                    self._log("record dropped", record, error)

    def decode_orders(self, records: Sequence[StreamRecord]) -> list[tuple[StreamRecord, Order]]:
        """Return records with the order that each carries; a record without an order is noted.

        Raises RetryableError as `check_partitions` does, and when a record only names its order.
        """
        decoded: list[tuple[StreamRecord, Order]] = []
        if any(order_name(record["data"]) for record in records):
            raise RetryableError("the event source is of the release before, which does not read orders by their names")
        self.attempt(records, lambda record: decoded.append((record, order_decoder.decode(record["data"]["order"]))))
        check_partitions((record, order.order_id) for record, order in decoded)
        return decoded


def check_partitions(records: Iterable[tuple[StreamRecord, str]]) -> None:
    """Raise RetryableError when a record, given with its order's id, lies in another partition than that order for us.

    PARTITIONS then differs between this function and the sender. The order would not be found, and its message would be
    acknowledged as stale; no record is at fault, so the whole batch waits until the setting is corrected.
    """
    partitions = clients.orders().partitions
    for record, order_id in records:
        own = partition_of(order_id, partitions)
        if record["partition"] != own and is_order_partition(record["partition"]):
            raise RetryableError(
                f"order {order_id} came through {record['partition']}, but with PARTITIONS={partitions} it lies in"
                f" {own}: PARTITIONS differs between this function and the sender"
            )


def check_statuses(orders: Iterable[Order]) -> None:
    """Raise UnknownStatusError when newer code gave one of these a status: it is being deployed, and takes it on.

    To be called when all that can be done of a batch is done.
    """
    if newer := {order.status for order in orders if not is_known(order.status)}:
        raise UnknownStatusError(
            f"newer code gave orders the status {', '.join(sorted(newer))}; it has to take them on"
        )


class Done(NamedTuple):
    """What a function made of a batch: counts for its line and metrics, and the orders that it took a step on."""

    counts: Mapping[str, int] = MappingProxyType({})
    orders: Sequence[Order] = ()


def run_batch(
    function: str, event: StreamEvent, work: Callable[[Sequence[StreamRecord], Failures], Done]
) -> BatchResponse:
    """Do `work` on an event's records, and return those that it noted as failures.

    Logs one line and the metrics of the batch; the line of a single order names it. Batches in which orders take a step
    are logged at INFO, those that only publish or record steps at DEBUG.
    """
    started_ns, started = time.time_ns(), time.perf_counter()
    records = event["Records"]
    failures = Failures(function)
    try:
        done = work(records, failures)
    except Exception as error:
        if order_traces.share():
            reason = f"{type(error).__name__}: {error}"
            order_traces.trace_batch(
                function, records, (), started_ns, {record["messageId"]: reason for record in records}
            )
        raise
    elapsed_ms = round((time.perf_counter() - started) * 1000, 2)
    if order_traces.share():
        errors = {failed["itemIdentifier"]: failed.get("error", "failed") for failed in failures.items}
        order_traces.trace_batch(function, records, done.orders, started_ns, errors)
    if retries := sum([record["attempt"] > 1 for record in records]):
        _tally(retries)
    counts = {"records": len(records), "failures": len(failures.items), **done.counts}
    count_batch(function, counts, elapsed_ms)
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


def _tally(retries: int) -> None:
    tallies = clients.tallies()
    if tallies.are_wanted():
        tallies.add({clock.now_ms() // 1000: Tally(retries=retries)})
