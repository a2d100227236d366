"""A stage of the pipeline: a batch of orders in, each one step further out, by three functions: read, decide, after."""

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import redis

from orderflow.adapters.orders import Transition
from orderflow.domain.attempts import rejected
from orderflow.domain.lifecycle import is_known, stream_after
from orderflow.domain.order import Order
from orderflow.errors import ConfigurationError, RejectedError, RetryableError
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Done, Failures, StreamEvent, StreamRecord, check_statuses, run_batch

PassedOn = dict[str, list[tuple[Order, int]]]
"""By stream, the orders that go on to it as they are, each after its delay in ms."""

_NOT_AN_ORDER = (RetryableError, ConfigurationError, redis.RedisError, OSError)
"""Errors of a reading for which no order is to blame: the whole batch waits or fails."""

Found = TypeVar("Found")
Found_contra = TypeVar("Found_contra", contravariant=True)


class Decide(Protocol[Found_contra]):
    """Decides an order's next step by what was read for its batch, at a time in ms since 1970.

    Raises RejectedError when the order can never succeed, RetryableError when it can't just now.
    """

    def __call__(self, order: Order, found: Found_contra, now_ms: int, /) -> Transition: ...


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
    something that the whole batch needs is unavailable, and when the rest is done and the batch holds an order
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
        check_statuses(order for _, order in every)
        kept = [order for messages in passed_on.values() for order, _ in messages]
        return Done({"stale": len(stale)}, [*orders, *kept])

    return run_batch(function, event, take_steps)


def _decide_all(
    arrived: Sequence[tuple[StreamRecord, Order]],
    read: Callable[[Sequence[Order]], Found],
    decide: Decide[Found],
    failures: Failures,
) -> tuple[list[Transition], PassedOn]:
    """Return the steps that orders take, and the orders that keep their status.

    An order that can never succeed fails, and one that waits rests or goes again; a record that raises is noted. When
    nothing can be read for the batch as a whole, it is read for each order alone, so that a record at fault is noted
    and the others go on.
    """
    found_for, now_ms = _read_all([order for _, order in arrived], read), clock.now_ms()
    orders = {record["messageId"]: order for record, order in arrived}
    transitions: list[Transition] = []
    passed_on: PassedOn = {}

    def decide_one(record: StreamRecord) -> None:
        order = orders[record["messageId"]]
        try:
            decided = decide(order, found_for(order), now_ms)
        except RejectedError as error:
            decided = Transition(rejected(order, error, now_ms))
        if decided.order.sequence > order.sequence:
            transitions.append(decided)
        else:
            stream = stream_after(record["stream"], order.status)
            passed_on.setdefault(stream, []).append((decided.order, decided.delay_ms))

    failures.attempt([record for record, _ in arrived], decide_one)
    return transitions, passed_on


def _read_all(orders: Sequence[Order], read: Callable[[Sequence[Order]], Found]) -> Callable[[Order], Found]:
    """Return what gives an order what was read for it."""
    try:
        found = read(orders)
    except _NOT_AN_ORDER:
        raise
    except Exception:  # noqa: BLE001 - an order of the batch is at fault, and shows when it is read alone
        return lambda order: read([order])
    return lambda _order: found
