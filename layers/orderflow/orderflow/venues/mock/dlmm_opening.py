"""Liquidity for DLMM pools: a price and an amount of US dollars, or of both tokens, in, bins around the price out."""

from decimal import ROUND_HALF_EVEN, Context, Decimal

import msgspec

from orderflow.domain.pools.dlmm_math import BPS
from orderflow.domain.tokens import Token
from orderflow.venues.mock.prices import OPENING_PRICES

# Wide enough that rounding never decides which bin is the nearest, and the same on every machine.
_CONTEXT = Context(prec=40, rounding=ROUND_HALF_EVEN)


class DlmmParameters(msgspec.Struct, frozen=True, kw_only=True):
    """A set of parameters that pools in use share, by the names of Dlmm's fields."""

    bin_step: int
    base_factor: int
    control: int
    max_va: int
    filter_period_s: int
    decay_period_s: int
    reduction_factor: int = 5_000
    protocol_share: int = 1_000


NARROW = DlmmParameters(
    bin_step=10, base_factor=10_000, control=40_000, max_va=350_000, filter_period_s=30, decay_period_s=600
)
"""Bins of 0.1 % and a base fee of 0.1 %."""

WIDE = DlmmParameters(
    bin_step=250, base_factor=4_000, control=7_500, max_va=150_000, filter_period_s=300, decay_period_s=1_200
)
"""Bins of 2.5 % and a base fee of 1 %."""


class OpeningBins(msgspec.Struct, frozen=True):
    """Where a pool's liquidity lies, by the names of Dlmm's fields."""

    active_id: int
    lowest_id: int
    bins_x: tuple[int, ...]
    bins_y: tuple[int, ...]


def nearest_bin(bin_step: int, price: Decimal, base: Token, quote: Token) -> int:
    """Return the id of the bin whose price lies nearest, by ratio, to `price` units of `quote` per unit of `base`."""
    price_in_atoms = price.scaleb(quote.decimals - base.decimals, _CONTEXT)
    step = _CONTEXT.ln(1 + Decimal(bin_step) / BPS)
    return int(_CONTEXT.divide(_CONTEXT.ln(price_in_atoms), step).to_integral_value(ROUND_HALF_EVEN))


def dlmm_opening_bins(
    base: Token, quote: Token, price: Decimal, liquidity_usd: Decimal, bin_step: int, *, reach: int = 30
) -> OpeningBins:
    """Distribute `liquidity_usd`, half of it of either token, evenly over `reach` bins to each side of a price.

    `base` is the pool's X, `quote` its Y; `price` is in units of `quote` per unit of `base`, and the active bin is the
    nearest to it, at most half a bin step off. Dollars become atoms at the tokens' opening prices.
    """
    active_id = nearest_bin(bin_step, price, base, quote)
    total_x = int((liquidity_usd / 2 / OPENING_PRICES[base.symbol]).scaleb(base.decimals, _CONTEXT))
    total_y = int((liquidity_usd / 2 / OPENING_PRICES[quote.symbol]).scaleb(quote.decimals, _CONTEXT))
    return bins_around(active_id, reach, total_x, total_y)


def bins_around(active_id: int, reach: int, total_x: int, total_y: int) -> OpeningBins:
    """Distribute atoms of X and Y evenly over `reach` bins to each side of the active one.

    The bins above hold equal amounts of X, those below of Y, and the active bin half as much of both, with the atoms
    that don't divide.
    """
    each_x, each_y = (2 * total // (2 * reach + 1) for total in (total_x, total_y))
    empty = (0,) * reach
    return OpeningBins(
        active_id=active_id,
        lowest_id=active_id - reach,
        bins_x=(*empty, total_x - reach * each_x, *(each_x,) * reach),
        bins_y=(*(each_y,) * reach, total_y - reach * each_y, *empty),
    )
