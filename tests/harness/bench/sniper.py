"""`python -m tests.harness bench sniper`: how soon after a launch opens orders that wait for it have bought.

One system in real time: market orders at a steady rate, in pairs without and with orders for the launches that open
meanwhile; then many orders for one launch. Each pool is run again from its opening, so that what the orders paid is
what the pools say.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from rich.console import Console
from rich.table import Table

from orderflow.domain.launches import PRIORITIES
from tests.harness.bench.against import Comparison, Pair, compare, run_pairs
from tests.harness.bench.load import Load
from tests.harness.bench.report import BenchResult
from tests.harness.bench.sniped import endings, landed
from tests.harness.bench.sniper_live import SETTINGS, Shares, Wave, keep_time, market_orders, one_launch
from tests.harness.bench.wanted import Wanted, table_of_wanted
from tests.harness.own_system import own_system
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings

CROWD = 1_000
PAIRS = 3
LOAD = Load(rate=880, seconds=18, sockets=False, concurrency=64, mix="small")
"""What comes to about 2,000 market orders in flight: each takes 2.3 s on average, nearly all of it simulated."""

WARM_UP_S = 10.0
A_LAUNCH: Shares = (("turbo", 100), ("fast", 50), ("normal", 50))
FAULTS_SHOWN = 10
SHOWN = range(1, 5)
P99 = "→ confirmed, p99 ms"

IN_FLIGHT = 1_800, 2_500
MEDIAN_SLOTS, P99_SLOTS, MARKET_WITHIN = 1, 2, 0.1
"""What is wanted: so many market orders in flight, at least and at most, or the system does not keep up with them; of
turbo in the middle in this slot after the opening, and 99 % within so many; and market orders' 99th percentile within
so much the same."""


@dataclass(frozen=True, slots=True)
class Launched:
    """Orders for some launches: by priority and by slots after the opening how many bought, and how they ended.

    `faults` says which of them did neither buy once nor end with a reason; `unexplained` counts what they paid that
    their pools, run again, do not take, `other_pools` the pools that are not what that comes to.
    """

    launches: int
    orders: int
    landed: dict[str, dict[str, int]]
    endings: dict[str, int]
    faults: list[str]
    unexplained: int
    other_pools: int

    def slots(self, priority: str) -> Timings:
        """Sum up the slots after the opening in which orders of a priority bought."""
        counts = self.landed.get(priority, {})
        return Timings.of(float(slots) for slots, count in counts.items() for _ in range(count))


@dataclass(frozen=True, slots=True)
class SniperResult:
    """All that was measured. `market` compares market orders: `other` is without orders for launches, `this` with.

    `in_flight` has how many market orders were under way at most, of each run.
    """

    market: list[Comparison]
    in_flight: list[int]
    beside: Launched
    crowd: Launched
    clean: bool

    @property
    def reached(self) -> bool:
        """Whether every figure is what is wanted of it, and no market order was lost."""
        return self.clean and all(each.reached for each in wanted(self))


def wanted(result: SniperResult) -> list[Wanted]:
    """Return what is wanted of each figure of a result, and whether it is so."""
    turbo, market = result.beside.slots("turbo"), _ratio(result.market)
    least, most = min(result.in_flight, default=0), max(result.in_flight, default=0)
    both = (result.beside, result.crowd)
    none = {
        "orders neither bought once nor ended for a reason": sum(len(each.faults) for each in both),
        "fills that a pool, run again, does not pay": sum(each.unexplained for each in both),
        "pools that are not what that comes to": sum(each.other_pools for each in both),
    }
    return [
        Wanted(
            "market orders in flight, most of a run",
            f"{IN_FLIGHT[0]:,} – {IN_FLIGHT[1]:,}",
            f"{least:,} – {most:,}",
            IN_FLIGHT[0] <= least <= most <= IN_FLIGHT[1],
        ),
        Wanted("turbo, slots from open, median", f"{MEDIAN_SLOTS}", f"{turbo.p50:g}", turbo.p50 == MEDIAN_SLOTS),
        Wanted("turbo, slots from open, p99", f"≤ {P99_SLOTS}", f"{turbo.p99:g}", 0 < turbo.p99 <= P99_SLOTS),
        Wanted(
            "market orders' p99, with by without",
            f"1 ± {MARKET_WITHIN:g}",
            f"{market:.2f}",
            abs(market - 1) <= MARKET_WITHIN,
        ),
        *(Wanted(label, "0", f"{count:,}", count == 0) for label, count in none.items()),
    ]


def run_sniper(
    orders: int,
    repeat: int,
    say: Callable[[str], None],
    load: Load = LOAD,
    shares: Shares = A_LAUNCH,
    speed: float = 1.0,
) -> SniperResult:
    """Measure everything, market orders in `repeat` pairs, then so many orders for one launch."""
    with own_system(SETTINGS | {"SPEED": f"{speed:g}"}) as own:
        system = own.start()
        keep_time(system)
        market_orders(system, replace(load, seconds=WARM_UP_S * speed))
        say(f"the system is warm; {load.rate:g} market orders a second follow, {repeat} times alone and beside others")
        waves: list[Wave] = []

        def half(these: Shares) -> BenchResult:
            measured = market_orders(system, load, these)
            waves.extend(measured.waves)
            return measured.market

        pairs: list[Pair] = []
        for pair in run_pairs(repeat, lambda: half(()), lambda: half(shares)):
            pairs.append(pair)
            say(f"pair {len(pairs)} of {repeat}:")
            for name, each in (("alone", pair.other), ("beside orders for launches", pair.this)):
                say(f"  {each.post_to_confirmed_ms.p99:,.0f} ms at p99 {name}; {each.pace}")
        crowd = one_launch(system, _shared(orders))
    market = [result for pair in pairs for result in (pair.other, pair.this)]
    return SniperResult(
        compare(pairs),
        [result.most_in_flight for result in market],
        launched(waves),
        launched([crowd]),
        clean=all(result.clean for result in market),
    )


def launched(waves: Sequence[Wave]) -> Launched:
    """Sum up what became of orders for launches."""
    every = [each for wave in waves for each in wave.sniped]
    slots = landed(every, {order_id: priority for wave in waves for order_id, priority in wave.priorities.items()})
    return Launched(
        launches=len(waves),
        orders=sum(len(wave.priorities) for wave in waves),
        landed={priority: {str(n): count for n, count in sorted(counts.items())} for priority, counts in slots.items()},
        endings=dict(endings(every).most_common()),
        faults=[fault for wave in waves for fault in wave.faults],
        unexplained=sum(wave.unexplained for wave in waves),
        other_pools=sum(not wave.same_pool for wave in waves),
    )


def show(result: SniperResult, console: Console) -> None:
    """Print the result for a person."""
    for launches, title in ((result.beside, "beside market orders"), (result.crowd, "alone")):
        console.print(_slots(launches, title))
    console.print(_market(result))
    for launches in (result.beside, result.crowd):
        table = table_of_figures("how they ended", f"{launches.orders:,} for {launches.launches:,} launches")
        for ending, count in launches.endings.items():
            table.add_row(ending, f"{count:,}")
        console.print(table)
        for fault in launches.faults[:FAULTS_SHOWN]:
            console.print(fault, style="red", markup=False, highlight=False, soft_wrap=True)
    console.print(table_of_wanted(wanted(result)))


def _slots(launched: Launched, title: str) -> Table:
    """Return which share of the orders of each priority that bought did so in which slot after the opening."""
    columns = (*(f"+{slots}" for slots in SHOWN), "later", "orders", "p50", "p99")
    table = table_of_figures(f"slots from open, {title}", *columns)
    for priority in PRIORITIES:
        counts, timings = launched.landed.get(priority, {}), launched.slots(priority)
        if timings.count:
            shown = [counts.get(str(slots), 0) for slots in SHOWN]
            figures = (f"{count / timings.count:.0%}" for count in (*shown, timings.count - sum(shown)))
            table.add_row(priority, *figures, f"{timings.count:,}", f"{timings.p50:g}", f"{timings.p99:g}")
    return table


def _market(result: SniperResult) -> Table:
    table = table_of_figures("market orders", "alone", "beside orders for launches", "ratio", "of the pairs")
    for each in result.market:
        pairs = f"{min(each.ratios):.2f} – {max(each.ratios):.2f}"
        table.add_row(each.label, f"{each.other:,.1f}", f"{each.this:,.1f}", f"{each.ratio:.2f}", pairs)
    return table


def _shared(orders: int) -> Shares:
    """Return so many orders, of each priority as many."""
    return [
        (priority, orders // len(PRIORITIES) + (number < orders % len(PRIORITIES)))
        for number, priority in enumerate(PRIORITIES)
    ]


def _ratio(market: Sequence[Comparison]) -> float:
    return next((each.ratio for each in market if each.label == P99), 0.0)
