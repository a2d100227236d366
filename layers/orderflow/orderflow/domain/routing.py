"""Compares what the venues would pay for an order and picks the best: pools in, a route out."""

from collections.abc import Iterable
from decimal import Decimal

import msgspec

from orderflow.domain.amounts import price
from orderflow.domain.pools import Pool
from orderflow.domain.pools.constant_product import Swap
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS
from orderflow.errors import NoRouteError, RejectedError


class Leg(msgspec.Struct, frozen=True):
    """One swap of a route, or one fill of an execution. Amounts are atoms; `share_bps` is of the order's input."""

    venue: str
    pool: str
    share_bps: int
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int
    fee: int
    fee_token: str


class VenueQuote(msgspec.Struct, frozen=True):
    """What a venue's best pool would pay, in atoms and as a price; or, when it can't, the reason in `error`."""

    venue: str
    pool: str
    amount_out: int = 0
    price: Decimal = Decimal(0)
    error: str | None = None


class Route(msgspec.Struct, frozen=True):
    """The swaps chosen for an order. `price_impact` is a fraction of the price before the trade, fees left aside."""

    venue: str
    legs: tuple[Leg, ...]
    amount_in: int
    expected_out: int
    price_impact: Decimal
    quotes: tuple[VenueQuote, ...]


def best_route(pools: Iterable[Pool], token_in: str, token_out: str, amount_in: int) -> Route:
    """Return the route through the pool that pays most for `amount_in` atoms, with every venue's best quote.

    Of equal payers the pool whose venue and address sort first is taken, so the choice is deterministic. Raises
    NoRouteError when no pool trades the pair, and the venue's own RejectedError when none can take the amount.
    """
    offers: list[tuple[int, Pool, Swap]] = []
    quotes: dict[str, VenueQuote] = {}
    refusal: RejectedError | None = None
    for pool in sorted(pools, key=lambda pool: (pool.venue, pool.pool)):
        try:
            swap, _ = pool.swap(token_in, amount_in)
        except RejectedError as error:
            refusal = error
            quotes.setdefault(pool.venue, VenueQuote(pool.venue, pool.pool, error=str(error)))
            continue
        offers.append((swap.amount_out, pool, swap))
        known = quotes.get(pool.venue)
        if known is None or swap.amount_out > known.amount_out:
            unit_price = price(amount_in, TOKENS[token_in], swap.amount_out, TOKENS[token_out])
            quotes[pool.venue] = VenueQuote(pool.venue, pool.pool, swap.amount_out, unit_price)
    if not offers:
        raise refusal or NoRouteError(f"no venue trades {token_in} against {token_out}")
    expected_out, best, swap = max(offers, key=lambda offer: offer[0])
    return Route(
        venue=best.venue,
        legs=(leg_of(best, token_in, swap, BPS),),
        amount_in=amount_in,
        expected_out=expected_out,
        price_impact=best.price_impact(token_in, swap),
        quotes=tuple(quotes.values()),
    )


def leg_of(pool: Pool, token_in: str, swap: Swap, share_bps: int) -> Leg:
    """Return `swap` on `pool` as the leg of a route or the fill of an execution."""
    return Leg(
        venue=pool.venue,
        pool=pool.pool,
        share_bps=share_bps,
        token_in=token_in,
        token_out=pool.other(token_in),
        amount_in=swap.amount_in,
        amount_out=swap.amount_out,
        fee=swap.fee,
        fee_token=swap.fee_token,
    )
