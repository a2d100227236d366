"""Takes orders that rest on: a tick of the market and what rests in, the steps that they take out.

They are looked at in no other place: `open_order` does it when one comes to rest, `trigger_orders` at each tick. Both
may look at the same order at once; a step is taken only once, by its sequence.
"""

from collections.abc import Sequence, Set
from decimal import Decimal

import msgspec

from orderflow.adapters.books import Rebooked, Resting, Sale
from orderflow.adapters.orders import Transition
from orderflow.domain import slicing
from orderflow.domain.amounts import PRICE_CONTEXT, price
from orderflow.domain.attempts import too_little
from orderflow.domain.launches import Snipe
from orderflow.domain.order import Fired, FiredBy, Order
from orderflow.domain.resting import Marks, judge, limit_price, place_of
from orderflow.domain.slippage import BPS
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.domain.venue import Venue
from orderflow.errors import PoolClosedError, RejectedError
from orderflow.runtime import clients, order_ids
from orderflow.runtime.at_limit import Compared, compare_at_once, compare_behind
from orderflow.runtime.closing import find_closed, launched_names
from orderflow.runtime.logging import get_logger

LEAST_GAIN, SAFELY = 1 / BPS, 0.95
"""By how much the price has to be better, at least, before an order that did not fit is looked at again; and the share
of what was missing, so that it is looked at rather too early."""

logger = get_logger("firing")


class Firing:
    """What becomes of orders that rest, at one tick. With `quoting`, limits are compared with what they would yield.

    A tick comes `in_turn`, after those of all blocks before it, or is the market as it is. By that one an order fires
    whose trigger it meets; but no watermark and no slots in a row are noted of it, since earlier ticks come after it.
    """

    def __init__(self, venue: Venue, tick: Tick, now_ms: int, *, quoting: bool = True, in_turn: bool = True) -> None:
        self._venue = venue
        self._tick = tick
        self._now_ms = now_ms
        self._quoting = quoting
        self._in_turn = in_turn
        self._closed: Set[str] = frozenset()
        self.transitions: list[Transition] = []
        self.rebooked: list[Rebooked] = []

    def look_at(self, resting: Sequence[Resting]) -> None:
        """Decide on orders: each takes a step, is found elsewhere, or stays as it is.

        Those that have expired, or whose token has closed, come first, before anything fires.
        """
        at_limit = []
        self._closed = find_closed(self._venue, self._tick, [each.order for each in resting])
        for each in resting:
            try:
                if not self._ends(each) and self._waits_for_price(each):
                    at_limit.append(each)
            except Exception:
                # One order at fault must not keep the others' stops from firing.
                logger.exception("order not looked at", extra={"order_id": each.order.order_id})
        if self._quoting and at_limit:
            self._compare(sorted(at_limit, key=lambda each: (limit_price(each.order), each.order.order_id)))

    def _ends(self, resting: Resting) -> bool:
        """Return whether an order is over, and end it; with a slice under way it comes again when that has ended."""
        end = self._end_of(resting)
        if end is not None and not resting.order.has_slice_under_way:
            self._take(end)
        return end is not None

    def _end_of(self, resting: Resting) -> Order | None:
        """Return an order as it ends: its time is over, its end was requested or its token has closed; or None."""
        order, expires_at_ms = resting.order, resting.order.request.expires_at_ms
        if order.status is Status.PARTIALLY_FILLED and order.request.time_in_force == "ioc":
            return order.cancel(self._now_ms, "immediate or cancel: the rest is cancelled")
        if expires_at_ms is not None and self._now_ms >= expires_at_ms:
            return order.expire(self._now_ms)
        if resting.ending is not None:
            return order.end_as(resting.ending, self._now_ms)
        if not self._closed.isdisjoint(launched_names(order)):
            return order.cancel(self._now_ms, PoolClosedError.reason)
        return None

    def _waits_for_price(self, resting: Resting) -> bool:
        """Return whether an order waits for its limit; any other is decided on."""
        order = resting.order
        if order.rests and order.rests.from_slot is not None and order.rests.from_slot > self._tick.slot:
            return False
        if order.request.snipe is not None:
            self._snipe(order, order.request.snipe)
        elif order.request.schedule is not None:
            self._slice(order)
        elif order.least is None:
            self._judge(resting)
        elif order.is_at_once or self._best(order) >= limit_price(order):
            return True
        else:
            # No route pays more than the best price, whatever the amount: it need not be quoted.
            self._rebook(resting, msgspec.structs.replace(resting.marks, fits_at=None))
        return False

    def _best(self, order: Order) -> float:
        prices = self._tick.prices.get(order.request.pair)
        return prices.best if prices else 0.0

    def _snipe(self, order: Order, snipe: Snipe) -> None:
        """Fire an order at the first launch that it buys; one that waits for a certain one fails if it does not."""
        for launch in self._tick.launches:
            has_come_since = order.rests is None or launch.open_slot > order.rests.since_slot
            is_wanted = launch.token.mint == snipe.mint if snipe.mint else has_come_since
            if not is_wanted:
                continue
            prices = self._tick.prices.get(launch.pair)
            refusal = snipe.refusal(order.request.token_in, launch)
            if refusal is None and prices is not None:
                at = PRICE_CONTEXT.create_decimal_from_float(prices.reference)
                fired = Fired(launch.open_slot, "launch", at, order.request.amount_in, launch)
                self._take(order.fire(fired, self._now_ms))
                return
            if snipe.mint is not None and refusal is not None:
                self._take(order.fail(refusal, self._now_ms))

    def _judge(self, resting: Resting) -> None:
        """Fire an order with triggers, or note what the reference price has done to it."""
        order, marks = resting.order, resting.marks
        prices = self._tick.prices.get(order.request.pair)
        if prices is None or self._tick.slot < max(order.rests.since_slot if order.rests else 0, marks.slot):
            return
        judged = judge(order, marks, self._tick.slot, prices.reference)
        trigger = order.request.trigger_by(judged.rule) if judged.rule else None
        if trigger is not None and (self._in_turn or trigger.slots == 1):
            reference = PRICE_CONTEXT.create_decimal_from_float(prices.reference)
            self._fire(order, trigger.rule, reference, order.amount_remaining)
        elif self._in_turn:
            self._rebook(resting, judged.marks)

    def _compare(self, at_limit: Sequence[Resting]) -> None:
        """Fire the orders that would receive at least their limit, each after those before it."""
        sales = []
        for each in compare_at_once(self._venue, [each for each in at_limit if each.order.is_at_once]):
            if each.fires:
                sales.append(Sale(each.request.pair, each.request.amount_in))
                self._fire_at_limit(each)
            else:
                self._take(each.resting.order.cancel(self._now_ms, _why(each)))
        others = [each for each in at_limit if not each.order.is_at_once]
        if others:
            sales += clients.books().on_their_way(self._tick.slot)
        for each in compare_behind(self._venue, others, sales):
            if each.fires:
                self._fire_at_limit(each)
            else:
                self._stays(each)

    def _stays(self, compared: Compared) -> None:
        """Have an order that is too large for the depth at this price rest until the price is better."""
        received, order = compared.received, compared.resting.order
        missing = compared.minimum / received - 1 if isinstance(received, int) and received else 0.0
        fits_at = self._best(order) * (1 + max(LEAST_GAIN, missing * SAFELY))
        self._rebook(compared.resting, msgspec.structs.replace(compared.resting.marks, fits_at=fits_at))

    def _slice(self, order: Order) -> None:
        """Begin the slice of an order that is due, or put it off while one is under way."""
        due, slot = slicing.next_slot(order), self._tick.slot
        if due is None or due > slot:
            return
        if order.has_slice_under_way:
            self._take(order.go_on(slicing.put_off(order), self._now_ms))
            return
        if order.progress and order.progress.is_put_off:
            self._take(order.go_on(slicing.caught_up(order, slot), self._now_ms))
            return
        progress = slicing.begun(order, slot)
        child = Order.accept(
            order_ids.beside(order.order_id, clients.orders().partitions),
            slicing.slice_request(order),
            self._now_ms,
            parent_id=order.order_id,
            slice_number=progress.begun,
            account=order.account,
        )
        self._take(order.go_on(progress, self._now_ms, child.order_id), child)

    def _fire_at_limit(self, compared: Compared) -> None:
        order, request = compared.resting.order, compared.request
        received = compared.received if isinstance(compared.received, int) else compared.minimum
        at = price(request.amount_in, request.sells, received, request.buys)
        self._fire(order, _rule_at_limit(order), at, request.amount_in)

    def _fire(self, order: Order, rule: FiredBy, at: Decimal, amount_in: int) -> None:
        self._take(order.fire(Fired(self._tick.slot, rule, at, amount_in), self._now_ms))

    def _take(self, order: Order, child: Order | None = None) -> None:
        self.transitions.append(Transition(order, child=child))

    def _rebook(self, resting: Resting, marks: Marks) -> None:
        """Note what has changed of an order, if anything has."""
        order = resting.order
        place = place_of(order, marks, self._tick.slot)
        waited = order.rests is not None and order.rests.from_slot is not None
        noted = msgspec.structs.replace(marks, look_slot=place.look_slot, waited=waited)
        if noted != resting.marks:
            slot = marks.slot if marks == resting.marks and not self._in_turn else self._tick.slot
            self.rebooked.append(Rebooked(order, place, msgspec.structs.replace(noted, slot=slot)))


def _rule_at_limit(order: Order) -> FiredBy:
    """Return what fires an order whose limit is met: of a stop with a limit, the rule by which it has that."""
    return order.fired.rule if order.fired and order.request.triggers else "limit"


def _why(compared: Compared) -> str:
    """Say why an order that is to be executed at once is not."""
    if isinstance(compared.received, RejectedError):
        return str(compared.received)
    return too_little(compared.resting.order, compared.received, compared.minimum)
