"""How much worse a route trades than at the prices before it, because of its own size: its swaps in, a fraction out."""

from collections import Counter
from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from math import prod

from orderflow.domain.router.swapper import PoolSwap

_SIX_DECIMALS = Decimal("0.000001")


def price_impact(swaps: Sequence[PoolSwap]) -> Decimal:
    """Return 1 − (out ÷ in, fees left aside) ÷ the spot price along the route, from 0 to 1, to six decimals.

    The spot price along a route is what the same shares of each token would earn at their pools' prices before the
    trade. So prices of hops are multiplied, and the parts of a split are weighted by what they would have earned.
    """
    lost = [pool.price_impact(token_in, result) for pool, token_in, result in swaps]
    if len({token_in for _, token_in, _ in swaps}) == len(swaps):
        # Swaps one after the other: whatever the spot prices, each keeps its own share of them.
        kept = prod([1 - part for part in lost], start=Decimal(1))
    else:
        spot = [pool.spot_price(token_in) for pool, token_in, _ in swaps]
        executed = [price * (1 - part) for price, part in zip(spot, lost, strict=True)]
        kept = _along(swaps, executed) / _along(swaps, spot)
    return min(max(1 - kept, Decimal(0)), Decimal(1)).quantize(_SIX_DECIMALS, ROUND_HALF_EVEN)


def _along(swaps: Sequence[PoolSwap], prices: Sequence[Decimal]) -> Decimal:
    """Return the atoms that an atom of the first token comes to at these prices of the swaps."""
    taken: Counter[str] = Counter()
    for _, token_in, result in swaps:
        taken[token_in] += result.amount_in
    last, token_in, _ = swaps[-1]
    worth: dict[str, Decimal] = {last.other(token_in): Decimal(1)}
    # From the last swap to the first: a swap that takes a token comes after all swaps that pay it.
    for (pool, token_in, result), price in zip(reversed(swaps), reversed(prices), strict=True):
        part = price * result.amount_in / taken[token_in] * worth[pool.other(token_in)]
        worth[token_in] = worth.get(token_in, Decimal(0)) + part
    return worth[swaps[0][1]]
