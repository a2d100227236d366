"""What must hold of every swap on every venue's pool, whatever the pool and the amount."""

import re
from fractions import Fraction

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import Pool
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.dlmm_math import ONE, bin_price
from orderflow.domain.pools.swap import quote, swap, swap_exact_out
from orderflow.errors import InsufficientLiquidityError, RejectedError, ZeroOutputError
from tests.support.pool_kinds import CONSTANT_PRODUCT, constant_product
from tests.support.pool_strategies import NOW_S, dlmm, pools, swapped, tokens, trades, wishes
from tests.support.router_pools import exact_out

encoder = msgspec.json.Encoder()
decoder: msgspec.json.Decoder[Pool] = msgspec.json.Decoder(Pool)


@given(trades())
def test_no_swap_lowers_a_pools_invariant(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade

    _, after = swapped(pool, token_in, amount)

    assert_not_poorer(pool, after)


@given(wishes())
def test_no_swap_for_an_exact_output_lowers_a_pools_invariant(wish: tuple[Pool, str, int]) -> None:
    pool, token_in, wanted = wish
    try:
        _, after = swap_exact_out(pool, token_in, wanted, NOW_S)
    except InsufficientLiquidityError:
        return

    assert_not_poorer(pool, after)


@given(trades())
def test_rounding_never_favours_the_trader(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade

    result, _ = swapped(pool, token_in, amount)

    assert result.amount_out <= exact_out(pool, token_in, Fraction(amount), NOW_S)


@given(trades(), st.integers(0, 2_000))
def test_a_round_trip_never_gains(trade: tuple[Pool, str, int], later: int) -> None:
    pool, token_in, amount = trade
    there, after = swapped(pool, token_in, amount)

    try:
        back, _ = swap(after, pool.other(token_in), there.amount_out, NOW_S + later)
    except ZeroOutputError:
        return

    assert back.amount_out <= amount


@given(wishes())
def test_the_input_for_an_exact_output_buys_it_and_an_atom_less_does_not(wish: tuple[Pool, str, int]) -> None:
    pool, token_in, wanted = wish
    try:
        result, after = swap_exact_out(pool, token_in, wanted, NOW_S)
    except InsufficientLiquidityError:
        return

    assert result.amount_out == wanted
    bought, after_bought = swap(pool, token_in, result.amount_in, NOW_S)
    assert bought.amount_out >= wanted
    assert vaults(after, token_in)[0] == vaults(after_bought, token_in)[0]
    if bought.amount_out == wanted:
        assert after_bought == after
        # A fee on the output may be an atom less for an exact output, where another gross output nets as much.
        assert 0 <= bought.fee - result.fee <= (1 if bought.fee_token != token_in else 0)
    try:
        assert swap(pool, token_in, result.amount_in - 1, NOW_S)[0].amount_out < wanted
    except ZeroOutputError:
        return


@given(trades())
def test_what_an_exact_input_buys_never_costs_more_as_an_exact_output(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    bought, _ = swapped(pool, token_in, amount)

    result, _ = swap_exact_out(pool, token_in, bought.amount_out, NOW_S)

    assert result.amount_in <= amount


@given(trades(), st.just(1) | st.integers(1, 2**40))
def test_selling_more_never_yields_less(trade: tuple[Pool, str, int], more: int) -> None:
    pool, token_in, amount = trade
    less, _ = swapped(pool, token_in, amount)

    assert swapped(pool, token_in, min(amount + more, 2**64 - 1))[0].amount_out >= less.amount_out


@pytest.mark.parametrize("token_in", ["SOL", "USDC"])
@pytest.mark.parametrize(
    "pool",
    [*(constant_product(kind, 10**15, 10**15, {}) for kind in CONSTANT_PRODUCT), dlmm({0: (10**15, 10**15)})],
    ids=lambda pool: type(pool).__name__,
)
def test_an_atom_more_never_yields_less(pool: Pool, token_in: str) -> None:
    # One after the other, as a fee of two parts may take two atoms more at a few amounts only.
    paid = [swap(pool, token_in, amount, NOW_S)[0].amount_out for amount in range(10, 10_001)]

    assert paid == sorted(paid)


@given(pools, st.lists(st.tuples(tokens, st.integers(1, 2**40), st.booleans(), st.integers(0, 900)), max_size=6))
def test_the_vaults_change_by_the_traders_flows_to_the_atom(pool: Pool, row: list[tuple[str, int, bool, int]]) -> None:
    opening, now_s, flows, swaps = pool, NOW_S, {"SOL": 0, "USDC": 0}, 0
    for token_in, amount, buys, later in row:
        now_s += later
        try:
            result, pool = (swap_exact_out if buys else swap)(pool, token_in, amount, now_s)
        except RejectedError:
            continue
        swaps += 1
        flows[token_in] += result.amount_in
        flows[pool.other(token_in)] -= result.amount_out

    before, after = vaults(opening, "SOL"), vaults(pool, "SOL")
    assert (after[0] - before[0], after[1] - before[1]) == (flows["SOL"], flows["USDC"])
    assert pool.version == opening.version + swaps
    assert min(*pool.reserves("SOL"), pool.withheld_a, pool.withheld_b) >= 0


@given(trades())
def test_a_dlmm_pool_withholds_the_whole_fee_and_no_more(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    if not isinstance(pool, Dlmm):
        return
    result, after = swapped(pool, token_in, amount)

    assert isinstance(after, Dlmm)
    assert after.withheld_a + after.withheld_b == result.fee
    assert after.protocol_a + after.protocol_b <= result.fee * pool.protocol_share // 10_000


@given(trades(), st.booleans())
def test_a_dlmm_pool_keeps_x_above_the_active_bin_and_y_below(trade: tuple[Pool, str, int], back: bool) -> None:
    pool, token_in, amount = trade
    _, after = swapped(pool, token_in, amount)
    if back:
        _, after = swapped(after, pool.other(token_in), amount)
    if not isinstance(after, Dlmm):
        return

    active = after.active_id - after.lowest_id
    assert not any(after.bins_x[: max(active, 0)])
    assert not any(after.bins_y[max(active + 1, 0) :])
    assert min(*after.bins_x, *after.bins_y) >= 0


@given(trades())
def test_a_swap_is_the_same_every_time_and_after_a_trip_through_json(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    written = encoder.encode(pool)
    first = swapped(pool, token_in, amount)

    assert swap(pool, token_in, amount, NOW_S) == first
    assert encoder.encode(pool) == written
    assert decoder.decode(written) == pool
    assert swap(decoder.decode(written), token_in, amount, NOW_S) == first
    assert decoder.decode(encoder.encode(first[1])) == first[1]


@given(pools, tokens, st.integers(0, 2**40) | st.integers(0, MAX_ATOMS))
def test_a_quote_is_what_a_swap_gives_or_the_same_refusal(pool: Pool, token_in: str, amount: int) -> None:
    try:
        result, after = swap(pool, token_in, amount, NOW_S)
    except RejectedError as refusal:
        with pytest.raises(type(refusal), match=f"^{re.escape(str(refusal))}$"):
            quote(pool, token_in, amount, NOW_S)
    else:
        assert quote(pool, token_in, amount, NOW_S) == result
        assert pool.most_held(token_in, result) == max(*held_by(after), pool.reserves(token_in)[1])


def held_by(pool: Pool) -> tuple[int, int]:
    """Return what must fit in 64 bits of each token: what lies in the vaults, of a DLMM pool what lies in its bins."""
    return pool.reserves("SOL") if isinstance(pool, Dlmm) else vaults(pool, "SOL")


@given(trades())
def test_the_price_impact_is_a_fraction(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    result, _ = swapped(pool, token_in, amount)

    assert 0 <= pool.price_impact(token_in, result) <= 1


@pytest.mark.parametrize("token_in", ["SOL", "USDC"])
@given(pool=pools)
def test_nothing_buys_nothing(pool: Pool, token_in: str) -> None:
    for trade in (swap, swap_exact_out):
        with pytest.raises(ZeroOutputError):
            trade(pool, token_in, 0, NOW_S)


def assert_not_poorer(before: Pool, after: Pool) -> None:
    """Assert that the product of the reserves, or the value of each bin at its own price, has not fallen."""
    if isinstance(before, Dlmm):
        assert isinstance(after, Dlmm)
        values = (bin_values(before), bin_values(after))
        assert all(value <= later for value, later in zip(*values, strict=True))
    else:
        assert before.reserve_a * before.reserve_b <= after.reserve_a * after.reserve_b


def vaults(pool: Pool, token_in: str) -> tuple[int, int]:
    """Return the atoms of `token_in` and of the other token that lie in a pool's vaults, fees set aside included."""
    reserve_in, reserve_out = pool.reserves(token_in)
    if token_in == pool.token_a:
        return reserve_in + pool.withheld_a, reserve_out + pool.withheld_b
    return reserve_in + pool.withheld_b, reserve_out + pool.withheld_a


def bin_values(pool: Dlmm) -> list[int]:
    """Return each bin's value in Y at its own price, times 2⁶⁴."""
    return [
        x * bin_price(pool.bin_step, pool.lowest_id + index) + y * ONE
        for index, (x, y) in enumerate(zip(pool.bins_x, pool.bins_y, strict=True))
    ]


@given(pools, tokens, st.integers(0, 1_000))
def test_until_its_fee_falls_a_pool_pays_the_same_for_the_first_atom(pool: Pool, token_in: str, later: int) -> None:
    falls = pool.fee_falls_at(NOW_S)

    before = int(min(falls - 1, NOW_S + later))

    assert NOW_S < falls == pool.curve(token_in, NOW_S).until
    assert pool.first_price(token_in, before) == pool.first_price(token_in, NOW_S)
