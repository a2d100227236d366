"""`python -m tests.harness bench resting`: what orders that wait cost while they rest, and how they fire.

Two Redis are filled with orders far from the market, a few and many; what is compared is measured on both in turn. Then
a system runs on the one with many, where orders near the market fire.
"""

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from math import inf
from statistics import median
from typing import TypeVar

from rich.console import Console
from rich.table import Table

from tests.harness.bench.against import Comparison, compare, run_pairs
from tests.harness.bench.filled_redis import FilledRedis, filled
from tests.harness.bench.resting_costs import Cost, openings, slots
from tests.harness.bench.resting_live import Live, market_orders, run_live
from tests.harness.bench.waiting_orders import SHARES
from tests.harness.bench.wanted import Wanted, table_of_wanted
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings

FEW, MANY = 1_000, 100_000
MILLION = 1_000_000
ROUNDS, SLOTS_A_ROUND = 8, 15
OPENED_A_ROUND = 200
PER_ORDER = "processor time, µs an order"

Result = TypeVar("Result")

SLOT_RATIO, MARKET_WITHIN, MILLION_BYTES, LATE_SLOTS = 1.2, 0.1, 2.5e9, 2
"""What is wanted: a slot costs at most so many times as much with many, a market order within so much the same, a
million orders take at most so many bytes, and 99 % of limits fire within so many slots."""


@dataclass(frozen=True, slots=True)
class Sides:
    """What the same thing cost with few orders that rest and with many, measured in turn."""

    few: list[Cost]
    many: list[Cost]

    @property
    def ratios(self) -> list[float]:
        """Many by few, of each pair."""
        return [many.total / few.total for few, many in zip(self.few, self.many, strict=True)]


@dataclass(frozen=True, slots=True)
class RestingResult:
    """All that was measured beside so many `orders` that rest.

    `market` compares market orders: `other` is beside few, `this` beside many.
    """

    orders: int
    bytes_per_order: float
    slots: Sides
    opened: Sides
    cancelled: Sides
    market: list[Comparison]
    live: Live
    clean: bool

    @property
    def reached(self) -> bool:
        """Whether every figure is what is wanted of it, and no market order was lost."""
        return self.clean and all(each.reached for each in wanted(self))


def wanted(result: RestingResult) -> list[Wanted]:
    """Return what is wanted of each figure of a result, and whether it is so."""
    slot, market, million = median(result.slots.ratios), _ratio(result.market), result.bytes_per_order * MILLION
    limits, stops, late = result.live.limits.followed, result.live.stops.followed, result.live.lateness
    p99, how = Timings.of(late.slots).p99, "" if result.orders >= MILLION else ", extrapolated"
    none = {
        "limits that could be executed, and did not fire": late.never,
        "limits filled below their price": limits.below,
        "limits and stops left": limits.left + stops.left,
    }
    return [
        Wanted("a slot, many by few", f"≤ {SLOT_RATIO:g}", f"{slot:.2f}", slot <= SLOT_RATIO),
        Wanted(
            "a market order, many by few", f"1 ± {MARKET_WITHIN:g}", f"{market:.2f}", abs(market - 1) <= MARKET_WITHIN
        ),
        Wanted(
            f"Redis, GB for 1,000,000 orders{how}",
            f"≤ {MILLION_BYTES / 1e9:g}",
            f"{million / 1e9:.2f}",
            million <= MILLION_BYTES,
        ),
        Wanted("slots until a limit fired, p99", f"≤ {LATE_SLOTS}", f"{p99:g}", p99 <= LATE_SLOTS),
        *(Wanted(label, "0", f"{count:,}", count == 0) for label, count in none.items()),
    ]


def run_resting(orders: int, repeat: int, say: Callable[[str], None]) -> RestingResult:
    """Measure everything, market orders in `repeat` pairs."""
    with ExitStack() as stack:
        few, many = (stack.enter_context(filled(count)) for count in (FEW, orders))
        taken = (many.used_bytes - few.used_bytes) / (many.orders - few.orders)
        say(f"{many.orders:,} orders rest far from the market and take {taken:,.0f} bytes each")
        passed = Sides(*_in_turn(few, many, lambda redis, _: redis.run(slots, SLOTS_A_ROUND)))
        say(f"slots were measured: {median(passed.ratios):.2f} times as much as with {few.orders:,}")
        came = _in_turn(few, many, lambda redis, number: redis.run(openings, OPENED_A_ROUND, number))
        opened, cancelled = (Sides(*([both[part] for both in side] for side in came)) for part in (0, 1))
        pairs = list(run_pairs(repeat, partial(market_orders, few), partial(market_orders, many)))
        market = compare(pairs)
        say(f"market orders were measured: {_ratio(market):.2f} times as much")
        say("now a system runs, at SPEED=0.1, and orders fire")
        live = run_live(many)
    clean = not live.unclean and all(each.clean for pair in pairs for each in (pair.other, pair.this))
    return RestingResult(many.orders, taken, passed, opened, cancelled, market, live, clean)


def show(result: RestingResult, console: Console) -> None:
    """Print the result for a person."""
    console.print(_costs(result))
    console.print(_market(result))
    console.print(_crowds(result.live))
    console.print(_latencies(result.live))
    late = result.live.lateness
    console.print(
        f"{len(late.slots):,} limits fired one by one as the market rose, since they could be executed:"
        f" {_percentiles(late.slots, '{:g}')} slots, {_percentiles(late.ms, '{:,.0f}')} ms (median / p99 / most);"
        f" of {late.blocks + late.missed:,} blocks {late.missed:,} were not seen",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table_of_wanted(wanted(result)))


def _in_turn(
    few: FilledRedis, many: FilledRedis, measure: Callable[[FilledRedis, int], Result]
) -> tuple[list[Result], list[Result]]:
    """Measure both ROUNDS times, each first in every other round, after a round that does not count."""
    results: dict[str, list[Result]] = {few.url: [], many.url: []}
    for number in range(ROUNDS + 1):
        for redis in (few, many) if number % 2 else (many, few):
            results[redis.url].append(measure(redis, number))
    return results[few.url][1:], results[many.url][1:]


def _costs(result: RestingResult) -> Table:
    table = table_of_figures(
        "µs of processor time", f"beside {FEW:,}", f"beside {result.orders:,}", "ratio", "of the pairs"
    )
    rows = {
        "a slot": result.slots,
        "an order that comes to rest": result.opened,
        "an order that is cancelled": result.cancelled,
    }
    for label, sides in rows.items():
        _add(table, label, [each.total for each in sides.few], [each.total for each in sides.many])
        for part in sides.few[0].parts:
            _add(table, f"  {part}", *([each.parts[part] for each in side] for side in (sides.few, sides.many)))
    return table


def _add(table: Table, label: str, few: Sequence[float], many: Sequence[float]) -> None:
    ratios = [more / less for less, more in zip(few, many, strict=True)]
    pairs = f"{min(ratios):.2f} – {max(ratios):.2f}"
    table.add_row(label, f"{median(few):,.0f}", f"{median(many):,.0f}", f"{median(ratios):.2f}", pairs)


def _market(result: RestingResult) -> Table:
    table = table_of_figures(
        "µs a market order", f"beside {FEW:,}", f"beside {result.orders:,}", "ratio", "of the pairs"
    )
    for each in result.market:
        if each.label.endswith("µs an order"):
            label = "the system" if each.label == PER_ORDER else f"  {each.label.removesuffix(', µs an order')}"
            pairs = f"{min(each.ratios):.2f} – {max(each.ratios):.2f}"
            table.add_row(label, f"{each.other:,.0f}", f"{each.this:,.0f}", f"{each.ratio:.2f}", pairs)
    return table


def _crowds(live: Live) -> Table:
    table = table_of_figures("all at once", f"{live.limits.orders:,} limits", f"{live.stops.orders:,} stops")
    both = (live.limits, live.stops)
    table.add_row("s until all rested", *(f"{crowd.rested_s:,.1f}" for crowd in both))
    table.add_row("s from their price until all had fired", "", f"{live.stops.fired_s:,.2f}")
    for share in SHARES:
        ended = (f"{crowd.fired_s + crowd.followed.seconds.get(share, inf):,.1f}" for crowd in both)
        table.add_row(f"s from their price until {share} had ended", *ended)
    table.add_row("slots until all had ended", f"{live.limits.followed.slots.get('all', inf):,g}", "")
    table.add_row("attempts that were refused", *(f"{crowd.followed.refused:,}" for crowd in both))
    for status in sorted({status for crowd in both for status in crowd.followed.endings}):
        table.add_row(status, *(f"{crowd.followed.endings[status]:,}" for crowd in both))
    return table


def _latencies(live: Live) -> Table:
    table = table_of_figures("market orders, due → confirmed, ms", "orders", "p50", "p95", "p99")
    for label, timings in (("alone", live.alone_ms), ("while the limits are executed", live.beside_ms)):
        figures = (f"{ms:,.1f}" for ms in (timings.p50, timings.p95, timings.p99))
        table.add_row(label, f"{timings.count:,}", *figures)
    return table


def _percentiles(values: Sequence[float], form: str) -> str:
    timings = Timings.of(values)
    return " / ".join(form.format(value) for value in (timings.p50, timings.p99, timings.maximum))


def _ratio(market: Sequence[Comparison]) -> float:
    return next(each.ratio for each in market if each.label == PER_ORDER)
