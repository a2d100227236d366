"""What must hold of orders that make others: slices of a whole, and the exits of what was bought."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from fractions import Fraction

import msgspec

from orderflow.domain.conditions import Trigger
from orderflow.domain.lifecycle import RESTING, SLICE_ENDED
from orderflow.domain.order import Order, StatusEvent
from orderflow.domain.status import Status
from tests.model.memory import Carried
from tests.model.prices import is_close
from tests.model.violation import require


def check_families(
    orders: Mapping[str, Order], histories: Mapping[str, Sequence[StatusEvent]], carried: Carried
) -> None:
    """A child is there exactly once, and exactly if its parent's step that made it is."""
    children: dict[str, list[Order]] = defaultdict(list)
    for order in orders.values():
        if order.parent_id is not None:
            children[order.parent_id].append(order)
    for order_id, history in histories.items():
        named = {event.child_id for event in history if event.child_id}
        there = {child.order_id for child in children[order_id]}
        require(named == there, f"{order_id} has made these, and they are there", named, there)
        parent = orders[order_id]
        if parent.request.schedule is not None:
            _check_slices(parent, sorted(children[order_id], key=lambda child: child.slice or 0), carried)
        elif parent.request.exits:
            _check_exits(parent, children[order_id])
    require(children.keys() <= orders.keys(), "every child has a parent")


def check_made(child: Order, parent: Order) -> None:
    """A child asks for what its parent does, as that is when it makes it: a part of it, or its exits."""
    made, whole = child.request, parent.request
    require(child.account == parent.account, "who has an order has those that it makes", child, parent)
    if whole.schedule is None:
        exits = (whole.token_out, whole.token_in, parent.amount_out, None)
        sold = (made.token_in, made.token_out, made.amount_in, made.limit)
        as_asked = all(_is_as_asked(*each, parent) for each in zip(made.triggers, whole.exits, strict=True))
        require(sold == exits and as_asked, "exits sell what was bought, as they were asked for", child, parent)
        return
    left = whole.schedule.slices - (child.slice or 0) + 1
    part = (whole.amount_in - parent.amount_filled) // left
    terms = (whole.token_in, whole.token_out, part, whole.limit, whole.slippage_bps, whole.expires_at_ms)
    sliced = (made.token_in, made.token_out, made.amount_in, made.limit, made.slippage_bps, made.expires_at_ms)
    require(sliced == terms, "a slice is its part of what is left, on the terms of the whole", child, parent)


def _is_as_asked(made: Trigger, asked: Trigger, parent: Order) -> bool:
    """Return whether an exit has the price that was asked for, or lies as far as was asked from what was paid."""
    if asked.entry_bps is None:
        return made == asked
    request = parent.request
    got = Fraction(parent.amount_out or 0, 10**request.buys.decimals)
    paid = Fraction(request.amount_in, 10**request.sells.decimals) / got
    price = paid * (10_000 + (asked.entry_bps if asked.rule == "take_profit" else -asked.entry_bps)) / 10_000
    kept = msgspec.structs.replace(asked, entry_bps=None, price=made.price)
    return made == kept and made.price is not None and is_close(float(made.price.exact), float(price))


def _check_exits(parent: Order, exits: Sequence[Order]) -> None:
    """The exits are there from the step on that confirms their parent, over what that has received."""
    sold = [(order.request.token_in, order.request.amount_in) for order in exits]
    bought = [(parent.request.token_out, parent.amount_out)] if parent.status is Status.CONFIRMED else []
    require(sold == bought, "what was bought is sold once", parent, exits)


def _check_slices(parent: Order, slices: Sequence[Order], carried: Carried) -> None:
    """One slice is under way at a time; what those that have ended have filled is what the whole has filled."""
    progress, whole = parent.progress, parent.request
    ended, begun = (progress.ended, progress.begun) if progress else (0, 0)
    family = "slices are parts of one whole", parent, slices
    require([each.slice for each in slices] == list(range(1, begun + 1)), *family)
    require(begun - ended in (0, 1) and begun <= (whole.schedule.slices if whole.schedule else 0), *family)
    require(all(each.has_ended for each in slices[:ended]), *family)
    filled = [each for each in slices[:ended] if each.status is Status.CONFIRMED]
    amounts = sum(each.request.amount_in for each in filled), sum(each.amount_out or 0 for each in filled)
    require((parent.amount_filled, parent.amount_out or 0) == amounts, *family)
    require((parent.status is Status.CONFIRMED) == (parent.amount_filled == whole.amount_in), *family)
    open_amounts = [each.request.amount_in for each in slices[ended:]]
    require(parent.amount_filled + sum(open_amounts) <= whole.amount_in, *family)
    if parent.has_ended:
        # Nothing more is executed of it.
        require(all(each.has_ended for each in slices), *family)
        executed = sum(each.request.amount_in for each in slices if each.status is Status.CONFIRMED)
        require(executed == parent.amount_filled, *family)
    if parent.status in RESTING:
        for each in slices[ended:]:
            has_message = (SLICE_ENDED, each.sequence) in carried.get(each.order_id, set())
            require(not each.has_ended or has_message, "a slice that has ended is settled", each, parent)
