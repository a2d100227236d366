"""Amends orders that rest: an order's id and what is to be otherwise in, the order after that step out."""

from contextlib import suppress
from http import HTTPStatus

import msgspec

from functions.change_orders.amendment import AMOUNT, Amendment
from functions.change_orders.past_orders import conflict, has_ended, state_of
from orderflow.adapters.orders import Transition
from orderflow.adapters.replication import transition_written
from orderflow.domain.amounts import LEAST_WORTH_USD, least_worth
from orderflow.domain.attempts import MOST_STEPS
from orderflow.domain.conditions import Trigger, shown_amount
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order, OrderRequest
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients, clients, clock
from orderflow.runtime.http.order_amounts import check_limits
from orderflow.runtime.http.order_id import not_found, sought_as, unknown_orders
from orderflow.runtime.http.order_view import order_of
from orderflow.runtime.http.problems import ProblemError, invalid

MOST_READS = 20
"""An order that has taken another step each time it was read, so often, is left for later."""


async def amend(order_id: str, account: str, amendment: Amendment) -> Order:
    """Amend an account's order in one step, durably, and return it; one that is that way already takes no step.

    Raises ProblemError that says why it can't be amended, and RetryableError.
    """
    unknown = unknown_orders()
    in_ledger = sought_as(order_id, account) not in unknown
    order = await async_clients.changes().run(_amend, order_id, account, amendment, in_ledger, account=account)
    if order is None:
        if in_ledger:
            unknown.note(sought_as(order_id, account))
        raise not_found(order_id)
    return order


def _amend(order_id: str, account: str, amendment: Amendment, in_ledger: bool) -> Order | None:
    """Return the order after its step; None when it is unknown."""
    orders = clients.orders()
    for _ in range(MOST_READS):
        order = orders.find_each([order_id], account).get(order_id)
        if order is None:
            row = clients.ledger().find(order_id, account) if in_ledger else None
            if row is None:
                return None
            raise _not_amendable(order_of(row), amendment)
        after = _amended(order, amendment)
        # An end that was requested meanwhile is found when the order is read again.
        with suppress(RetryableError):
            if after is order or orders.apply([Transition(after)])[0]:
                break
    else:
        raise RetryableError(f"order {order_id} took another step each time that it was to be amended")
    clients.replication().wait_for([transition_written(after, orders.partitions)])
    return after


def _amended(order: Order, amendment: Amendment) -> Order:
    """Return an order with its amendment, or as it is when it is that way already."""
    if order.status not in RESTING or amendment.sequence not in (None, order.sequence):
        raise _not_amendable(order, amendment, in_redis=True)
    noted = clients.books().noted([order])[0]
    now_ms = clock.now_ms()
    if noted.ending is not None:
        raise conflict(order, f"is about to be {noted.ending}, which was requested")
    if order.request.expires_at_ms is not None and order.request.expires_at_ms <= now_ms:
        raise conflict(order, "has expired")
    if order.slice is not None:
        raise conflict(order, f"is a slice of order {order.parent_id}, which can be amended")
    if order.sequence >= MOST_STEPS:
        raise conflict(order, f"has taken {order.sequence} steps: it can be cancelled, and amended no more")
    request = amendment.request(order.request)
    if request == order.request:
        return order
    check_limits(request)
    _check_triggered(order, request)
    if AMOUNT in amendment.fields:
        under_way = _under_way(order)
        if request.amount_in <= order.amount_filled and not under_way:
            return order.cancel(now_ms, "amended to an amount that is executed already")
        _check_amount(order, request, under_way)
    return order.amend(request, noted.marks.watermark, now_ms, since_slot=_rests_anew(order, request))


def _rests_anew(order: Order, request: OrderRequest) -> int | None:
    """Return the slot since which an order rests with other filters; None where these are the same.

    It waits for the next launch that passes them: not for those passed over, which may have opened long ago.
    """
    before, after = order.request.snipe, request.snipe
    if before is None or after is None or before.filters == after.filters:
        return None
    return clients.venue().slot()


def _not_amendable(order: Order, amendment: Amendment, *, in_redis: bool = False) -> ProblemError | RetryableError:
    if amendment.sequence not in (None, order.sequence):
        detail = f"order {order.order_id} is at sequence {order.sequence} by now, and {order.status}"
        return ProblemError(HTTPStatus.PRECONDITION_FAILED, detail, order=state_of(order))
    if order.has_ended or not in_redis:
        return has_ended(order)
    return conflict(order, f"is {order.status}: only one that is {' or '.join(sorted(RESTING))} can be amended")


def _check_triggered(order: Order, request: OrderRequest) -> None:
    """Refuse to change what an order waited for that was triggered, and rests at its limit now."""
    fired = order.request.trigger_by(order.fired.rule) if order.fired else None
    if fired is None:
        return
    for before, after in zip(order.request.triggers, request.triggers, strict=True):
        is_same = before == after if before is not fired else _without_limit(before) == _without_limit(after)
        if not is_same:
            raise conflict(order, f"was triggered by its {fired.rule}: of that its limit_price alone can be amended")


def _without_limit(trigger: Trigger) -> Trigger:
    return msgspec.structs.replace(trigger, limit=None)


def _under_way(order: Order) -> int:
    """Return the atoms of the slice that is under way; 0 where none is."""
    if not order.has_slice_under_way or order.child_id is None:
        return 0
    found = clients.orders().find_each([order.child_id])
    if order.child_id not in found:
        raise RetryableError(f"slice {order.child_id} has ended, and is about to be added to order {order.order_id}")
    return found[order.child_id].request.amount_in


def _check_amount(order: Order, request: OrderRequest, under_way: int) -> None:
    """Check that an order can come to an amount, and that what is left of it, or each slice, is worth a dollar."""
    token_in = request.sells
    rest, parts = request.amount_in - order.amount_filled - under_way, _parts(order)
    if under_way and (rest < 0 or (rest > 0 and parts == 0)):
        least = shown_amount(order.amount_filled + under_way, token_in)
        raise conflict(order, f"has a slice under way: with that {least} are executed")
    least_rest = least_worth(token_in, clients.venue().reference_prices())
    if rest and rest // parts < least_rest:
        of = " for each slice" if request.schedule else ""
        raise invalid(AMOUNT, f"must leave at least {LEAST_WORTH_USD} USD{of}")


def _parts(order: Order) -> int:
    """Return in how many parts what remains of an order is executed, beside the slice under way."""
    if order.request.schedule is None:
        return 1
    return order.request.schedule.slices - (order.progress.begun if order.progress else 0)
