"""tests/harness/chaos/report.py: what is told of a run, and whether it passes."""

from io import StringIO

from rich.console import Console

from tests.harness.chaos.audit import Check
from tests.harness.chaos.report import FIRST_VIOLATIONS, FaultRecord, Report, injected, recovered, show

ORDER_ID = "01a2053b-389e-752f-a0cc-5033297e0e1a"


def shown(report: Report) -> str:
    output = StringIO()
    show(report, Console(file=output, width=200))
    return output.getvalue()


def made_at_s(order_id: str) -> float:
    return int(order_id.replace("-", "")[:12], 16) / 1000


def test_a_line_tells_what_happened_to_what_and_how_long_it_took_to_recover() -> None:
    line = FaultRecord(12.34, "kill-poller", "poller-2", recovered_s=2.345, replaced_s=0.71).line()

    assert " ".join(line.split()) == "12.3 s kill-poller poller-2 recovered in 2.3 s, replaced after 0.7 s"


def test_a_line_tells_of_what_did_not_recover_was_not_injected_or_can_not_be() -> None:
    assert FaultRecord(1, "clock", "poller-1").line().endswith("NOT RECOVERED")
    assert FaultRecord(1, "clock", problem="no pollers").line().endswith("NOT INJECTED: no pollers")
    skipped = FaultRecord(1, "postgres-disk-full", problem="needs the right to mount", is_note=True)
    assert skipped.line().endswith("skipped: needs the right to mount")


def test_a_fault_counts_as_injected_unless_it_failed_to_be() -> None:
    happened = [
        FaultRecord(1, "clock", recovered_s=1),
        FaultRecord(2, "kill-redis", problem="it does not run"),
        FaultRecord(3, "postgres-disk-full", problem="needs the right to mount", is_note=True),
    ]

    assert injected(happened).checked == 2
    assert injected(happened).violations == ["kill-redis at 2.0 s: it does not run"]


def test_a_recovery_is_a_violation_when_it_takes_too_long_or_never_comes() -> None:
    happened = [
        FaultRecord(1, "clock", "poller-1", recovered_s=10.0),
        FaultRecord(2, "kill-redis", "redis", recovered_s=10.1),
        FaultRecord(3, "kill-gateway", "gateway"),
        FaultRecord(4, "kill-poller", problem="not injected"),
    ]

    assert recovered(happened).checked == 3
    assert recovered(happened).violations == [
        "kill-redis (redis) at 2.0 s: recovered only after 10.1 s",
        "kill-gateway (gateway) at 3.0 s: never recovered",
    ]


def test_a_run_is_clean_when_every_promise_was_kept() -> None:
    kept, broken = Check("every order ends", 3), Check("streams are empty", 2, ["{p0}:route still holds 1"])

    assert Report(promises=[kept]).clean
    assert not Report(promises=[kept, broken]).clean
    assert Report(promises=[kept, broken]).violations == ["{p0}:route still holds 1"]


def test_the_tables_tell_counts_times_and_promises() -> None:
    happened = [
        FaultRecord(1, "kill-poller", "poller-1", recovered_s=1.0, replaced_s=0.3),
        FaultRecord(9, "kill-poller", "poller-2", recovered_s=2.0, replaced_s=0.4),
        FaultRecord(17, "kill-poller", "poller-2", recovered_s=9.0, replaced_s=0.2),
        FaultRecord(25, "clock", "poller-1"),
    ]

    rows = [
        [cell.strip() for cell in line.strip("│").split("│")]
        for line in shown(Report(happened=happened, promises=[Check("every order ends", 1234)])).splitlines()
        if line.startswith("│")
    ]

    assert rows == [
        ["kill-poller", "3", "2.0 s", "9.0 s", "0.4 s"],
        ["clock", "1", "never", "never", "–"],
        ["every order ends", "1,234", "0"],
    ]


def test_the_first_violations_are_told_in_words_with_the_time_of_their_order() -> None:
    violations = [f"{ORDER_ID} is lost", *(f"[red]order {number}" for number in range(FIRST_VIOLATIONS + 2))]
    report = Report(promises=[Check("nothing is lost", 9, violations)], started_s=made_at_s(ORDER_ID) - 12.3)

    said = shown(report)

    assert f"violated: nothing is lost: {ORDER_ID} is lost (posted at 12.3 s)" in said
    assert "violated: nothing is lost: [red]order 0\n" in said
    assert f"… and {len(violations) - FIRST_VIOLATIONS} more" in said
    assert said.rstrip().endswith("promises were broken")


def test_notes_and_counts_are_told() -> None:
    said = shown(Report(counts={"orders": "3 posted"}, notes=["no time for clock"]))

    assert "orders: 3 posted" in said
    assert "note: no time for clock" in said
    assert said.rstrip().endswith("every promise was kept")
