"""The pools' swaps against docs/market.md: cases computed by hand, and what must hold of every swap.

The formulas are written a second time here, over fractions that are rounded where docs/market.md says so, and a third
time without any rounding: what a trader would get if atoms could be divided.
"""

from decimal import Decimal
from fractions import Fraction
from math import ceil, floor

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Swap
from orderflow.errors import InsufficientLiquidityError, ZeroOutputError
from tests.support.builders import amm_v4, cpmm, damm_v2, vault

NOW_S = 1_795_371_241

Pool = AmmV4 | Cpmm | DammV2

# Tiny reserves are where rounding weighs most; the others are such as real pools have.
reserves = st.integers(1, 1_000) | st.integers(10**6, 2**63)
tokens = st.sampled_from(["SOL", "USDC"])
pools: st.SearchStrategy[Pool] = st.one_of(
    st.builds(amm_v4, reserves, reserves),
    st.builds(cpmm, reserves, reserves, st.sampled_from([100, 2_500, 10_000])),
    st.builds(damm_v2, reserves, reserves, st.integers(0, 500_000_000)),
)


@st.composite
def trades(draw: st.DrawFn) -> tuple[Pool, str, int]:
    """A pool, the token that is sold to it, and an amount of up to twice what it holds of that."""
    pool, token_in = draw(pools), draw(tokens)
    return pool, token_in, draw(st.integers(1, 2 * pool.reserves(token_in)[0]))


@st.composite
def wishes(draw: st.DrawFn) -> tuple[Pool, str, int]:
    """A pool, the token that is sold to it, and the amount of the other that is wanted, less than the pool holds."""
    pool, token_in = draw(pools), draw(tokens)
    reserve_out = pool.reserves(token_in)[1]
    assume(reserve_out > 1)
    return pool, token_in, draw(st.integers(1, reserve_out - 1))


def rounded_out(pool: Pool, token_in: str, amount: int) -> int:
    """Return the output by docs/market.md's formulas, rounded where they round."""
    reserve_in, reserve_out = pool.reserves(token_in)
    match pool:
        case AmmV4():
            x = amount - ceil(Fraction(amount * 25, 10_000))
        case Cpmm():
            x = amount - ceil(Fraction(amount * pool.fee_rate, 10**6))
        case DammV2():
            gross = floor(Fraction(reserve_out * amount, reserve_in + amount))
            return gross - ceil(Fraction(gross * pool.fee_rate, 10**9))
    return floor(Fraction(reserve_out * x, reserve_in + x))


def exact_out(pool: Pool, token_in: str, amount: Fraction) -> Fraction:
    """Return the output if nothing were rounded."""
    reserve_in, reserve_out = pool.reserves(token_in)
    match pool:
        case AmmV4():
            x = amount * (1 - Fraction(25, 10_000))
        case Cpmm():
            x = amount * (1 - Fraction(pool.fee_rate, 10**6))
        case DammV2():
            return reserve_out * amount / (reserve_in + amount) * (1 - Fraction(pool.fee_rate, 10**9))
    return reserve_out * x / (reserve_in + x)


def swapped(pool: Pool, token_in: str, amount: int) -> tuple[Swap, Pool]:
    """Swap, and leave amounts that yield nothing out of the search."""
    try:
        return pool.swap(token_in, amount, NOW_S)
    except ZeroOutputError:
        assume(False)
        raise


def test_amm_v4_by_hand() -> None:
    # fee = ⌈10,000·25/10,000⌉ = 25, x = 9,975, out = ⌊2,000,000·9,975/1,009,975⌋ = ⌊19,752.96⌋.
    swap, after = amm_v4(1_000_000, 2_000_000).swap("SOL", 10_000, NOW_S)

    assert swap == Swap(amount_in=10_000, amount_out=19_752, fee=25, fee_token="SOL")
    assert (after.reserve_a, after.reserve_b) == (1_010_000, 1_980_248)
    assert (after.withheld_a, after.withheld_b, after.version) == (0, 0, 1)


def test_amm_v4_the_other_way_by_hand() -> None:
    # fee = ⌈401·25/10,000⌉ = ⌈1.0025⌉ = 2, x = 399, out = ⌊1,000,000·399/2,000,399⌋ = ⌊199.46⌋.
    swap, after = amm_v4(1_000_000, 2_000_000).swap("USDC", 401, NOW_S)

    assert swap == Swap(amount_in=401, amount_out=199, fee=2, fee_token="USDC")
    assert (after.reserve_a, after.reserve_b) == (999_801, 2_000_401)


def test_amm_v4_input_for_an_output_by_hand() -> None:
    # pre = ⌈1,000,000·19,752/1,980,248⌉ = ⌈9,974.51⌉ = 9,975, in = ⌈9,975·10,000/9,975⌉ = 10,000.
    assert amm_v4(1_000_000, 2_000_000).amount_in_for("SOL", 19_752) == 10_000
    # pre = ⌈1,000,000·1/1,999,999⌉ = 1, in = ⌈10,000/9,975⌉ = 2.
    assert amm_v4(1_000_000, 2_000_000).amount_in_for("SOL", 1) == 2


def test_cpmm_by_hand() -> None:
    # trade = ⌈100,000·2,500/10⁶⌉ = 250, x = 99,750, out = ⌊2,000,000·99,750/1,099,750⌋ = ⌊181,404.86⌋;
    # protocol = ⌊250·0.12⌋ = 30 and fund = ⌊250·0.04⌋ = 10 leave the reserves.
    swap, after = cpmm(1_000_000, 2_000_000).swap("SOL", 100_000, NOW_S)

    assert swap == Swap(amount_in=100_000, amount_out=181_404, fee=250, fee_token="SOL")
    assert (after.reserve_a, after.reserve_b) == (1_099_960, 1_818_596)
    assert (after.withheld_a, after.withheld_b, after.version) == (40, 0, 1)


def test_cpmm_the_other_way_by_hand() -> None:
    # trade = ⌈9,001·2,500/10⁶⌉ = ⌈22.5⌉ = 23, x = 8,978, out = ⌊1,000,000·8,978/2,008,978⌋ = ⌊4,468.9⌋;
    # protocol = ⌊2.76⌋ = 2, fund = ⌊0.92⌋ = 0.
    swap, after = cpmm(1_000_000, 2_000_000).swap("USDC", 9_001, NOW_S)

    assert swap == Swap(amount_in=9_001, amount_out=4_468, fee=23, fee_token="USDC")
    assert (after.reserve_a, after.reserve_b) == (995_532, 2_008_999)
    assert (after.withheld_a, after.withheld_b) == (0, 2)


@pytest.mark.parametrize(("fee_rate", "fee", "amount_out"), [(100, 10, 181_801), (2_500, 250, 181_404)])
def test_cpmm_has_tiers(fee_rate: int, fee: int, amount_out: int) -> None:
    # 0.01 %: x = 99,990, out = ⌊2,000,000·99,990/1,099,990⌋ = ⌊181,801.65⌋. 0.25 %: as above.
    swap, _ = cpmm(1_000_000, 2_000_000, fee_rate).swap("SOL", 100_000, NOW_S)

    assert (swap.fee, swap.amount_out) == (fee, amount_out)


def test_cpmm_input_for_an_output_by_hand() -> None:
    # x = ⌈1,000,000·181,404/1,818,596⌉ = ⌈99,749.48⌉ = 99,750, in = ⌈99,750·10⁶/997,500⌉ = 100,000.
    assert cpmm(1_000_000, 2_000_000).amount_in_for("SOL", 181_404) == 100_000


def test_damm_v2_by_hand() -> None:
    # gross = ⌊2,000,000·10,000/1,010,000⌋ = ⌊19,801.98⌋, fee = ⌈19,801·0.0025⌉ = ⌈49.5⌉ = 50, out = 19,751.
    swap, after = damm_v2(1_000_000, 2_000_000).swap("SOL", 10_000, NOW_S)

    assert swap == Swap(amount_in=10_000, amount_out=19_751, fee=50, fee_token="USDC")
    assert (after.reserve_a, after.reserve_b) == (1_010_000, 1_980_249)
    assert (after.withheld_a, after.withheld_b, after.version) == (0, 0, 1)


def test_damm_v2_input_for_an_output_by_hand() -> None:
    # gross = ⌈19,751·10⁹/997,500,000⌉ = ⌈19,800.5⌉ = 19,801, in = ⌈1,000,000·19,801/1,980,199⌉ = ⌈9,999.5⌉.
    assert damm_v2(1_000_000, 2_000_000).amount_in_for("SOL", 19_751) == 10_000


@given(trades())
def test_a_swap_yields_what_the_venues_formula_says_or_fails_when_that_is_nothing(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    expected = rounded_out(pool, token_in, amount)

    if expected > 0:
        assert pool.swap(token_in, amount, NOW_S)[0].amount_out == expected
    else:
        with pytest.raises(ZeroOutputError, match=f"^{amount} atoms are too few: {pool.venue} would pay out nothing$"):
            pool.swap(token_in, amount, NOW_S)


@given(trades())
def test_rounding_never_favours_the_trader_and_costs_little(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    swap, _ = swapped(pool, token_in, amount)

    assert swap.amount_out <= exact_out(pool, token_in, Fraction(amount))
    # At worst an atom of fee too much and an atom of output too little, for each of the two roundings.
    fee_on_input = swap.fee_token == token_in
    atom_of_fee = 1 if fee_on_input else 0
    assert swap.amount_out > exact_out(pool, token_in, Fraction(max(amount - 2 * atom_of_fee, 0))) - 2


@given(trades())
def test_the_product_of_the_reserves_never_falls(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    _, after = swapped(pool, token_in, amount)

    assert after.reserve_a * after.reserve_b >= pool.reserve_a * pool.reserve_b
    assert after.reserve_a > 0
    assert after.reserve_b > 0


@given(trades())
def test_the_vaults_change_by_the_amounts_to_the_atom(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    swap, after = swapped(pool, token_in, amount)
    token_out = pool.other(token_in)

    assert swap.amount_in == amount
    assert vault(after, token_in) == vault(pool, token_in) + swap.amount_in
    assert vault(after, token_out) == vault(pool, token_out) - swap.amount_out
    assert after.version == pool.version + 1


@given(trades())
def test_a_round_trip_never_gains(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    there, after = swapped(pool, token_in, amount)

    try:
        back, _ = after.swap(pool.other(token_in), there.amount_out, NOW_S)
    except ZeroOutputError:
        return

    assert back.amount_out <= amount


@given(trades(), st.integers(1, 2**63))
def test_selling_more_never_yields_less(trade: tuple[Pool, str, int], more: int) -> None:
    pool, token_in, amount = trade
    swap, _ = swapped(pool, token_in, amount)

    assert pool.swap(token_in, amount + more, NOW_S)[0].amount_out >= swap.amount_out


@given(trades())
def test_a_swap_leaves_the_pool_that_it_was_made_on_as_it_was(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    first, _ = swapped(pool, token_in, amount)

    assert pool.swap(token_in, amount, NOW_S)[0] == first
    assert pool.version == 0


@given(wishes())
def test_the_input_asked_for_an_output_is_enough_and_an_atom_less_is_not(wish: tuple[Pool, str, int]) -> None:
    pool, token_in, wanted = wish
    try:
        amount = pool.amount_in_for(token_in, wanted)
    except InsufficientLiquidityError:
        # Only a fee on the output can make the pool ask for more than it holds.
        assert isinstance(pool, DammV2)
        assert wanted / (1 - Fraction(pool.fee_rate, 10**9)) > pool.reserves(token_in)[1] - 1
        return

    assert pool.swap(token_in, amount, NOW_S)[0].amount_out >= wanted
    assert rounded_out(pool, token_in, amount - 1) < wanted


@given(pools, tokens, st.integers(0, 2**64))
def test_no_pool_sells_all_that_it_holds(pool: Pool, token_in: str, more: int) -> None:
    reserve_out = pool.reserves(token_in)[1]

    with pytest.raises(InsufficientLiquidityError, match=f"^{pool.venue} pool {pool.pool} holds {reserve_out} atoms"):
        pool.amount_in_for(token_in, reserve_out + more)


@pytest.mark.parametrize("pool", [amm_v4(), cpmm(), damm_v2()], ids=lambda pool: type(pool).__name__)
def test_one_atom_of_a_dear_token_is_too_few(pool: Pool) -> None:
    with pytest.raises(ZeroOutputError):
        pool.swap("SOL", 1, NOW_S)


@pytest.mark.parametrize(
    ("pool", "kept"),
    [
        (amm_v4(1_000, 250), 0.9975),
        (cpmm(1_000, 250, 2_500), 0.9975),
        (cpmm(1_000, 250, 10_000), 0.99),
        (damm_v2(1_000, 250, 2_500_000), 0.9975),
        (damm_v2(1_000, 250, 40_000_000), 0.96),
    ],
)
def test_the_spot_price_is_that_of_the_reserves_and_the_share_kept_that_of_the_fee(pool: Pool, kept: float) -> None:
    assert pool.spot_price("SOL") == Decimal("0.25")
    assert pool.spot_price("USDC") == 4
    assert pool.kept == pytest.approx(kept, rel=1e-12)


def test_the_price_impact_leaves_the_fee_aside() -> None:
    # On the input: 1 − (19,752/9,975)/2 = 0.0099248…; on the output: 1 − (19,801/10,000)/2 = 0.00995.
    raydium, meteora = amm_v4(1_000_000, 2_000_000), damm_v2(1_000_000, 2_000_000)

    assert str(raydium.price_impact("SOL", raydium.swap("SOL", 10_000, NOW_S)[0])) == "0.009925"
    assert str(meteora.price_impact("SOL", meteora.swap("SOL", 10_000, NOW_S)[0])) == "0.009950"


@given(trades())
def test_the_price_impact_is_a_fraction(trade: tuple[Pool, str, int]) -> None:
    pool, token_in, amount = trade
    swap, _ = swapped(pool, token_in, amount)

    assert 0 <= pool.price_impact(token_in, swap) <= 1
