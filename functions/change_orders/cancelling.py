"""Cancels orders: their ids in, for each what its client is answered out."""

from collections.abc import Sequence

from redis import RedisError

from functions.change_orders.documents import Cancelled, cancelled, requested
from functions.change_orders.past_orders import has_ended
from orderflow.adapters.keys import by_partition
from orderflow.adapters.replication import end_requested, transition_written
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.errors import OrderflowError
from orderflow.runtime import async_clients, clients, clock
from orderflow.runtime.http.order_id import not_found, sought_as, unknown_orders
from orderflow.runtime.http.order_view import order_of
from orderflow.runtime.taking_back import TakenBack, take_back_each

Answer = Cancelled | Exception
_FAILURES = (OrderflowError, RedisError, OSError)
"""What the cancels of one partition, or the ledger, may fail with, and the others not."""


async def cancel(order_ids: Sequence[str], account: str) -> dict[str, Answer]:
    """Cancel an account's orders, each by itself, in a few trips to each partition; what is answered is durable.

    Returns for each the document that its client is answered with, or the error that says why it is not cancelled: a
    cancel that is repeated has the same answer as the first. Raises OverloadedError, and cancels nothing, when too many
    changes are under way. Another account's order is one that there is not.
    """
    unknown = unknown_orders()
    in_ledger = {order_id for order_id in order_ids if sought_as(order_id, account) not in unknown}
    answers = await async_clients.changes().run(_cancel, order_ids, account, in_ledger, account=account)
    for order_id, answer in answers.items():
        if answer is None and order_id in in_ledger:
            unknown.note(sought_as(order_id, account))
    return {order_id: answer or not_found(order_id) for order_id, answer in answers.items()}


def _cancel(order_ids: Sequence[str], account: str, in_ledger: set[str]) -> dict[str, Answer | None]:
    """Return what each order's client is answered; None for an order that is unknown."""
    answers: dict[str, Answer | None] = {}
    for group in by_partition(order_ids, str, clients.orders().partitions).values():
        try:
            answers |= _cancel_in_redis(group, account)
        except _FAILURES as error:
            answers |= dict.fromkeys(group, error)
    left = [order_id for order_id in order_ids if answers[order_id] is None and order_id in in_ledger]
    try:
        rows = clients.ledger().find_each(left, account) if left else {}
    except _FAILURES as error:
        return answers | dict.fromkeys(left, error)
    return answers | {order_id: _of_ended(order_of(row)) for order_id, row in rows.items()}


def _cancel_in_redis(order_ids: Sequence[str], account: str) -> dict[str, Answer | None]:
    orders = clients.orders()
    taken = take_back_each(orders, order_ids, Status.CANCELLED, clock.now_ms(), account)
    # Also what was found cancelled, or requested, may be what a failover takes back.
    clients.replication().wait_for(
        (end_requested if is_requested else transition_written)(order, orders.partitions)
        for order, is_requested in taken.values()
        if order is not None
    )
    return {order_id: _answer(each) for order_id, each in taken.items()}


def _answer(taken: TakenBack) -> Answer | None:
    if taken.order is None:
        return None
    if taken.is_requested:
        return requested(taken.order)
    return _of_ended(taken.order)


def _of_ended(order: Order) -> Answer:
    return cancelled(order) if order.status is Status.CANCELLED else has_ended(order)
