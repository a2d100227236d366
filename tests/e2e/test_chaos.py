"""A short chaos run: what `python -m tests.harness chaos` does for a minute, done for half of one."""

from io import StringIO

from rich.console import Console

from tests.harness.chaos.command import inject_faults, make_plan
from tests.harness.chaos.report import ChaosReport, show

FAULTS = ["cut-poller", "handler-raises-after", "kill-gateway", "kill-poller", "kill-postgres", "kill-redis"]
SEED = 3
"""Its schedule has room for each of them."""


def tables(report: ChaosReport) -> str:
    """Return what the command would print."""
    output = StringIO()
    show(report, Console(file=output, width=160))
    return output.getvalue()


def test_under_faults_nothing_is_lost_doubled_stalled_or_reported_wrongly() -> None:
    plan = make_plan(FAULTS, seconds=31, rate=25, seed=SEED, speed=0.2)

    report = inject_faults(plan, workers=2, print_line=lambda _: None)

    assert report.violations == [], tables(report)
    assert sorted(fault.name for fault in report.faults) == FAULTS
    assert all(each.checked for each in report.invariants if "dead letter" not in each.text), tables(report)
