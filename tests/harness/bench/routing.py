"""`python -m tests.harness bench routing`: what splits and hops gain by trade size, how near the best, how quick.

No system is needed: the bench routes in this process, over moments of a market that lives.
"""

import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from functools import partial
from math import log
from random import Random
from statistics import mean

from rich.console import Console

from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.router.allocation import bound_of
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.plan import Plan, plan_route, plan_single, plan_split
from orderflow.domain.router.several_paths import LEAST_GAIN
from orderflow.domain.router.split import split, upper_bound
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RejectedError
from tests.harness.bench.mock_market import (
    SOL,
    USDC,
    VENUES,
    ages,
    atoms_worth,
    directions,
    eight_pools,
    moments,
    opening_pools,
)
from tests.harness.tables import table_of_figures
from tests.harness.timings import percentile

SIZES_USD = (100, 1_000, 10_000, 100_000, 1_000_000)
BPS = 1e4
AGES = (400, 3_000, 12_000)
MIXED = 600
BATCH = 30
LARGE = 60
LARGE_USD = 100_000
PASSES = 3
MEDIAN_USD = 316


@dataclass(slots=True)
class Row:
    """The orders of one size: a list of figures each, bps but for the microseconds and the legs."""

    size_usd: int
    over_venue: list[float] = field(default_factory=list)
    over_pool: list[float] = field(default_factory=list)
    gap: list[float] = field(default_factory=list)
    legs: list[float] = field(default_factory=list)
    split_us: list[float] = field(default_factory=list)
    plan_us: list[float] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class OrderRow:
    """What the choice of an order's route costs with the market at one age, in microseconds of processor time.

    Mixed orders over curves made before and in batches over new ones, and large orders over curves made before.
    """

    market: str
    warm_us: float
    batch_us: float
    large_us: float


@dataclass(frozen=True, slots=True)
class RoutingResult:
    """Splits over one pair of eight pools, routes over the universe, and the cost of all curves of a new market."""

    splits: list[Row]
    routes: list[Row]
    orders: list[OrderRow]
    curves_ms: float


def main(seed: int = 1) -> int:
    """Measure and print; return the exit status."""
    show(run_routing_bench(seed), Console())
    return 0


def run_routing_bench(seed: int, markets: int = 4, repeats: int = 3, slots: Collection[int] = AGES) -> RoutingResult:
    """Split and route orders of all sizes over several markets; time each as the median of `repeats` runs.

    Mixed and large orders are routed over the market at its opening and after so many slots each.
    """
    pairs = [MarketView(eight_pools(seed + number)) for number in range(markets)]
    universes = [MarketView(pools, now_s) for pools, now_s in moments(seed, markets)]
    return RoutingResult(
        splits=[_splits(size, pairs, repeats) for size in SIZES_USD],
        routes=[_routes(size, universes, repeats) for size in SIZES_USD],
        orders=[_orders(name, pools, now_s, seed) for name, pools, now_s in ages(seed, slots)],
        curves_ms=_median_us(lambda: _make_all_curves(seed), 3) / 1e3,
    )


def show(result: RoutingResult, console: Console) -> None:
    """Print the result for a person."""
    columns = ("over the best venue", "over the best pool", "gap to dual bound", "legs")
    table = table_of_figures("split over 8 pools of SOL/USDC", *columns, "µs to split", "µs with swaps")
    for row in result.splits:
        times = (f"{percentile(sorted(times), 50):,.1f}" for times in (row.split_us, row.plan_us))
        table.add_row(f"${row.size_usd:,}", *_figures(row), *times)
    console.print(table)
    table = table_of_figures("route over the universe", *columns, "µs")
    for row in result.routes:
        table.add_row(f"${row.size_usd:,}", *_figures(row), f"{percentile(sorted(row.plan_us), 50):,.0f}")
    table.add_section()
    everything = sorted(used for row in result.routes for used in row.plan_us)
    table.add_row("all sizes", "", "", "", "", f"{percentile(everything, 50):,.0f}")
    console.print(table)
    table = table_of_figures(
        "mixed orders of $10 to $10k between any tokens",
        "µs, curves made before",
        f"µs in batches of {BATCH}, curves made new",
        f"µs at ${LARGE_USD:,}",
    )
    for order in result.orders:
        table.add_row(order.market, *(f"{used:,.0f}" for used in (order.warm_us, order.batch_us, order.large_us)))
    table.add_section()
    means = (
        mean(row) for row in zip(*((row.warm_us, row.batch_us, row.large_us) for row in result.orders), strict=True)
    )
    table.add_row("all ages", *(f"{used:,.0f}" for used in means))
    console.print(table)
    console.print(
        f"bps: median / 90th percentile; times: medians. All curves of a new market: {result.curves_ms:.1f} ms.",
        highlight=False,
    )


def _splits(size_usd: int, views: list[MarketView], repeats: int) -> Row:
    row, random = Row(size_usd), Random(size_usd)
    for view in views:
        for token_in, token_out in ((SOL, USDC), (USDC, SOL)) * 10:
            tokens = token_in.symbol, token_out.symbol
            amount = atoms_worth(size_usd * random.uniform(0.8, 1.2), token_in)
            pair, plan = view.pair(*tokens), plan_split(view, *tokens, amount)
            if pair is None:
                continue
            price, least = split(pair.curve, amount).price, LEAST_GAIN * plan.amount_out
            _compare(row, view, tokens, amount, plan, upper_bound(pair.curve, amount, price))
            row.split_us.append(_median_us(partial(split, pair.curve, amount, least), repeats))
            row.plan_us.append(_median_us(partial(plan_split, view, *tokens, amount), repeats))
    return row


def _routes(size_usd: int, views: list[MarketView], repeats: int) -> Row:
    row = Row(size_usd)
    for view in views:
        for token_in, token_out in directions():
            tokens, amount = (token_in.symbol, token_out.symbol), atoms_worth(size_usd, token_in)
            plan = plan_route(view, *tokens, amount)
            _compare(row, view, tokens, amount, plan, bound_of(view.network(*tokens), amount))
            row.plan_us.append(_median_us(partial(plan_route, view, *tokens, amount), repeats))
    return row


def _orders(market: str, pools: list[Pool], now_s: int, seed: int) -> OrderRow:
    """Choose routes for mixed orders: batch by batch over a new view, then all of them again over one that is warm."""
    random = Random(seed)
    sizes = [min(max(random.lognormvariate(log(MEDIAN_USD), 1.5), 10.0), 10_000.0) for _ in range(MIXED)]
    mixed, large = _requests(random, sizes), _requests(random, [LARGE_USD] * LARGE)
    batch_us = sum(
        _processor_us(MarketView(pools, now_s), mixed[start : start + BATCH]) for start in range(0, MIXED, BATCH)
    )
    view = MarketView(pools, now_s)
    _processor_us(view, mixed + large)
    warm_us, large_us = (min(_processor_us(view, orders) for _ in range(PASSES)) for orders in (mixed, large))
    return OrderRow(market, warm_us / MIXED, batch_us / MIXED, large_us / LARGE)


def _requests(random: Random, sizes_usd: Sequence[float]) -> list[OrderRequest]:
    """Return an order of each size between any two tokens."""
    requests: list[OrderRequest] = []
    for dollars in sizes_usd:
        token_in, token_out = random.sample(list(TOKENS.values()), 2)
        requests.append(OrderRequest(token_in.symbol, token_out.symbol, atoms_worth(dollars, token_in), "market", 500))
    return requests


def _processor_us(view: MarketView, requests: Sequence[OrderRequest]) -> float:
    before = time.process_time_ns()
    for request in requests:
        choose_route(view, 0, request, VENUES, VENUES, 0)
    return (time.process_time_ns() - before) / 1e3


def _compare(row: Row, view: MarketView, tokens: tuple[str, str], amount: int, plan: Plan, bound: float) -> None:
    """Note how much more was paid than a venue alone and than a pool alone would pay, where one trades the pair."""
    paid = plan.amount_out
    row.legs.append(len(plan.legs))
    row.gap.append(max(bound / paid - 1, 0.0) * BPS)
    alone: list[int] = []
    for venue in VENUES:
        try:
            alone.append(plan_split(view, *tokens, amount, venues=venue).amount_out)
        except RejectedError:
            continue
    if alone:
        row.over_venue.append((paid / max(alone) - 1) * BPS)
        row.over_pool.append((paid / plan_single(view, *tokens, amount).amount_out - 1) * BPS)


def _make_all_curves(seed: int) -> None:
    view = MarketView(opening_pools(seed))
    for token_in, token_out in directions():
        view.pair(token_in.symbol, token_out.symbol)


def _median_us(work: Callable[[], object], repeats: int) -> float:
    taken: list[float] = []
    for _ in range(repeats):
        before = time.perf_counter_ns()
        work()
        taken.append((time.perf_counter_ns() - before) / 1e3)
    return percentile(sorted(taken), 50)


def _figures(row: Row) -> list[str]:
    bps = (row.over_venue, row.over_pool, row.gap)
    formats = ("{:,.2f}", "{:,.2f}", "{:.4f}")
    texts = [
        " / ".join(text.format(percentile(sorted(values), percent)) for percent in (50, 90))
        for values, text in zip(bps, formats, strict=True)
    ]
    return [*texts, f"{percentile(sorted(row.legs), 50):.0f}"]
