"""Says why an order that rests is not executed yet: the order, what is noted of it and the market in, the view out."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction
from functools import cached_property

from orderflow.adapters.books import Resting as Noted
from orderflow.domain import slicing
from orderflow.domain.amounts import PRICE_CONTEXT
from orderflow.domain.attempts import too_little
from orderflow.domain.conditions import Price, Trigger, minimum_of, shown_price
from orderflow.domain.distance import distance_bps
from orderflow.domain.launches import Launch
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.resting import holds, stop_price
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.errors import PoolClosedError, PoolNotOpenError, RejectedError
from orderflow.runtime.http.order_conditions import prices_of
from orderflow.runtime.http.order_view import Resting

Yield = int | RejectedError | None
"""What an order would receive now in atoms, or why nothing; None where that could not be found out."""


def next_request(order: Order) -> OrderRequest:
    """Return what is executed next of an order, as a market order: all that remains, or a slice of it."""
    return order.at_market(order.amount_remaining if order.request.schedule is None else slicing.slice_amount(order))


def resting_of(noted: Noted, tick: Tick, would_yield: Yield, launches: Sequence[Launch] = ()) -> Resting:
    """Return why an order that rests is not executed yet; `would_yield` is for what `next_request` asks for.

    `launches` are those that are announced or open, and one before them if there was any.
    """
    prices = tick.prices.get(noted.order.request.pair)
    view = _View(noted, tick.slot, prices.reference if prices else None, would_yield, launches)
    nearest, watermark = view.nearest, noted.marks.watermark
    return Resting(
        slot=tick.slot,
        why=view.why(),
        minimum_out=view.minimum,
        would_yield=would_yield if isinstance(would_yield, int) else None,
        distance_bps=view.distance(),
        reference_price=None if view.reference is None else view.price(view.reference),
        trigger_price=view.price(nearest.at) if nearest and nearest.is_active else None,
        watermark=None if watermark is None else view.price(watermark),
        attempts=noted.order.attempts,
        last_attempt=noted.order.reason,
        next_attempt_slot=view.next_slot,
    )


@dataclass(frozen=True)
class _Near:
    """How far the reference price is from a trigger, and the price that meets it; while not active, that activates it.

    `at` is in units of `token_out` per unit of `token_in`.
    """

    bps: Decimal
    trigger: Trigger
    at: Fraction
    is_active: bool


@dataclass(frozen=True)
class _View:
    """An order that rests, and the market at a slot."""

    noted: Noted
    slot: int
    reference: float | None
    would_yield: Yield
    launches: Sequence[Launch]

    @property
    def order(self) -> Order:
        return self.noted.order

    @cached_property
    def written(self) -> Price:
        """A price in the form in which the order's prices are written."""
        request = self.order.request
        return next(prices_of(request.limit, *request.triggers), Price(Decimal(1)))

    @cached_property
    def minimum(self) -> int | None:
        """The fewest atoms that what is executed next may yield; None without a limit."""
        order, request = self.order, self.order.request
        least = order.least
        if request.schedule is not None and request.limit is not None:
            least = request.least_at(request.limit)
        return None if least is None else minimum_of(least, next_request(order).amount_in)

    @cached_property
    def next_slot(self) -> int | None:
        """The slot before which it is not tried, if it waits for one."""
        if self.order.request.schedule is not None:
            return slicing.next_slot(self.order)
        from_slot = self.order.rests.from_slot if self.order.rests else None
        return from_slot if from_slot is not None and from_slot > self.slot else None

    @cached_property
    def nearest(self) -> _Near | None:
        """The trigger that the reference price is nearest to; None for an order that waits for its limit, or a time."""
        if self.reference is None or self.order.least is not None:
            return None
        return min(self._near(), key=lambda each: each.bps, default=None)

    def _near(self) -> Iterator[_Near]:
        for trigger in self.order.request.triggers:
            starts_at = trigger.activation_price
            if (at := stop_price(trigger, self.noted.marks)) is not None:
                yield _Near(self._bps(at, rises=trigger.rule == "take_profit"), trigger, at, is_active=True)
            elif starts_at is not None:
                yield _Near(self._bps(starts_at.exact, rises=True), trigger, starts_at.exact, is_active=False)

    def _bps(self, at: Fraction, *, rises: bool) -> Decimal:
        now = self.written.as_written(self.reference or 0.0)
        return distance_bps(self.written.as_written(at), now, rises=rises is not self.written.inverted)

    def distance(self) -> Decimal | None:
        """Return how far the market is from what the order waits for, in basis points."""
        if self.minimum is not None:
            return distance_bps(self.minimum, self.would_yield) if isinstance(self.would_yield, int) else None
        return self.nearest.bps if self.nearest else None

    def price(self, exact: Fraction | float) -> Decimal:
        """Return a price in the form in which the order's are written, to 12 significant digits."""
        value = self.written.as_written(exact)
        return PRICE_CONTEXT.divide(Decimal(value.numerator), Decimal(value.denominator))

    def why(self) -> str:
        """Say why it is not executed yet."""
        if self.noted.ending is not None:
            what = "it has expired" if self.noted.ending is Status.EXPIRED else "its cancel was requested"
            return f"{what}, and it ends when the slice under way has"
        if isinstance(self.would_yield, PoolClosedError):
            ends_later = self.order.has_slice_under_way
            end = ", and it ends when the slice under way has" if ends_later else ": it is about to be cancelled"
            return f"{self.would_yield}{end}"
        if self.order.request.schedule is not None:
            return self._why_slice()
        if self.order.request.snipe is not None:
            return self._why_launch(self.order.request.snipe.mint)
        if self.next_slot is not None:
            return f"next attempt from slot {self.next_slot}"
        if self.minimum is not None:
            return self._why_limit(self.minimum)
        if self.reference is None and isinstance(self.would_yield, PoolNotOpenError):
            return str(self.would_yield)
        if self.nearest is None or self.reference is None:
            return "the market has no reference price for it yet"
        return self._why_trigger(self.nearest, self.reference)

    def _why_slice(self) -> str:
        progress, schedule = self.order.progress, self.order.request.schedule
        begun, slices = progress.begun if progress else 0, schedule.slices if schedule else 0
        if progress is not None and progress.is_under_way:
            return f"slice {begun} of {slices} is under way"
        due = self.next_slot or 0
        return f"slice {begun + 1} of {slices} is due" + (f" in slot {due}" if due > self.slot else "")

    def _why_launch(self, mint: str | None) -> str:
        what = f"a launch in {self.order.request.token_in} that passes its filters"
        why = f"waits for {f'the launch of {mint}' if mint else what}"
        if not self.launches:
            return f"{why}: none are made in this market"
        if mint is None:
            return why
        launch = next((launch for launch in self.launches if launch.token.mint == mint), None)
        if launch is None:
            return f"{why}, which is not announced yet"
        if launch.status_at(self.slot) == "announced":
            return f"{why}, which opens in slot {launch.open_slot}"
        return f"{why}, which opened in slot {launch.open_slot}: it is about to be triggered"

    def _why_limit(self, minimum: int) -> str:
        if self.would_yield is None:
            return "no quote could be made right now"
        if isinstance(self.would_yield, RejectedError):
            return str(self.would_yield)
        why = too_little(self.order, self.would_yield, minimum)
        return why if self.would_yield < minimum else f"{why}: it is about to be executed"

    def _why_trigger(self, near: _Near, reference: float) -> str:
        now, at = self.written.as_written(reference), self.written.as_written(near.at)
        side = "at" if now == at else "above" if now > at else "below"
        trigger_or_start = "" if near.is_active else "the activation price "
        why = f"reference {shown_price(now)} is {side} {trigger_or_start}{shown_price(at)}"
        marks = self.noted.marks
        if not near.is_active or not holds(near.trigger, marks.watermark, reference):
            return why
        if near.trigger.slots > 1 and marks.since is not None:
            return f"{why} since slot {marks.since}, of {near.trigger.slots} slots in a row"
        return f"{why}: it is about to be triggered"
