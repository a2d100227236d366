"""Pools for the router's tests, and what they would pay if nothing were rounded, written a second time and slowly."""

from collections.abc import Callable, Sequence
from decimal import Decimal, localcontext
from fractions import Fraction

import msgspec
from hypothesis import strategies as st

from orderflow.domain.pools import Pool
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.swap import swap
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.network import MAX_HOPS
from orderflow.domain.routing import Leg
from orderflow.errors import RejectedError
from orderflow.venues.mock.dlmm_opening import NARROW, WIDE, DlmmParameters
from tests.support.pool_kinds import CONSTANT_PRODUCT, constant_product

NOW_S = 1_000_000


def named(pool: Pool, name: str, tokens: tuple[str, str] = ("SOL", "USDC")) -> Pool:
    """Return a pool under another name, for other tokens."""
    return msgspec.structs.replace(pool, pool=name, token_a=tokens[0], token_b=tokens[1])


def bins(
    name: str,
    stock: Sequence[int],
    *,
    tokens: tuple[str, str] = ("SOL", "USDC"),
    active_id: int = 0,
    parameters: DlmmParameters = NARROW,
    va: int = 0,
    last_s: int = 0,
) -> Dlmm:
    """Return a DLMM pool that holds `stock` of its Y in the bins from the active one downwards, as much X above."""
    below, above = tuple(reversed(stock)), tuple(stock)
    return Dlmm(
        pool=name,
        venue="meteora",
        token_a=tokens[0],
        token_b=tokens[1],
        active_id=active_id,
        index_ref=active_id,
        lowest_id=active_id - len(stock) + 1,
        bins_x=(0,) * (len(stock) - 1) + above,
        bins_y=below + (0,) * (len(stock) - 1),
        va=va,
        vol_ref=va,
        last_s=last_s,
        **msgspec.structs.asdict(parameters),
    )


@st.composite
def constant_product_pools(draw: st.DrawFn, name: str, tokens: tuple[str, str] = ("SOL", "USDC")) -> Pool:
    """A pool whose price is near 1 atom for 1, of any size, with any program's fee."""
    reserve = draw(st.integers(10**7, 10**14))
    skew = draw(st.integers(9_700, 10_300))
    kind = draw(st.sampled_from(list(CONSTANT_PRODUCT)))
    fees = draw(CONSTANT_PRODUCT[kind].fees)
    return constant_product(kind, reserve, reserve * skew // 10_000, fees, name=name, tokens=tokens)


@st.composite
def bin_pools(draw: st.DrawFn, name: str, tokens: tuple[str, str] = ("SOL", "USDC")) -> Dlmm:
    """A DLMM pool near the price 1, with any volatility behind it, some of its bins empty."""
    size = 10 ** draw(st.integers(6, 13))
    stock = draw(st.lists(st.integers(0, 9).map(lambda part: part * size), min_size=1, max_size=12))
    parameters = draw(st.sampled_from([NARROW, WIDE]))
    return bins(
        name,
        stock,
        tokens=tokens,
        active_id=draw(st.integers(-20, 20) if parameters is NARROW else st.integers(-1, 1)),
        parameters=parameters,
        va=draw(st.integers(0, parameters.max_va)),
        last_s=NOW_S - draw(st.sampled_from([0, 100, 10_000])),
    )


def any_pools(name: str, tokens: tuple[str, str] = ("SOL", "USDC")) -> st.SearchStrategy[Pool]:
    """Pools of every type."""
    return st.one_of(constant_product_pools(name, tokens), bin_pools(name, tokens))


@st.composite
def pools_of_one_pair(draw: st.DrawFn, *, most: int = 6, any_type: bool = True) -> list[Pool]:
    """Pools of SOL and USDC, at least one of them without an end."""
    kinds = any_pools if any_type else constant_product_pools
    further = [draw(kinds(f"pool {number}")) for number in range(1, draw(st.integers(1, most)))]
    return [draw(constant_product_pools("pool 0")), *further]


amounts = st.integers(20, 135).flatmap(lambda tenths: st.integers(1, 10 ** (tenths // 10) * (1 + tenths % 10)))
"""As many small ones as large ones."""


def view_of(pools: Sequence[Pool], now_s: int = NOW_S) -> MarketView:
    """Return the market view of some pools."""
    return MarketView(pools, now_s)


def kept(pool: Pool) -> tuple[Fraction, Fraction]:
    """Return what a pool's fee leaves of the input and of the output."""
    return CONSTANT_PRODUCT[type(pool)].kept(pool)


def steps_of(pool: Dlmm, token_in: str, now_s: int = NOW_S) -> list[tuple[Fraction, Fraction]]:
    """Return (price, capacity) of a pool's bins with the fee inside."""
    steps = []
    for _, numerator, denominator, rate, held in pool.stocked_bins(token_in, now_s):
        price = (1 - Fraction(rate, 10**9)) * Fraction(numerator, denominator)
        steps.append((price, held / price))
    return steps


def exact_out(pool: Pool, token_in: str, amount: Fraction, now_s: int = NOW_S) -> Fraction:
    """Return what a pool would pay if nothing were rounded."""
    if isinstance(pool, Dlmm):
        paid = Fraction(0)
        for price, capacity in steps_of(pool, token_in, now_s):
            part = min(amount, capacity)
            paid, amount = paid + part * price, amount - part
        return paid
    reserve_in, reserve_out = pool.reserves(token_in)
    of_input, of_output = kept(pool)
    return of_output * reserve_out * of_input * amount / (reserve_in + of_input * amount)


def best_split_slowly(pools: Sequence[Pool], token_in: str, amount: int) -> Decimal:
    """Return what the best split pays if nothing were rounded, by bisecting the price until the pools take the amount.

    At the price found all that pays more has been taken; what is missing earns that price.
    """
    with localcontext() as context:
        context.prec = 60
        low, high = Decimal("1e-12"), Decimal("1e12")
        for _ in range(240):
            middle = (low * high).sqrt()
            if sum(taken_above(pool, token_in, middle)[0] for pool in pools) > amount:
                low = middle
            else:
                high = middle
        taken = [taken_above(pool, token_in, high) for pool in pools]
        missing = amount - sum(part for part, _ in taken)
        return sum((paid for _, paid in taken), Decimal(0)) + missing * high


def taken_above(pool: Pool, token_in: str, price: Decimal) -> tuple[Decimal, Decimal]:
    """Return what a pool takes while it pays more than a price, and what it pays for that."""
    if isinstance(pool, Dlmm):
        better = [(_decimal(own), _decimal(size)) for own, size in steps_of(pool, token_in) if _decimal(own) > price]
        return sum((size for _, size in better), Decimal(0)), sum((own * size for own, size in better), Decimal(0))
    reserve_in, reserve_out = pool.reserves(token_in)
    of_input, of_output = (_decimal(share) for share in kept(pool))
    # The marginal price of_output·of_input·R·S / (R + of_input·x)² comes down to `price`.
    net = (of_output * of_input * reserve_in * reserve_out / price).sqrt() - reserve_in
    if net <= 0:
        return Decimal(0), Decimal(0)
    return net / of_input, of_output * reserve_out * net / (reserve_in + net)


def _decimal(fraction: Fraction) -> Decimal:
    return Decimal(fraction.numerator) / Decimal(fraction.denominator)


def check_legs_fit(legs: Sequence[Leg], token_in: str, token_out: str, amount: int) -> None:
    """Assert that legs take just the order's input, and of every token in between just what earlier legs paid."""
    held = {token_in: amount}
    for leg in legs:
        assert leg.amount_in > 0
        assert leg.amount_out > 0
        held[leg.token_in] = held.get(leg.token_in, 0) - leg.amount_in
        assert held[leg.token_in] >= 0
        held[leg.token_out] = held.get(leg.token_out, 0) + leg.amount_out
    assert {token for token, left in held.items() if left} == {token_out}


def best_single_paths(
    pools: Sequence[Pool], token_in: str, token_out: str, amount: int, now_s: int = NOW_S
) -> dict[int, int]:
    """Return by number of legs the most that a single path pays: every one, one pool for each hop, run in integers."""
    best: dict[int, int] = {}

    def go_on(token: str, held: int, met: tuple[str, ...]) -> None:
        for pool in pools:
            if token not in (pool.token_a, pool.token_b) or pool.other(token) in met:
                continue
            try:
                paid = swap(pool, token, held, now_s)[0].amount_out
            except RejectedError:
                continue
            if pool.other(token) == token_out:
                best[len(met)] = max(best.get(len(met), 0), paid)
            elif len(met) < MAX_HOPS:
                go_on(pool.other(token), paid, (*met, pool.other(token)))

    go_on(token_in, amount, (token_in,))
    return best


def check_not_dominated(paid: int, legs: int, paths: dict[int, int], leg_cost: float = 0.0) -> None:
    """Assert that no single path pays more with as many legs, nor more than a plan, each leg's cost subtracted."""
    for path_legs, path_paid in paths.items():
        assert path_paid <= paid or path_legs > legs
        assert path_paid - paid <= leg_cost * (path_legs - legs)


def most_by_golden_sections(paid: Callable[[Fraction], Fraction], amount: int) -> float:
    """Return the most that `paid`, which has one peak, is for any part of `amount`; found by 70 golden sections."""
    low, high = Fraction(0), Fraction(amount)
    golden = Fraction(61803398875, 10**11)
    for _ in range(70):
        left, right = high - golden * (high - low), low + golden * (high - low)
        left, right = left.limit_denominator(10**15), right.limit_denominator(10**15)
        low, high = (left, high) if paid(left) < paid(right) else (low, right)
    return float(max(paid(low), paid(Fraction(0)), paid(Fraction(amount))))
