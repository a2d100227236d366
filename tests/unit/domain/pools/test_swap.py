"""The entry point for swaps by hand, from outside the engine: every venue, both ways, and its refusals."""

import doctest
from collections.abc import Callable

import msgspec
import pytest

from orderflow.domain.pools import Pool
from orderflow.domain.pools import swap as entry_point
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.pool import Swap
from orderflow.domain.pools.swap import swap, swap_exact_out
from orderflow.errors import InsufficientLiquidityError, RejectedError, ReserveOverflowError, ZeroOutputError
from tests.support.builders import amm_v4, cpmm, damm_v2
from tests.support.pool_strategies import NOW_S, dlmm

Trade = Callable[[Pool, str, int, int], tuple[Swap, Pool]]

POOLS: list[Pool] = [
    amm_v4(1_000_000, 2_000_000),
    cpmm(1_000_000, 2_000_000),
    damm_v2(1_000_000, 2_000_000),
    dlmm({0: (1_000_000, 2_000_000)}),
]
every_pool = pytest.mark.parametrize("pool", POOLS, ids=lambda pool: type(pool).__name__)

DLMM_DOCUMENT = b"""{
    "type": "meteora_dlmm", "pool": "mine", "venue": "meteora", "token_a": "SOL", "token_b": "USDC",
    "bin_step": 10, "active_id": 0, "lowest_id": -1, "bins_x": [0, 1000000], "bins_y": [1000000, 1000000],
    "base_factor": 10000, "control": 40000, "max_va": 350000, "filter_period_s": 30, "decay_period_s": 600,
    "reduction_factor": 5000, "protocol_share": 1000
}"""


def test_the_documented_example_is_true() -> None:
    assert doctest.testmod(entry_point) == doctest.TestResults(failed=0, attempted=6)


@every_pool
def test_it_is_the_pools_own_swap(pool: Pool) -> None:
    own = pool.swap("USDC", 10_000, NOW_S)

    assert swap(pool, "USDC", 10_000, NOW_S) == own


def test_a_dlmm_pool_from_json_by_hand() -> None:
    # 1,001,002 fill the active bin; of 498,998 left the next takes ⌈498,998·1,004,000/10⁹⌉ = 501 and pays
    # ⌊498,497/1.001⌋ = 497,999.
    pool = msgspec.json.decode(DLMM_DOCUMENT, type=Pool)

    result, after = swap(pool, "SOL", 1_500_000, NOW_S)

    assert result == Swap(amount_in=1_500_000, amount_out=1_497_999, fee=1_503, fee_token="SOL")
    assert isinstance(after, Dlmm)
    assert (after.active_id, after.va, after.last_s) == (-1, 10_000, NOW_S)


def test_only_a_dlmm_pool_looks_at_the_time() -> None:
    stirred = dlmm(va=300_000, vol_ref=300_000, last_s=NOW_S)

    assert swap(stirred, "SOL", 10_000, NOW_S)[0].fee > swap(stirred, "SOL", 10_000, NOW_S + 600)[0].fee
    for pool in POOLS[:3]:
        assert swap(pool, "SOL", 10_000, NOW_S) == swap(pool, "SOL", 10_000, NOW_S + 600)


def test_an_exact_output_of_amm_v4_by_hand() -> None:
    # pre = ⌈1,000,000·19,750/1,980,250⌉ = 9,974, in = ⌈9,974·10,000/9,975⌉ = 9,999, of which ⌈24.9975⌉ is the fee.
    result, after = swap_exact_out(amm_v4(1_000_000, 2_000_000), "SOL", 19_750, NOW_S)

    assert result == Swap(amount_in=9_999, amount_out=19_750, fee=25, fee_token="SOL")
    assert (after.reserve_a, after.reserve_b, after.version) == (1_009_999, 1_980_250, 1)


def test_an_exact_output_of_cpmm_by_hand() -> None:
    # x = ⌈2,000,000·4,468/995,532⌉ = 8,977, in = ⌈8,977·10⁶/997,500⌉ = 9,000, fee 23; ⌊2.76⌋ of it is withheld.
    result, after = swap_exact_out(cpmm(1_000_000, 2_000_000), "USDC", 4_468, NOW_S)

    assert result == Swap(amount_in=9_000, amount_out=4_468, fee=23, fee_token="USDC")
    assert (after.reserve_a, after.reserve_b) == (995_532, 2_008_998)
    assert (after.withheld_a, after.withheld_b) == (0, 2)


def test_an_exact_output_of_damm_v2_by_hand() -> None:
    # gross = ⌈19,750·10⁹/997,500,000⌉ = ⌈19,799.4…⌉ = 19,800, in = ⌈1,000,000·19,800/1,980,200⌉ = ⌈9,998.9…⌉.
    result, after = swap_exact_out(damm_v2(1_000_000, 2_000_000), "SOL", 19_750, NOW_S)

    assert result == Swap(amount_in=9_999, amount_out=19_750, fee=50, fee_token="USDC")
    assert (after.reserve_a, after.reserve_b) == (1_009_999, 1_980_250)


def test_a_fee_on_an_exact_output_is_what_comes_on_top_of_it() -> None:
    # gross = ⌈829·10⁹/630,966,134⌉ = 1,314; the 404 atoms that buy it would buy 1,315, and the same 829 net of that.
    pool = damm_v2(451, 2_783, 369_033_866)

    assert swap(pool, "SOL", 404, NOW_S)[0] == Swap(amount_in=404, amount_out=829, fee=486, fee_token="USDC")
    assert swap_exact_out(pool, "SOL", 829, NOW_S)[0].fee == 485


def test_what_an_exact_output_does_not_take_stays_in_the_pool() -> None:
    # An atom of SOL is worth about two of USDC: 3 SOL, less 1 for the fee, pay 3 USDC or 2, as asked.
    pool = amm_v4(1_000_000, 2_000_000)

    assert swap(pool, "SOL", 3, NOW_S)[0].amount_out == 3
    result, after = swap_exact_out(pool, "SOL", 2, NOW_S)
    assert (result.amount_in, result.amount_out, after.reserve_b) == (3, 2, 1_999_998)


@every_pool
@pytest.mark.parametrize("trade", [swap, swap_exact_out])
def test_a_token_or_an_amount_that_is_none_is_refused(pool: Pool, trade: Trade) -> None:
    with pytest.raises(ValueError, match=r"trades SOL and USDC, not JUP$"):
        trade(pool, "JUP", 1, NOW_S)
    with pytest.raises(ValueError, match=r"from 0 to 18446744073709551615 atoms, not -1$"):
        trade(pool, "SOL", -1, NOW_S)
    with pytest.raises(ValueError, match=r"not 18446744073709551616$"):
        trade(pool, "SOL", 2**64, NOW_S)


@every_pool
def test_refusals_of_the_venue_go_by_name(pool: Pool) -> None:
    for trade in (swap, swap_exact_out):
        with pytest.raises(ZeroOutputError):
            trade(pool, "SOL", 0, NOW_S)
    with pytest.raises(InsufficientLiquidityError):
        swap_exact_out(pool, "SOL", 2_000_001, NOW_S)


def test_the_errors_of_dlmm_carry_the_venues_codes() -> None:
    with pytest.raises(ZeroOutputError, match="6039"):
        swap(dlmm(), "SOL", 1, NOW_S)
    for trade in (swap, swap_exact_out):
        with pytest.raises(InsufficientLiquidityError, match="6012"):
            trade(dlmm(), "SOL", 2 * 10**9, NOW_S)


def test_an_output_whose_price_no_account_can_hold_is_refused() -> None:
    with pytest.raises(InsufficientLiquidityError, match="more than can exist"):
        swap_exact_out(amm_v4(2**62, 2**62), "SOL", 2**62 - 1, NOW_S)


MOST = 2**64 - 1
both_tokens = pytest.mark.parametrize("token_in", ["SOL", "USDC"])
constant_product = pytest.mark.parametrize("make", [amm_v4, cpmm, damm_v2], ids=lambda make: make.__name__)


@both_tokens
@constant_product
def test_a_reserve_may_come_to_64_bits_and_no_further(make: Callable[[int, int], Pool], token_in: str) -> None:
    # Of the fee on so few atoms nothing is withheld.
    pool = make(MOST - 300, MOST // 2) if token_in == "SOL" else make(MOST // 2, MOST - 300)

    _, after = swap(pool, token_in, 300, NOW_S)

    assert after.reserves(token_in)[0] == MOST
    for trade in (swap, swap_exact_out):
        with pytest.raises(ReserveOverflowError, match="an account holds 18446744073709551615 at most$"):
            trade(pool, token_in, 301, NOW_S)
    with pytest.raises(ReserveOverflowError):
        swap(pool, token_in, MOST, NOW_S)


@both_tokens
@constant_product
def test_a_pool_that_no_account_could_hold_is_refused(make: Callable[[int, int], Pool], token_in: str) -> None:
    for pool in (make(2**64, 10**9), make(10**9, 2**64)):
        with pytest.raises(ReserveOverflowError):
            swap(pool, token_in, 10**6 if pool.reserves(token_in)[0] == 10**9 else 2**63, NOW_S)


@both_tokens
@every_pool
def test_the_largest_amount_is_answered_by_name(pool: Pool, token_in: str) -> None:
    reserve_out = pool.reserves(token_in)[1]
    if isinstance(pool, Dlmm):
        with pytest.raises(InsufficientLiquidityError):
            swap(pool, token_in, MOST, NOW_S)
    else:
        with pytest.raises(ReserveOverflowError):
            swap(pool, token_in, MOST, NOW_S)
        assert swap(pool, token_in, MOST - 2 * 10**6, NOW_S)[0].amount_out < reserve_out
    for wanted in (reserve_out + 1, MOST):
        with pytest.raises(InsufficientLiquidityError):
            swap_exact_out(pool, token_in, wanted, NOW_S)


@both_tokens
@every_pool
def test_all_that_a_pool_holds_can_be_bought_from_bins_only(pool: Pool, token_in: str) -> None:
    reserve_out = pool.reserves(token_in)[1]
    if isinstance(pool, Dlmm):
        assert swap_exact_out(pool, token_in, reserve_out, NOW_S)[1].reserves(token_in)[1] == 0
    else:
        with pytest.raises(InsufficientLiquidityError):
            swap_exact_out(pool, token_in, reserve_out, NOW_S)


@pytest.mark.parametrize("pool", [amm_v4(0, 10), cpmm(10, 0), damm_v2(0, 0), dlmm({0: (0, 0)})])
def test_an_empty_pool_is_refused(pool: Pool) -> None:
    for trade in (swap, swap_exact_out):
        with pytest.raises(InsufficientLiquidityError):
            trade(pool, "SOL", 5, NOW_S)


def test_bins_that_do_not_pair_up_are_refused() -> None:
    lopsided = msgspec.structs.replace(dlmm(), bins_y=(1, 2))

    with pytest.raises(ValueError, match="1 bins of x, but 2 of y"):
        swap(lopsided, "SOL", 5, NOW_S)


@every_pool
def test_a_refusal_is_one_that_fails_the_order(pool: Pool) -> None:
    with pytest.raises(RejectedError):
        swap_exact_out(pool, "USDC", 10**15, NOW_S)
