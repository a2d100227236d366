"""The providers of DLMM pools: they look now and then, and lay their liquidity around a price that has left its middle.

A pool's provider looks once in `LOOK_EVERY` slots, in a slot of the turn that the seed draws for the pool, so the looks
are the same however the slots are divided. Nothing here reads a clock.
"""

from functools import lru_cache
from math import log, log1p
from random import Random
from typing import TypeGuard

import msgspec

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import Dlmm, Pool
from orderflow.domain.pools.dlmm_math import BPS
from orderflow.venues.mock.dlmm_opening import bins_around

LOOK_EVERY = 150
"""Slots: a minute. Between two looks a price moves by some 0.2 %, a fifteenth of what lies to a side of it."""

_FAR = 5
"""A price a fifth of the bins' reach off their middle has left it."""


@lru_cache(maxsize=8)
def turns(seed: int, addresses: tuple[str, ...]) -> dict[int, tuple[str, ...]]:
    """Return which pools' providers look in a slot, by the slot's number modulo `LOOK_EVERY`."""
    drawn: dict[int, tuple[str, ...]] = {}
    for address in addresses:
        turn = Random(f"{seed}:provider:{address}").randrange(LOOK_EVERY)
        drawn[turn] = (*drawn.get(turn, ()), address)
    return drawn


def has_provider(pool: Pool) -> TypeGuard[Dlmm]:
    """Whether somebody looks after a pool's liquidity: it lies in bins, which a price may leave."""
    return isinstance(pool, Dlmm)


def is_off_centre(pool: Dlmm, fair: float) -> bool:
    """Whether a fair price, in atoms of Y per atom of X, lies far from the middle of the pool's bins."""
    reach = _reach(pool)
    return abs(_bin_of(pool, fair) - pool.lowest_id - reach) > reach // _FAR


def recentred(pool: Dlmm, fair: float) -> Dlmm:
    """Return the pool after its provider has taken everything out and laid it evenly around the price again.

    Everything is the atoms in the bins and the fees that are not the protocol's. Of what it has too much of one token
    the provider sells outside, at the fair price (in atoms of Y per atom of X), for what it lacks of the other: half of
    the value of each is laid down, rounded down, so that it is never worth more than what was taken out. The middle
    becomes the active bin, so that the price stays; only where the fair price has left the bins, the bin nearest to it.
    What remembers how prices moved (`va`, `vol_ref`, `index_ref`, `last_s`) is the swaps' alone and stays. A pool whose
    value is too small to lie in every bin, or would be more atoms than an account holds, stays as it is.
    """
    reach, price_bin = _reach(pool), _bin_of(pool, fair)
    inside = pool.lowest_id <= price_bin <= pool.lowest_id + 2 * reach
    x = pool.reserve_a + pool.withheld_a - pool.protocol_a
    y = pool.reserve_b + pool.withheld_b - pool.protocol_b
    numerator, denominator = fair.as_integer_ratio()
    value = x * numerator + y * denominator  # in atoms of Y, times the denominator
    total_x, total_y = value // (2 * numerator), value // (2 * denominator)
    if min(total_x, total_y) <= 2 * reach or max(total_x, total_y) > MAX_ATOMS:
        return pool
    bins = bins_around(pool.active_id if inside else price_bin, reach, total_x, total_y)
    return msgspec.structs.replace(
        pool,
        **msgspec.structs.asdict(bins),
        withheld_a=pool.protocol_a,
        withheld_b=pool.protocol_b,
        version=pool.version + 1,
    )


def _reach(pool: Dlmm) -> int:
    return len(pool.bins_x) // 2


def _bin_of(pool: Dlmm, price: float) -> int:
    """Return the id of the bin nearest, by ratio, to a price in atoms of Y per atom of X."""
    return round(log(price) / log1p(pool.bin_step / BPS))
