"""`python -m tests.harness bench access`: what it costs that each request and each socket needs a key.

Systems of this tree with AUTH=open and AUTH=keys in turn, in pairs, since machines are noisy: only ratios count. The
key is of an account of its own with limits beyond any load, so that its look-up, the counting of each request and the
account of each order are all paid for.
"""

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import uvloop
from rich.console import Console
from rich.progress import Progress

from tests.harness.bench.against import Comparison, Pair, compare, run_pairs
from tests.harness.bench.against import show as show_comparisons
from tests.harness.bench.measurement import Plan, measure
from tests.harness.bench.report import BenchResult
from tests.harness.bench.wanted import Wanted, table_of_wanted
from tests.harness.own_system import started

OPEN, KEYS = "AUTH=open", "AUTH=keys"
UNLOADED = 300
"""Single orders, one at a time, unless the plan has some."""
TOLERANCE = 0.10
WANTED = {
    "end-to-end orders per second": "more",
    "processor time, µs an order": "less",
    "→ confirmed, p50 ms": "less",
    "POST → 202, unloaded, p50 ms": "less",
    "→ confirmed, unloaded, p50 ms": "less",
}
"""The figures that must be as good with keys as without, but for the tolerance, and which way is better."""


@dataclass(frozen=True, slots=True)
class AccessResult:
    """The figures of both ways side by side, and whether each run lost and doubled nothing."""

    comparisons: Sequence[Comparison]
    clean: bool

    @property
    def reached(self) -> bool:
        """Whether all is as it is wanted."""
        return self.clean and all(each.reached for each in wanted(self))


def run_access(plan: Plan, repeat: int, speed: float, print_line: Callable[[str], None]) -> AccessResult:
    """Measure `plan` in `repeat` pairs of systems; `print_line` is called with a line after each pair."""
    plan = replace(plan, unloaded=plan.unloaded or UNLOADED)

    def measure_one(auth: str) -> BenchResult:
        with started(speed, settings={"AUTH": auth}) as system:
            [result] = uvloop.run(measure(system, plan, Progress(disable=True)))
        return result

    pairs: list[Pair] = []
    for pair in run_pairs(repeat, lambda: measure_one("open"), lambda: measure_one("keys")):
        pairs.append(pair)
        rates = " and ".join(f"{each.end_to_end_per_s:,.0f}" for each in (pair.other, pair.this))
        print_line(f"pair {len(pairs)} of {repeat}: {rates} orders a second without and with keys; {pair.this.pace}")
    return AccessResult(compare(pairs), all(pair.other.clean and pair.this.clean for pair in pairs))


def wanted(result: AccessResult) -> list[Wanted]:
    """Return what is wanted: that the median of the pairs' ratios is no worse than the tolerance allows."""
    by_label = {each.label: each for each in result.comparisons}
    return [_wanted(by_label.get(label), label, better) for label, better in WANTED.items()]


def _wanted(measured: Comparison | None, label: str, better: str) -> Wanted:
    limit = 1 - TOLERANCE if better == "more" else 1 + TOLERANCE
    words = f"{'at least' if better == 'more' else 'at most'} {limit:.2f} of {OPEN}"
    if measured is None:
        return Wanted(label, words, "nothing", False)
    ratio = statistics.median(measured.ratios)
    return Wanted(label, words, f"{ratio:.3f}", ratio >= limit if better == "more" else ratio <= limit)


def show(result: AccessResult, console: Console) -> None:
    """Print the figures, and what is wanted of them."""
    show_comparisons(OPEN, result.comparisons, console, KEYS)
    console.print(table_of_wanted(wanted(result)))
    if not result.clean:
        console.print("[bold red]orders were refused, lost or doubled, or statuses not delivered[/]")
