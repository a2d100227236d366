"""chaos/checkers/recovery.py: what counts as injected, and as recovered in time."""

from tests.harness.chaos.checkers.recovery import injected, recovered
from tests.harness.chaos.history.fault_record import FaultRecord


def test_a_fault_counts_as_injected_unless_it_failed_to_be() -> None:
    faults = [
        FaultRecord(1, "clock", recovered_s=1),
        FaultRecord(2, "kill-redis", problem="it does not run"),
        FaultRecord(3, "postgres-disk-full", problem="needs the right to mount", is_note=True),
    ]

    assert injected(faults).checked == 2
    assert injected(faults).violations == ["kill-redis at 2.0 s: it does not run"]


def test_a_recovery_is_a_violation_when_it_takes_too_long_or_never_comes() -> None:
    faults = [
        FaultRecord(1, "clock", "poller-1", recovered_s=10.0),
        FaultRecord(2, "kill-redis", "redis", recovered_s=10.1),
        FaultRecord(3, "kill-gateway", "gateway"),
        FaultRecord(4, "kill-poller", problem="not injected"),
    ]

    assert recovered(faults).checked == 3
    assert recovered(faults).violations == [
        "kill-redis (redis) at 2.0 s: recovered only after 10.1 s",
        "kill-gateway (gateway) at 3.0 s: never recovered",
    ]
