"""Compares orders that rest with what their limits ask for: orders and the market in, which fire and which stay out."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

from orderflow.adapters.books import Resting, Sale
from orderflow.domain.amounts import MAX_ATOMS, least_worth
from orderflow.domain.attempts import MOST_STEPS
from orderflow.domain.conditions import minimum_of
from orderflow.domain.order import MARKET, OrderRequest
from orderflow.domain.tokens import TOKENS, Token
from orderflow.domain.venue import Alike, Venue
from orderflow.errors import RejectedError

NEVER = MAX_ATOMS + 1
"""More than any route pays: one that is to receive so much takes nothing from those behind it."""


class Compared(NamedTuple):
    """A market order over all that is left of an order: the least that it may receive, and what it would receive.

    Or one over a part that fires, which would receive its minimum or more.
    """

    resting: Resting
    request: OrderRequest
    minimum: int
    received: int | RejectedError

    @property
    def fires(self) -> bool:
        """Whether it would receive enough."""
        return isinstance(self.received, int) and self.received >= self.minimum


def compare_at_once(venue: Venue, resting: Sequence[Resting]) -> Iterator[Compared]:
    """Yield every order, behind those before it that fire; of one that does not fit, the part that does."""
    if not resting:
        return
    asked = [_asked(each) for each in resting]
    received = venue.fit([each.request for each in asked], [each.minimum for each in asked])
    for each, paid in zip(asked, received, strict=True):
        compared = each._replace(received=paid)
        yield compared if compared.fires else _part_of(venue, each.resting) or compared


def compare_behind(venue: Venue, resting: Sequence[Resting], sales: Iterable[Sale]) -> Iterator[Compared]:
    """Yield the orders that fire behind what is on its way to the chain, and those that are too large without it.

    One that only others keep from firing is left out: the next time it may. So is all of a pair behind a part of an
    order, which takes what its limit, the lowest of all, allows.
    """
    if not resting:
        return
    asked = [_asked(each) for each in resting]
    behind = alike(sales, {each.request.pair: each.request.tokens for each in asked})
    received = venue.fit([each.request for each in asked], [each.minimum for each in asked], behind)
    stay: list[Compared] = []
    pairs_in_part: set[str] = set()
    has_fired = False
    for each, paid in zip(asked, received, strict=True):
        compared = each._replace(received=paid)
        if each.request.pair in pairs_in_part:
            continue
        if not compared.fires and not has_fired and (part := _part_of(venue, each.resting, behind)):
            pairs_in_part.add(part.request.pair)
            compared = part
        if compared.fires:
            has_fired = True
            yield compared
        elif not has_fired:
            stay.append(compared)
    yield from _too_large(venue, stay) if behind else stay


def alike(sales: Iterable[Sale], tokens: Mapping[str, tuple[Token, ...]]) -> list[Alike]:
    """Return sales as market orders of their mean amount, those together that differ by less than a factor of 2.

    `tokens` has those that stand in no list, by pair; what is sold in another pair of such tokens does not count.
    """
    sizes: dict[tuple[str, int], list[int]] = {}
    for pair, amount_in in sales:
        if pair in tokens or set(pair.split(">")) <= TOKENS.keys():
            sizes.setdefault((pair, amount_in.bit_length()), []).append(amount_in)
    found = []
    for (pair, _), amounts in sorted(sizes.items()):
        token_in, token_out = pair.split(">")
        mean = sum(amounts) // len(amounts)
        found.append(
            Alike(OrderRequest(token_in, token_out, mean, MARKET, 0, tokens=tokens.get(pair, ())), len(amounts))
        )
    return found


def _too_large(venue: Venue, compared: Sequence[Compared]) -> Iterator[Compared]:
    """Yield those that do not fit the pools as they are either, with what they would receive there."""
    received = venue.fit([each.request for each in compared], [NEVER for _ in compared])
    for each, paid in zip(compared, received, strict=True):
        alone = each._replace(received=paid)
        if not alone.fires:
            yield alone


def _part_of(venue: Venue, resting: Resting, behind: Sequence[Alike] = ()) -> Compared | None:
    """Return the part of an order that its limit allows now, if it may be executed in parts, and was not too often.

    Neither the part nor what remains is worth less than an order has to be.
    """
    order = resting.order
    request = order.request
    if order.least is None or not (request.allow_partial or request.time_in_force == "ioc"):
        return None
    if order.sequence >= MOST_STEPS:
        return None
    wanted = order.at_market(order.amount_remaining)
    least = least_worth(request.sells, venue.reference_prices())
    part = min(venue.largest_part(wanted, order.least, behind), wanted.amount_in)
    if request.time_in_force != "ioc" and part < wanted.amount_in:
        part = min(part, wanted.amount_in - least)
    return _asked(resting, part) if part >= max(least, 1) else None


def _asked(resting: Resting, part: int | None = None) -> Compared:
    """Return a part of an order, or all that is left of it, as what receives its least."""
    order = resting.order
    amount = order.amount_remaining if part is None else part
    minimum = minimum_of(order.least or Fraction(0), amount)
    return Compared(resting, order.at_market(amount), minimum, minimum)
