"""The report of a chaos run: faults, invariants and counts in, tables for people out."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.fault_record import FaultRecord
from tests.harness.tables import table_of_figures
from tests.harness.timings import percentile

FIRST_VIOLATIONS = 5
_ORDER_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(slots=True)
class ChaosReport:
    """A whole run; `counts` of orders, answers and so on, in words.

    `runner_deaths` has a line for each time that the runner ended without being asked to; `started_s` is when the run
    began, in seconds since 1970.
    """

    faults: list[FaultRecord] = field(default_factory=list)
    invariants: list[Invariant] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    runner_deaths: list[str] = field(default_factory=list)
    started_s: float = 0.0

    @property
    def violations(self) -> list[str]:
        """Every violation in words."""
        return [violation for invariant in self.invariants for violation in invariant.violations]

    @property
    def clean(self) -> bool:
        """Whether no invariant was violated."""
        return not self.violations


def show(report: ChaosReport, console: Console) -> None:
    """Print the tables, then the first violations of each invariant."""
    console.print(_fault_table(report.faults))
    console.print(_invariant_table(report.invariants))
    for name, value in report.counts.items():
        console.print(f"{name}: {value}", markup=False, highlight=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    for invariant in report.invariants:
        for violation in invariant.violations[:FIRST_VIOLATIONS]:
            violation = _dated(violation, report.started_s)
            console.print(f"[red]violated[/]: {invariant.text}: {escape(violation)}", highlight=False, soft_wrap=True)
        if (more := len(invariant.violations) - FIRST_VIOLATIONS) > 0:
            console.print(f"  … and {more} more", highlight=False)
    verdict = "[green]every promise was kept[/]" if report.clean else "[bold red]promises were broken[/]"
    console.print(verdict)


def _dated(violation: str, started_s: float) -> str:
    """Return a violation with the time of the order that it names, by which its fault can be found."""
    named = _ORDER_ID.search(violation)
    if named is None:
        return violation
    # The first 48 bits of a UUID of version 7 are milliseconds since 1970.
    posted_s = int(named[0].replace("-", "")[:12], 16) / 1000
    return f"{violation} (posted at {posted_s - started_s:.1f} s)"


def _fault_table(faults: Sequence[FaultRecord]) -> Table:
    table = table_of_figures("fault", "count", "recovered: median", "worst", "replaced: worst")
    counts = Counter(fault.name for fault in faults if fault.problem is None)
    times: dict[str, list[float]] = defaultdict(list)
    replaced: dict[str, list[float]] = defaultdict(list)
    for fault in faults:
        if fault.recovered_s is not None:
            times[fault.name].append(fault.recovered_s)
        if fault.replaced_s is not None:
            replaced[fault.name].append(fault.replaced_s)
    for name, count in counts.items():
        ascending = sorted(times[name])
        median, worst = (percentile(ascending, 50), ascending[-1]) if len(ascending) == count else (None, None)
        table.add_row(
            name, str(count), _seconds(median), _seconds(worst), _seconds(max(replaced[name], default=None), "–")
        )
    return table


def _invariant_table(invariants: Sequence[Invariant]) -> Table:
    table = table_of_figures("promise", "checked", "violations")
    for invariant in invariants:
        broken = len(invariant.violations)
        table.add_row(invariant.text, f"{invariant.checked:,}", f"[bold red]{broken:,}[/]" if broken else "0")
    return table


def _seconds(value: float | None, otherwise: str = "never") -> str:
    return otherwise if value is None else f"{value:.1f} s"
