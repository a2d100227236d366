"""What must hold of orders that rest: each is found where it should be, at every moment, and nothing else is."""

from collections.abc import Mapping
from fractions import Fraction
from math import ceil

import msgspec

from orderflow.adapters.keys import key, partition_of
from orderflow.domain.lifecycle import EXPIRED_STREAM, RESTING
from orderflow.domain.order import MARKET, Order, OrderRequest
from orderflow.domain.resting import Marks
from orderflow.domain.status import Status
from orderflow.domain.venue import Venue
from orderflow.errors import RejectedError
from tests.model.memory import Carried
from tests.model.promises import limit_of
from tests.model.redis import Snapshot
from tests.model.violation import require
from tests.model.world import PARTITIONS

Found = tuple[str, *tuple[object, ...]]
"""What should hold of where an order is found, and about what."""

ON_ITS_WAY = (Status.TRIGGERED, Status.ROUTING, Status.BUILDING, Status.SUBMITTED)

_marks = msgspec.json.Decoder(Marks).decode


def check_books(snapshot: Snapshot, orders: Mapping[str, Order], carried: Carried) -> None:
    """An order rests if its status says so; it is in the books that its hash names, at prices that fire it in time."""
    at_rest = {order_id for order_id, order in orders.items() if order.status in RESTING}
    require(snapshot.resting.keys() == at_rest, "an order rests as its status says", snapshot.resting, at_rest)
    entries: dict[str, dict[str, float]] = {order_id: {} for order_id in at_rest}
    for name, book in snapshot.books.items():
        for order_id, price in book.items():
            title = name.partition(":book:")[2]
            require(order_id in at_rest, f"{order_id} is in {name} and does not rest")
            require(key(partition_of(order_id, PARTITIONS), f"book:{title}") == name, f"{order_id} is in {name}")
            entries[order_id][title] = price
    require(snapshot.first_prices == _first_prices(snapshot), "of each book the first price is known", snapshot.books)
    on_their_way = {
        f"{order_id} {order.request.pair} {order.fired.amount_in}": float(order.fired.slot)
        for order_id, order in orders.items()
        if order.fired and order.status in ON_ITS_WAY
    }
    require(
        snapshot.fired == on_their_way, "what has fired counts until its attempt ends", snapshot.fired, on_their_way
    )
    for order_id in at_rest:
        _check_place(snapshot, orders[order_id], entries[order_id])
        _check_expiry(snapshot, orders[order_id], carried.get(order_id, set()))
    for order_id, fields in snapshot.orders.items():
        require(order_id in at_rest or "books" not in fields, "an order that does not rest names no books", fields)
        is_to_expire = f"{order_id} 1" in snapshot.expiries
        require(not (is_to_expire and orders[order_id].has_ended), "an order that has ended does not expire", fields)


def _first_prices(snapshot: Snapshot) -> dict[str, dict[str, float]]:
    firsts: dict[str, dict[str, float]] = {}
    for name, book in snapshot.books.items():
        partition, _, title = name.partition(":book:")
        if title.startswith("launch:"):
            continue  # no price reaches it
        first = max if title.startswith("fall:") else min
        firsts.setdefault(partition.strip("{}"), {})[title] = first(book.values())
    return firsts


def check_may_rest(snapshot: Snapshot, order: Order, venue: Venue, now_ms: int) -> None:
    """When all is done that was to be done, the market does not pay an order that rests what it asks for."""
    request, marks = order.request, _noted(snapshot, order)
    rests = "an order rests only as long as it may", order, marks
    require(request.expires_at_ms is None or request.expires_at_ms > now_ms, *rests)
    require(order.progress is None or order.progress.begun == order.progress.ended, *rests)
    waits = order.rests is not None and (order.rests.from_slot or 0) > snapshot.slot
    require(waits or not order.is_at_once, *rests)
    limit = limit_of(order)
    if limit is not None and not waits and not marks.fits_at:
        left = OrderRequest(
            request.token_in, request.token_out, order.amount_remaining, MARKET, 500, tokens=request.tokens
        )
        minimum = ceil(limit * left.amount_in)
        [received] = venue.fit([left], [minimum])
        require(isinstance(received, RejectedError) or received < minimum, *rests, received)


def _noted(snapshot: Snapshot, order: Order) -> Marks:
    fields = snapshot.orders[order.order_id]
    return _marks(fields["marks"]) if "marks" in fields else Marks()


def _check_expiry(snapshot: Snapshot, order: Order, carried: set[tuple[str, int]]) -> None:
    """An order that rests is to expire when its time is over."""
    expires_at_ms = order.request.expires_at_ms
    if expires_at_ms is None:
        return
    planned = snapshot.expiries.get(f"{order.order_id} 1")
    is_to_end = "ending" in snapshot.orders[order.order_id]
    is_due = any(stream == EXPIRED_STREAM for stream, _ in carried) or snapshot.dead(EXPIRED_STREAM, order.order_id)
    require(is_due or is_to_end or planned == expires_at_ms, f"an order expires at its time, not at {planned}", order)


def _check_place(snapshot: Snapshot, order: Order, entries: Mapping[str, float]) -> None:
    fields, look_slot = snapshot.orders[order.order_id], snapshot.resting[order.order_id]
    names = fields.get("books")
    require(names is not None and set(names.split()) == entries.keys(), "an order is where it says", fields, entries)
    marks = _noted(snapshot, order)
    closing = {name: at for name, at in entries.items() if name.startswith("closing:")}
    tokens = {f"closing:{token.symbol}": 0.0 for token in order.request.tokens}
    require(closing == tokens, "an order is found when its token closes", order, entries)
    entries = {name: at for name, at in entries.items() if name not in closing}
    found = "an order is found when its price comes", order, entries, look_slot, marks
    from_slot = order.rests.from_slot if order.rests else None
    if not entries:
        counts = marks.since is not None
        waits = from_slot is not None and look_slot == from_slot
        in_slices = order.request.schedule is not None
        follows = any(trigger.rule == "trailing_stop" for trigger in order.request.triggers)
        require(counts or waits or in_slices or follows, *found)
        # While a slice is under way, the end of that takes it on.
        is_under_way = order.progress is not None and order.progress.begun > order.progress.ended
        require(look_slot != float("inf") or is_under_way, *found)
        return
    require(from_slot is None or from_slot <= snapshot.slot, *found)
    require(order.request.schedule is None, *found)
    if (snipe := order.request.snipe) is not None:
        rank = float(["turbo", "fast", "normal"].index(snipe.priority))
        require(entries == {f"launch:{snipe.mint or order.request.token_in}": rank}, *found)
        return
    if (limit := limit_of(order)) is not None:
        units = 10**order.request.sells.decimals, 10**order.request.buys.decimals
        price = limit * Fraction(*units)
        require(entries.keys() == {f"limit:{order.request.pair}"}, *found)
        [score] = entries.values()
        # One that is too large for the depth is found at a better price, and looked at again in any case.
        require(Fraction(score) <= price or (marks.fits_at and look_slot <= snapshot.slot + 150), *found)
        return
    if look_slot > snapshot.slot:  # otherwise the next tick finds it whatever the prices are
        _check_triggers(order, entries, marks, found)


def _check_triggers(order: Order, entries: Mapping[str, float], marks: Marks, found: Found) -> None:
    """Each trigger has its entry: the one of a rising price not above what fires it, the other one not below."""
    sides = {}
    for trigger in order.request.triggers:
        if trigger.rule == "trailing_stop":
            watermark = Fraction(marks.watermark or 0)
            sides["fall"] = watermark * (10_000 - (trigger.trail_bps or 0)) / 10_000
            sides["rise"] = watermark * Fraction(1001, 1000)
        elif trigger.price:
            sides["rise" if trigger.rule == "take_profit" else "fall"] = trigger.price.exact
    require(entries.keys() == {f"{side}:{order.request.pair}" for side in sides}, *found)
    for side, price in sides.items():
        score = Fraction(entries[f"{side}:{order.request.pair}"])
        early = price - score if side == "rise" else score - price
        require(0 <= early <= price / 10**15, *found)
