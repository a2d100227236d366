"""Arbitrage: what it looks at again, because a fee has fallen or another market has pools of the same names."""

from collections import Counter

import msgspec

from orderflow.domain.pools import Dlmm, Pool
from orderflow.venues.mock.arbitrage import pull_to_fair
from orderflow.venues.mock.background import opening_prices
from tests.support.builders import market

ADDRESS = "meteora_dlmm:SOL-USDC"
LAST_S, FILTER_S = 1_000, 30


def excited() -> Dlmm:
    """Return the pool of bins of SOL and USDC just after a storm, its fee high until it has rested."""
    pool = market()[ADDRESS]
    assert isinstance(pool, Dlmm)
    return msgspec.structs.replace(pool, va=100_000, vol_ref=100_000, last_s=LAST_S)


def test_what_a_high_fee_forbids_is_done_in_the_second_in_which_it_falls() -> None:
    pool = excited()
    falls = pool.fee_falls_at(LAST_S)
    held_back, allowed = (pool.first_price("SOL", now_s) for now_s in (LAST_S, int(falls)))
    # Dollars a SOL between what the pool pays before and after; USDC is worth one.
    prices = opening_prices() | {"SOL": (held_back + allowed) / 2 * 1_000}
    state: dict[str, Pool] = {ADDRESS: pool}

    traded = []
    for now_s in (LAST_S, LAST_S + FILTER_S - 1, LAST_S + FILTER_S):
        pull_to_fair(state, Counter(), [ADDRESS], prices, now_s)
        traded.append(state[ADDRESS] is not pool)

    assert falls == LAST_S + FILTER_S
    assert traded == [False, False, True]


def test_of_a_second_before_nothing_is_kept() -> None:
    pool = excited()
    rested = pool.first_price("SOL", LAST_S + FILTER_S)
    prices = opening_prices() | {"SOL": (pool.first_price("SOL", LAST_S) + rested) / 2 * 1_000}
    pull_to_fair({ADDRESS: pool}, Counter(), [ADDRESS], opening_prices() | {"SOL": rested * 1_001}, LAST_S + FILTER_S)
    state: dict[str, Pool] = {ADDRESS: pool}

    pull_to_fair(state, Counter(), [ADDRESS], prices, LAST_S)

    assert state[ADDRESS] is pool
