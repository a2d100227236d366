"""How much worse a route trades than at the prices before it, because of its own size: its legs in, a fraction out."""

from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import prod

from orderflow.domain.pools import Swap
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Leg

_SIX_DECIMALS = Decimal("0.000001")


def price_impact(view: MarketView, legs: Sequence[Leg]) -> Decimal:
    """Return 1 − (out ÷ in, fees left aside) ÷ the spot price along the route, from 0 to 1, to six decimals.

    The spot price along a route is what the same shares of each token would earn at their pools' prices before the
    trade. So prices of hops are multiplied, and the parts of a split are weighted by what they would have earned.
    """

    lost = [
        view.pool(leg.pool).price_impact(leg.token_in, Swap(leg.amount_in, leg.amount_out, leg.fee, leg.fee_token))
        for leg in legs
    ]
    if len({leg.token_in for leg in legs}) == len(legs):
        # Legs one after the other: whatever the spot prices, each keeps its own share of them.
        kept = prod((1 - part for part in lost), start=Decimal(1))
    else:
        spot = [view.pool(leg.pool).spot_price(leg.token_in) for leg in legs]
        executed = [price * (1 - part) for price, part in zip(spot, lost, strict=True)]
        kept = _along(legs, executed) / _along(legs, spot)
    return min(max(1 - kept, Decimal(0)), Decimal(1)).quantize(_SIX_DECIMALS, ROUND_HALF_EVEN)


def _along(legs: Sequence[Leg], prices: Sequence[Decimal]) -> Decimal:
    """Return the atoms that an atom of the first token comes to at these prices of the legs."""
    taken: Counter[str] = Counter()
    for leg in legs:
        taken[leg.token_in] += leg.amount_in
    worth: dict[str, Decimal] = {legs[-1].token_out: Decimal(1)}
    # From the last leg to the first: a leg that takes a token comes after all legs that pay it.
    for leg, price in zip(reversed(legs), reversed(prices), strict=True):
        part = price * leg.amount_in / taken[leg.token_in] * worth[leg.token_out]
        worth[leg.token_in] = worth.get(leg.token_in, Decimal(0)) + part
    return worth[legs[0].token_in]
