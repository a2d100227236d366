"""A pool run again: what was recorded fits to the atom, in whatever order it is given, and what does not is found."""

from random import Random

import pytest

from orderflow.domain.pools import Cpmm, Pool
from orderflow.domain.pools.swap import swap
from tests.harness.bench.pool_replay import Fill, run_again

OPENING = Cpmm(
    pool="raydium_cpmm:MOON0-USDC",
    venue="raydium",
    token_a="MOON0",
    token_b="USDC",
    reserve_a=800_000_000_000_000,
    reserve_b=10_000_000_000,
)
SLOTS = range(41, 51)


def crowd(slot: int, pool: Pool) -> Pool:
    return swap(pool, "USDC", 200_000_000 + slot, now_s=0)[1]


def executed(in_each_slot: int) -> tuple[list[Fill], Pool]:
    """Return the fills of a pool in which so many bought in each of the first three slots, and the pool after all."""
    fills: list[Fill] = []
    pool: Pool = OPENING
    for slot in SLOTS:
        pool = crowd(slot, pool)
        for number in range(in_each_slot if slot < 44 else 0):
            paid = 1_500_000 + 1_000 * (number + 100 * slot)
            result, pool = swap(pool, "USDC", paid, now_s=0)
            fills.append(Fill(slot, paid, result.amount_out))
    return fills, pool


def test_what_a_pool_has_paid_is_explained_in_whatever_order_it_is_given() -> None:
    fills, after = executed(in_each_slot=30)
    Random(1).shuffle(fills)

    replay = run_again(OPENING, "USDC", fills, crowd, SLOTS)

    assert replay.unexplained == ()
    assert replay.pool == after


@pytest.mark.parametrize("atoms", [1, -1])
def test_an_atom_more_or_less_than_the_pool_pays_is_not_explained(atoms: int) -> None:
    fills, _ = executed(in_each_slot=3)
    wrong = fills[-1]._replace(amount_out=fills[-1].amount_out + atoms)

    assert run_again(OPENING, "USDC", [*fills[:-1], wrong], crowd, SLOTS).unexplained == (wrong,)


def test_a_fill_that_is_recorded_twice_is_not_explained() -> None:
    fills, _ = executed(in_each_slot=3)

    assert run_again(OPENING, "USDC", [*fills, fills[-1]], crowd, SLOTS).unexplained == (fills[-1],)


def test_after_a_fill_that_is_not_recorded_nothing_fits() -> None:
    fills, after = executed(in_each_slot=3)

    replay = run_again(OPENING, "USDC", fills[1:], crowd, SLOTS)

    assert set(replay.unexplained) == set(fills[1:])
    assert replay.pool != after


def test_the_last_fill_missing_shows_in_the_pool_alone() -> None:
    fills, after = executed(in_each_slot=3)

    replay = run_again(OPENING, "USDC", fills[:-1], crowd, SLOTS)

    assert replay.unexplained == ()
    assert replay.pool != after


@pytest.mark.parametrize("slot", [40, 51])
def test_a_fill_before_the_opening_or_after_the_last_slot_is_not_explained(slot: int) -> None:
    fills, _ = executed(in_each_slot=1)
    out_of_time = fills[0]._replace(slot=slot)

    assert run_again(OPENING, "USDC", [*fills[1:], out_of_time], crowd, SLOTS).unexplained


def test_what_the_pool_can_not_take_is_not_explained() -> None:
    too_small = Fill(41, 1, 0)

    assert run_again(OPENING, "USDC", [too_small], crowd, SLOTS).unexplained == (too_small,)
