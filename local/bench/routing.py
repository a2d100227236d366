"""`python -m local bench routing`: how good and how quick the router is, by the size of the trade."""

import statistics
import time
from collections.abc import Callable

from rich.console import Console
from rich.table import Table

from orderflow.domain.pools import Pool
from orderflow.domain.router.book import CurveBook
from orderflow.domain.router.plan import Plan, plan_route, plan_single, plan_split
from orderflow.domain.router.split import upper_bound
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RejectedError
from orderflow.market.background import advance, chain_seconds, opening_prices
from orderflow.market.universe import VENUES, opening_pools

SIZES_USD = (100, 1_000, 10_000, 100_000, 1_000_000)
MARKETS = 12
SLOTS_APART = 50
PAIRS = (("SOL", "USDC"), ("USDC", "SOL"), ("JUP", "USDC"), ("mSOL", "SOL"), ("USDT", "USDC"))
REPEATS = 5
DIGITS = (2, 2, 5, 0, 2, 0)


def main(seed: int = 1) -> int:
    """Measure over several states of the market and print a table; return the exit status."""
    console = Console()
    table = Table(title="medians over pairs and states of the market; gains in bps")
    for heading in ("trade", "split/venue", "split/pool", "gap", "µs", "hops/split", "µs"):
        table.add_column(heading, justify="right")
    books = [CurveBook(pools, now_s) for pools, now_s in _markets(seed)]
    for usd in SIZES_USD:
        rows = [row for book in books for pair in PAIRS if (row := _measure(book, *pair, usd)) is not None]
        medians = [statistics.median(values) for values in zip(*rows, strict=True)]
        table.add_row(f"${usd:,}", *(f"{value:,.{digits}f}" for value, digits in zip(medians, DIGITS, strict=True)))
    console.print(table)
    console.print(
        "split/venue, split/pool: the split over all pools of the pair against the best single venue and pool.\n"
        "gap: what a better split could at most still gain, by the certificate. hops/split: ways of up to three hops\n"
        "against that split. µs: microseconds a plan, curves kept.",
        highlight=False,
    )
    return 0


def _markets(seed: int) -> list[tuple[list[Pool], int]]:
    """Return the pools of several moments of a market that lives, each with its second."""
    pools = {pool.pool: pool for pool in opening_pools(seed)}
    fair, markets = opening_prices(), []
    for number in range(MARKETS):
        slot = number * SLOTS_APART
        background = advance(seed, slot, slot + SLOTS_APART, fair, pools)
        pools, fair = pools | background.changed, background.fair
        markets.append((list(pools.values()), chain_seconds(slot + SLOTS_APART)))
    return markets


def _measure(book: CurveBook, token_in: str, token_out: str, usd: int) -> tuple[float, ...] | None:
    token = TOKENS[token_in]
    amount = int(usd / float(token.opening_price) * 10**token.decimals)
    try:
        single = plan_single(book, token_in, token_out, amount)
        split, split_us = _timed(lambda: plan_split(book, token_in, token_out, amount))
        route, route_us = _timed(lambda: plan_route(book, token_in, token_out, amount))
        venues = [plan_split(book, token_in, token_out, amount, venue=venue).amount_out for venue in VENUES]
    except RejectedError:
        return None
    pair = book.pair(token_in, token_out)
    if pair is None:
        return None
    bound = upper_bound(pair.curve, amount, pair.curve.at(amount)[1])
    return (
        _bps(split.amount_out, max(venues)),
        _bps(split.amount_out, single.amount_out),
        _bps(bound, split.amount_out),
        split_us,
        _bps(route.amount_out, split.amount_out),
        route_us,
    )


def _timed(work: Callable[[], Plan]) -> tuple[Plan, float]:
    """Return what `work` makes and the microseconds that it takes with curves kept, the median of a few."""
    plan = work()
    times = []
    for _ in range(REPEATS):
        started = time.perf_counter_ns()
        work()
        times.append((time.perf_counter_ns() - started) / 1000)
    return plan, statistics.median(times)


def _bps(better: float, worse: float) -> float:
    return (better / worse - 1) * BPS
