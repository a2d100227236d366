"""`python -m tests.harness bench flat`: does an order cost the same on an old, large or busy system as on a new one?

Each condition is measured in a pair with a new system, one after the other, so that the machine's own ups and downs
are in both.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import uvloop
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from local.run.running_system import System
from orderflow.runtime.clients import open_redis
from tests.harness.bench.against import Comparison, Pair, compare, run_pairs
from tests.harness.bench.ageing import (
    fill_ledger,
    keep_at_rest,
    resident_bytes,
    rewrite_log,
    used_memory,
    wait_until_at_rest,
)
from tests.harness.bench.clients import connected
from tests.harness.bench.ledger import PostgresLedger, UnderWay
from tests.harness.bench.load import Load, Observations, due_times
from tests.harness.bench.measurement import Plan, measure
from tests.harness.bench.mock_market import let_the_market_live
from tests.harness.bench.report import BenchResult
from tests.harness.own_system import OwnSystem, own_system
from tests.harness.tables import table_of_figures

SLOTS_A_DAY = 216_000
LEDGER_ORDERS = 1_000_000
RESTING_ORDERS = 100_000
FLAT_WITHIN = 0.10
SLOWEST = "100"
"""The SPEED at which no order comes to its end within the minutes in which others are posted."""

PER_ORDER = "processor time, µs an order"

AMPLE = {"MAX_IN_FLIGHT": "1000000", "MAX_LAG": "1000000", "REDIS_MAXMEMORY": "8gb"}
MIB = 1024 * 1024


@dataclass(slots=True)
class Memory:
    """What orders in flight take, from a few of them to many: Redis' bytes for each, and how much processes grew."""

    orders: int
    redis_bytes_per_order: float
    grown_mib: dict[str, float]


@dataclass(frozen=True, slots=True)
class Condition:
    """A system unlike a new one: by its settings, or by what `prepare` does to one that runs and returns again."""

    settings: Mapping[str, str] = field(default_factory=dict)
    prepare: Callable[[OwnSystem, System, list[Memory]], System] | None = None


def _a_day(own: OwnSystem, system: System, memory: list[Memory]) -> System:
    let_the_market_live(_redis_url(system), SLOTS_A_DAY)
    return system


def _large_ledger(own: OwnSystem, system: System, memory: list[Memory]) -> System:
    assert system.database_url is not None
    uvloop.run(measure(system, Plan(Load(orders=20, sockets=False), warm_up_s=0), Progress(disable=True)))
    fill_ledger(system.database_url, LEDGER_ORDERS)
    return system


def _many_in_flight(own: OwnSystem, system: System, memory: list[Memory]) -> System:
    """Have orders rest in the timers of a slow market; then start the system anew with a quick one."""
    redis_url, partitions = _redis_url(system), system.partitions or 1
    with open_redis(redis_url) as client:
        readings: list[tuple[int, int, dict[str, int]]] = []
        for orders in (RESTING_ORDERS // 10, RESTING_ORDERS - RESTING_ORDERS // 10):
            uvloop.run(_post(system, orders))
            before = readings[0][0] if readings else 0
            resting = wait_until_at_rest(client, partitions, before + orders)
            readings.append((resting, used_memory(redis_url), resident_bytes(dict(system.processes))))
        keep_at_rest(client, partitions)
    memory.append(growth(*readings))
    own.stop()
    own.settings["SPEED"] = "0"
    system = own.start()
    with open_redis(_redis_url(system)) as client:
        rewrite_log(client)
    return system


async def _post(system: System, orders: int) -> None:
    assert system.database_url is not None
    # All are due at once, so nobody waits for the end of any.
    load, seen = Load(orders=orders, rate=1e9, sockets=False), Observations()
    ledger = PostgresLedger(system.database_url)
    try:
        async with connected(system.url, load, seen, UnderWay(ledger)) as clients:
            await clients.post(due_times(load))
    finally:
        ledger.close()


def growth(few: tuple[int, int, dict[str, int]], many: tuple[int, int, dict[str, int]]) -> Memory:
    """Return what one more order takes, from two readings: orders, Redis' bytes, processes' resident bytes."""
    orders = many[0] - few[0]
    grown = {kind: (resident - few[2].get(kind, 0)) / MIB for kind, resident in many[2].items() if kind != "postgres"}
    return Memory(many[0], (many[1] - few[1]) / orders, grown)


CONDITIONS = {
    "a-day-old": Condition(prepare=_a_day),
    "large-ledger": Condition(prepare=_large_ledger),
    "in-flight": Condition(AMPLE | {"SPEED": SLOWEST}, _many_in_flight),
    "partitions-1": Condition({"PARTITIONS": "1"}),
    "partitions-4": Condition({"PARTITIONS": "4"}),
    "partitions-16": Condition({"PARTITIONS": "16"}),
    "workers-1": Condition({"WORKERS": "1"}),
}


@dataclass(frozen=True, slots=True)
class FlatResult:
    """What orders cost under each condition against a new system, and what those in flight take."""

    comparisons: dict[str, list[Comparison]]
    memory: list[Memory]
    clean: bool

    @property
    def flat(self) -> bool:
        """Whether no condition costs more, or less, than FLAT_WITHIN of a new system's processor time."""
        return all(abs(_cost(each).ratio - 1) <= FLAT_WITHIN for each in self.comparisons.values())


def run_flat(names: Sequence[str], plan: Plan, repeat: int, say: Callable[[str], None]) -> FlatResult:
    """Measure each condition in `repeat` pairs with a new system."""
    comparisons: dict[str, list[Comparison]] = {}
    memory: list[Memory] = []
    clean = True
    for name in names:
        pairs: list[Pair] = []
        condition = partial(_measure, CONDITIONS[name], plan, memory)
        for pair in run_pairs(repeat, partial(_measure, Condition(), plan, memory), condition):
            pairs.append(pair)
            say(f"{name}: {pair.this.system_us_per_order:,.0f} µs an order, new {pair.other.system_us_per_order:,.0f}")
        clean = clean and all(result.clean for pair in pairs for result in (pair.this, pair.other))
        comparisons[name] = compare(pairs)
    return FlatResult(comparisons, memory, clean)


def _measure(condition: Condition, plan: Plan, memory: list[Memory]) -> BenchResult:
    with own_system({"SPEED": "0", **condition.settings}) as own:
        system = own.start()
        if condition.prepare:
            system = condition.prepare(own, system, memory)
        [result] = uvloop.run(measure(system, plan, Progress(disable=True)))
        return result


def show(result: FlatResult, console: Console) -> None:
    """Print the result for a person."""
    console.print(_costs(result))
    for memory in result.memory:
        grown = ", ".join(f"{kind} {mib:+,.1f}" for kind, mib in memory.grown_mib.items())
        console.print(
            f"{memory.orders:,} orders in flight take {memory.redis_bytes_per_order:,.0f} bytes of Redis each;"
            f" since there were a tenth of them, processes grew by MiB: {grown}",
            highlight=False,
            soft_wrap=True,
        )


def _costs(result: FlatResult) -> Table:
    table = table_of_figures("µs an order", "new", "this", "ratio", "of the pairs", f"± {FLAT_WITHIN:.0%}")
    for name, comparisons in result.comparisons.items():
        for each in comparisons:
            if each.label.endswith("µs an order"):
                whole = each.label == PER_ORDER
                label = name if whole else f"  {each.label.removesuffix(', µs an order')}"
                verdict = ("yes" if abs(each.ratio - 1) <= FLAT_WITHIN else "[bold red]NO[/]") if whole else ""
                pairs = f"{min(each.ratios):.2f} – {max(each.ratios):.2f}"
                table.add_row(label, f"{each.other:,.0f}", f"{each.this:,.0f}", f"{each.ratio:.2f}", pairs, verdict)
    return table


def _cost(comparisons: Sequence[Comparison]) -> Comparison:
    return next(each for each in comparisons if each.label == PER_ORDER)


def _redis_url(system: System) -> str:
    assert system.redis_url is not None
    return system.redis_url
