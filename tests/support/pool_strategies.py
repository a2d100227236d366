"""Pools of every venue and trades on them, for the property tests: tiny ones, where rounding weighs most, and real."""

from hypothesis import assume
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.dlmm_math import trade_exact_out
from orderflow.domain.pools.pool import Swap
from orderflow.domain.pools.swap import swap
from orderflow.errors import InsufficientLiquidityError, ZeroOutputError
from tests.support.pool_kinds import any_constant_product

NOW_S = 1_795_371_241

tokens = st.sampled_from(["SOL", "USDC"])

_reserves = st.integers(1, 1_000) | st.integers(10**6, 2**62)

_WIDE = (250, 4_000, 7_500, 300, 1_200, 150_000)
_NARROW = (10, 10_000, 40_000, 30, 600, 350_000)


def dlmm(
    bins: dict[int, tuple[int, int]] | None = None,
    *,
    active_id: int = 0,
    bin_step: int = 10,
    base_factor: int = 10_000,
    control: int = 40_000,
    filter_period_s: int = 30,
    decay_period_s: int = 600,
    max_va: int = 350_000,
    power: int = 0,
    reduction_factor: int = 5_000,
    protocol_share: int = 1_000,
    va: int = 0,
    vol_ref: int = 0,
    index_ref: int = 0,
    last_s: int = 0,
) -> Dlmm:
    """Return a Meteora DLMM pool of SOL and USDC; `bins` gives (x, y) by bin id."""
    bins = bins or {0: (10**9, 10**9)}
    ids = range(min(bins), max(bins) + 1)
    return Dlmm(
        pool="meteora:dlmm:SOL-USDC",
        venue="meteora",
        token_a="SOL",
        token_b="USDC",
        bin_step=bin_step,
        active_id=active_id,
        lowest_id=ids[0],
        bins_x=tuple(bins.get(bin_id, (0, 0))[0] for bin_id in ids),
        bins_y=tuple(bins.get(bin_id, (0, 0))[1] for bin_id in ids),
        base_factor=base_factor,
        power=power,
        control=control,
        max_va=max_va,
        filter_period_s=filter_period_s,
        decay_period_s=decay_period_s,
        reduction_factor=reduction_factor,
        protocol_share=protocol_share,
        va=va,
        vol_ref=vol_ref,
        index_ref=index_ref,
        last_s=last_s,
    )


@st.composite
def dlmm_pools(draw: st.DrawFn, *, orderly: bool = True) -> Dlmm:
    """A DLMM pool of a few bins, some of them empty, anywhere in its volatility's life.

    An orderly pool holds X in the active bin and above it, and Y in the active bin and below it, as every real one.
    """
    sets = st.tuples(
        st.integers(1, 400),
        st.integers(0, 20_000),
        st.integers(0, 2_000_000),
        st.integers(0, 300),
        st.integers(0, 1_200),
        st.integers(0, 400_000),
    )
    step, base, control, filter_s, decay_s, max_va = draw(st.sampled_from([_WIDE, _NARROW]) | sets)
    held = st.just(0) | st.integers(1, 50) | st.integers(1, 10**14)
    middle = draw(st.integers(-300, 300) | st.integers(-25_000 // step, 25_000 // step))
    stocks = draw(st.lists(st.tuples(held, held), min_size=1, max_size=7))
    bins = {middle + number: stock for number, stock in enumerate(stocks)}
    active_id = middle + draw(st.integers(-1, len(stocks)))
    if orderly:
        bins = {id_: (x * (id_ >= active_id), y * (id_ <= active_id)) for id_, (x, y) in bins.items()}
    return dlmm(
        bins,
        active_id=active_id,
        bin_step=step,
        base_factor=base,
        control=control,
        filter_period_s=filter_s,
        decay_period_s=decay_s,
        max_va=max_va,
        power=draw(st.sampled_from([0, 0, 0, 1])),
        reduction_factor=draw(st.integers(0, 10_000)),
        protocol_share=draw(st.integers(0, 2_500)),
        va=draw(st.integers(0, max_va)),
        vol_ref=draw(st.integers(0, max_va)),
        index_ref=middle + draw(st.integers(-20, 20)),
        last_s=NOW_S - draw(st.integers(0, 1_500)),
    )


pools: st.SearchStrategy[Pool] = any_constant_product(_reserves) | dlmm_pools()


def capacity(pool: Pool, token_in: str, now_s: int = NOW_S) -> int:
    """Return the most that is worth selling to a pool: what its bins take, or twice what it holds of the token."""
    if isinstance(pool, Dlmm):
        trades, _ = trade_exact_out(pool.stocked_bins(token_in, now_s), 2**70)
        return sum(net + fee for _, net, fee, _ in trades)
    return 2 * pool.reserves(token_in)[0]


@st.composite
def trades(draw: st.DrawFn, pools: st.SearchStrategy[Pool] = pools) -> tuple[Pool, str, int]:
    """A pool, the token that is sold to it, and an amount that it may be able to take."""
    pool, token_in = draw(pools), draw(tokens)
    most = min(capacity(pool, token_in), 2**64 - 1)
    assume(most > 0)
    return pool, token_in, draw(st.integers(1, most) | st.integers(1, min(most, 1_000)))


@st.composite
def wishes(draw: st.DrawFn, pools: st.SearchStrategy[Pool] = pools) -> tuple[Pool, str, int]:
    """A pool, the token that is sold to it, and an amount of the other that it may be able to pay out."""
    pool, token_in = draw(pools), draw(tokens)
    most = pool.reserves(token_in)[1]
    assume(most > 0)
    return pool, token_in, draw(st.integers(1, most) | st.integers(1, min(most, 1_000)))


def swapped(pool: Pool, token_in: str, amount_in: int, now_s: int = NOW_S) -> tuple[Swap, Pool]:
    """Swap, and leave what the pool can't do out of the search."""
    try:
        return swap(pool, token_in, amount_in, now_s)
    except (ZeroOutputError, InsufficientLiquidityError):
        assume(False)
        raise
