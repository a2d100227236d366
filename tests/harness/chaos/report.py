"""What a chaos run came to: lines as it goes, tables at the end."""

import re
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from tests.harness.chaos.audit import Check
from tests.harness.timings import percentile

FIRST_VIOLATIONS = 5
RECOVERY_BOUND_S = 10.0
_ORDER_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")


@dataclass(slots=True)
class FaultRecord:
    """A fault as it really went, `at_s` after the start; times in seconds, None where what they measure never came.

    `recovered_s` counts from the injection, or from the healing of a fault that lasts; `replaced_s` is when the runner
    had started the victims again. `problem` says why it was not injected; where that `is_note`, this machine can't.
    """

    at_s: float
    name: str
    target: str = ""
    recovered_s: float | None = None
    replaced_s: float | None = None
    problem: str | None = None
    is_note: bool = False

    def line(self) -> str:
        """Return what is told of it as soon as it is over."""
        start = f"{self.at_s:6.1f} s  {self.name:<22} {self.target:<34} "
        if self.problem is not None:
            return f"{start} {'skipped' if self.is_note else 'NOT INJECTED'}: {self.problem}"
        after = "" if self.replaced_s is None else f", replaced after {self.replaced_s:.1f} s"
        end = "NOT RECOVERED" if self.recovered_s is None else f"recovered in {self.recovered_s:.1f} s"
        return start + end + after


@dataclass(slots=True)
class Report:
    """A whole run: `counts` of what there was, in words, and `notes` that are worth knowing.

    `runner_deaths` are the times that the runner ended without being asked to; `started_s` is when the run began, in
    seconds since 1970.
    """

    happened: list[FaultRecord] = field(default_factory=list)
    promises: list[Check] = field(default_factory=list)
    counts: dict[str, object] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    runner_deaths: list[str] = field(default_factory=list)
    started_s: float = 0.0

    @property
    def violations(self) -> list[str]:
        """Every violation in words."""
        return [violation for promise in self.promises for violation in promise.violations]

    @property
    def clean(self) -> bool:
        """Whether everything that was promised held."""
        return not self.violations


def injected(happened: Sequence[FaultRecord]) -> Check:
    """Every fault that this machine can have was injected."""
    tried = [fault for fault in happened if not fault.is_note]
    failed = [f"{fault.name} at {fault.at_s:.1f} s: {fault.problem}" for fault in tried if fault.problem is not None]
    return Check("faults were injected", len(tried), failed)


def recovered(happened: Sequence[FaultRecord]) -> Check:
    """Every fault was over within the bound."""
    promise = Check(f"recovery within {RECOVERY_BOUND_S:.0f} s")
    for fault in happened:
        if fault.problem is not None:
            continue
        promise.checked += 1
        if fault.recovered_s is None:
            promise.violations.append(f"{fault.name} ({fault.target}) at {fault.at_s:.1f} s: never recovered")
        elif fault.recovered_s > RECOVERY_BOUND_S:
            promise.violations.append(
                f"{fault.name} ({fault.target}) at {fault.at_s:.1f} s: recovered only after {fault.recovered_s:.1f} s"
            )
    return promise


def show(report: Report, console: Console) -> None:
    """Print the tables, then the first violations of each promise."""
    console.print(_faults(report.happened))
    console.print(_audit(report.promises))
    for name, value in report.counts.items():
        console.print(f"{name}: {value}", markup=False, highlight=False)
    for note in report.notes:
        console.print(f"note: {note}", markup=False, highlight=False)
    for promise in report.promises:
        for violation in promise.violations[:FIRST_VIOLATIONS]:
            violation = _dated(violation, report.started_s)
            console.print(f"[red]violated[/]: {promise.text}: {escape(violation)}", highlight=False, soft_wrap=True)
        if (more := len(promise.violations) - FIRST_VIOLATIONS) > 0:
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


def _faults(happened: Sequence[FaultRecord]) -> Table:
    table = _table("fault", "count", "recovered: median", "worst", "replaced: worst")
    counts = Counter(fault.name for fault in happened if fault.problem is None)
    times: dict[str, list[float]] = defaultdict(list)
    replaced: dict[str, list[float]] = defaultdict(list)
    for fault in happened:
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


def _audit(promises: Sequence[Check]) -> Table:
    table = _table("promise", "checked", "violations")
    for promise in promises:
        broken = len(promise.violations)
        table.add_row(promise.text, f"{promise.checked:,}", f"[bold red]{broken:,}[/]" if broken else "0")
    return table


def _seconds(value: float | None, otherwise: str = "never") -> str:
    return otherwise if value is None else f"{value:.1f} s"


def _table(*columns: str) -> Table:
    table = Table(*columns)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
