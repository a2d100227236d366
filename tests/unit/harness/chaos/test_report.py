"""tests/harness/chaos/report.py: what is printed of a run, and whether it passes."""

from io import StringIO

from rich.console import Console

from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.fault_record import FaultRecord
from tests.harness.chaos.report import FIRST_VIOLATIONS, ChaosReport, show

ORDER_ID = "01a2053b-389e-752f-a0cc-5033297e0e1a"


def shown(report: ChaosReport) -> str:
    output = StringIO()
    show(report, Console(file=output, width=200))
    return output.getvalue()


def made_at_s(order_id: str) -> float:
    return int(order_id.replace("-", "")[:12], 16) / 1000


def test_a_line_says_what_was_injected_into_what_and_how_long_it_took_to_recover() -> None:
    line = FaultRecord(12.34, "kill-poller", "poller-2", recovered_s=2.345, replaced_s=0.71).line()

    assert " ".join(line.split()) == "12.3 s kill-poller poller-2 recovered in 2.3 s, replaced after 0.7 s"


def test_a_line_says_that_a_fault_did_not_recover_or_was_not_or_can_not_be_injected() -> None:
    assert FaultRecord(1, "clock", "poller-1").line().endswith("NOT RECOVERED")
    assert FaultRecord(1, "clock", problem="no pollers").line().endswith("NOT INJECTED: no pollers")
    skipped = FaultRecord(1, "postgres-disk-full", problem="needs the right to mount", is_note=True)
    assert skipped.line().endswith("skipped: needs the right to mount")


def test_a_run_is_clean_when_every_promise_was_kept() -> None:
    kept, broken = Invariant("every order ends", 3), Invariant("streams are empty", 2, ["{p0}:route still holds 1"])

    assert ChaosReport(invariants=[kept]).clean
    assert not ChaosReport(invariants=[kept, broken]).clean
    assert ChaosReport(invariants=[kept, broken]).violations == ["{p0}:route still holds 1"]


def test_the_tables_have_counts_times_and_invariants() -> None:
    faults = [
        FaultRecord(1, "kill-poller", "poller-1", recovered_s=1.0, replaced_s=0.3),
        FaultRecord(9, "kill-poller", "poller-2", recovered_s=2.0, replaced_s=0.4),
        FaultRecord(17, "kill-poller", "poller-2", recovered_s=9.0, replaced_s=0.2),
        FaultRecord(25, "clock", "poller-1"),
    ]

    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in shown(ChaosReport(faults=faults, invariants=[Invariant("every order ends", 1234)])).splitlines()
        if line.startswith("│")
    ]

    assert rows == [
        ["kill-poller", "3", "2.0 s", "9.0 s", "0.4 s"],
        ["clock", "1", "never", "never", "–"],
        ["every order ends", "1,234", "0"],
    ]


def test_the_first_violations_are_printed_in_words_with_the_time_of_their_order() -> None:
    violations = [f"{ORDER_ID} is lost", *(f"[red]order {number}" for number in range(FIRST_VIOLATIONS + 2))]
    report = ChaosReport(invariants=[Invariant("nothing is lost", 9, violations)], started_s=made_at_s(ORDER_ID) - 12.3)

    said = shown(report)

    assert f"violated: nothing is lost: {ORDER_ID} is lost (posted at 12.3 s)" in said
    assert "violated: nothing is lost: [red]order 0\n" in said
    assert f"… and {len(violations) - FIRST_VIOLATIONS} more" in said
    assert said.rstrip().endswith("promises were broken")


def test_notes_and_counts_are_printed() -> None:
    said = shown(ChaosReport(counts={"orders": "3 posted"}, notes=["no time for clock"]))

    assert "orders: 3 posted" in said
    assert "note: no time for clock" in said
    assert said.rstrip().endswith("every promise was kept")
