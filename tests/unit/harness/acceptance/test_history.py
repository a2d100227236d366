"""Which faults there are in the frames of an order."""

from typing import Any

import pytest

from orderflow.domain.lifecycle import COURSE
from orderflow.domain.status import Status
from tests.harness.acceptance.history import faults, waiting_faults

ORDER = "0190b5d2-0000-7000-8000-000000000001"


def make_frame(status: str, sequence: int, **changes: Any) -> dict[str, Any]:
    frame = {
        "order_id": ORDER,
        "status": status,
        "execution_price": 219.5 if status == "confirmed" else None,
        "tx_hash": "0xabc" if status in ("submitted", "confirmed") else None,
        "reason": "Price moved 1.80% (max allowed: 1.00%)" if status == "failed" else None,
        "sequence": sequence,
        "timestamp": f"2026-11-22T18:00:00.{sequence:03d}Z",
    }
    return frame | changes


def make_history(*statuses: str) -> list[dict[str, Any]]:
    return [make_frame(status, sequence) for sequence, status in enumerate(statuses, start=1)]


@pytest.mark.parametrize("length", range(1, len(COURSE)))
def test_an_order_may_fail_after_any_status(length: int) -> None:
    assert faults(ORDER, make_history(*COURSE[:length], "failed")) == []


def test_all_statuses_to_confirmed_are_whole() -> None:
    assert faults(ORDER, make_history(*COURSE)) == []


def test_no_status_at_all_is_a_fault() -> None:
    assert faults(ORDER, []) == ["no status arrived"]


def test_a_history_that_breaks_off_is_a_fault() -> None:
    assert faults(ORDER, make_history(*COURSE[:3])) == ["the last status is building"]


@pytest.mark.parametrize(
    "statuses",
    [
        ("pending", "routing", "submitted", "confirmed"),
        ("pending", "building", "routing", "submitted", "confirmed"),
        ("routing", "building", "submitted", "confirmed"),
        ("pending", "pending", "routing", "building", "submitted", "confirmed"),
        ("pending", "confirmed"),
    ],
)
def test_a_status_left_out_doubled_or_out_of_place_is_a_fault(statuses: tuple[str, ...]) -> None:
    assert faults(ORDER, make_history(*statuses)) != []


def test_a_repeated_sequence_number_is_a_fault() -> None:
    history = make_history(*COURSE)
    history[2]["sequence"] = 2

    numbers = [1, 2, 2, *range(4, len(COURSE) + 1)]
    assert faults(ORDER, history) == [f"the sequence numbers are {numbers}"]


def test_a_timestamp_that_steps_back_is_a_fault() -> None:
    history = make_history(*COURSE)
    history[1]["timestamp"] = "2026-11-22T17:59:59.000Z"

    assert "the timestamps step back" in faults(ORDER, history)[0]


@pytest.mark.parametrize(
    ("status", "changes", "fault"),
    [
        (Status.PENDING, {"tx_hash": "0xabc"}, "pending already has a tx_hash"),
        (Status.ROUTING, {"execution_price": 1.0}, "routing already has a price"),
        (Status.BUILDING, {"reason": "why not"}, "building has the reason 'why not'"),
        (Status.SUBMITTED, {"tx_hash": None}, "submitted has no tx_hash"),
        (Status.CONFIRMED, {"execution_price": None}, "confirmed has the price None"),
        (Status.CONFIRMED, {"execution_price": "219.5"}, "confirmed has the price '219.5'"),
        (Status.CONFIRMED, {"order_id": "another"}, "confirmed is of order another"),
        (Status.CONFIRMED, {"timestamp": "2026-11-22T18:00:01Z"}, "confirmed has the timestamp '2026-11-22T18:00:01Z'"),
    ],
)
def test_a_frame_with_a_wrong_value_is_a_fault(status: Status, changes: dict[str, Any], fault: str) -> None:
    history = make_history(*COURSE)
    history[COURSE.index(status)] |= changes

    assert fault in faults(ORDER, history)


@pytest.mark.parametrize("key", ["order_id", "status", "execution_price", "tx_hash", "reason"])
def test_a_key_that_is_not_there_is_a_fault(key: str) -> None:
    history = make_history(*COURSE)
    del history[0][key]

    assert any(fault.endswith(f"lacks {key}") for fault in faults(ORDER, history))


def test_a_failure_without_a_reason_is_a_fault() -> None:
    history = make_history("pending", "failed")
    history[1]["reason"] = None

    assert faults(ORDER, history) == ["failed has the reason None"]


EXECUTED = ("pending", "open", "triggered", "routing", "building", "submitted", "confirmed")
MORE: dict[str, dict[str, Any]] = {
    "open": {"minimum_out": "1", "expires_at": None},
    "triggered": {"slot": 7, "rule": "limit", "price": 220},
    "partially_filled": {"execution_price": 219.5, "tx_hash": "0xabc"},
    **{end: {"amount_filled": "1", "amount_out": "1"} for end in ("confirmed", "failed", "cancelled", "expired")},
}


def make_waiting(*statuses: str) -> list[dict[str, Any]]:
    return [make_frame(status, sequence, **MORE.get(status, {})) for sequence, status in enumerate(statuses, start=1)]


@pytest.mark.parametrize(
    "statuses",
    [
        EXECUTED,
        ("pending", "failed"),
        ("pending", "open", "open", "cancelled"),
        (*EXECUTED[:-1], "open", *EXECUTED[2:]),
        (*EXECUTED[:-1], "partially_filled", "expired"),
        (*EXECUTED[:-1], "triggered", *EXECUTED[3:]),
    ],
)
def test_an_order_that_waits_may_come_again_to_where_it_was(statuses: tuple[str, ...]) -> None:
    assert waiting_faults(ORDER, make_waiting(*statuses)) == []


@pytest.mark.parametrize(
    ("statuses", "fault"),
    [
        ((), "no status arrived"),
        (EXECUTED[1:], "the statuses are open → triggered → routing → building → submitted → confirmed"),
        (EXECUTED[:-1], "the statuses are pending → open → triggered → routing → building → submitted"),
        (("pending", "triggered", "cancelled"), "triggered follows pending"),
        (("pending", "routing", "cancelled"), "routing follows pending"),
        (("pending", "open", "expired", "cancelled"), "cancelled follows expired"),
    ],
)
def test_a_course_that_no_order_that_waits_may_take_is_a_fault(statuses: tuple[str, ...], fault: str) -> None:
    assert fault in waiting_faults(ORDER, make_waiting(*statuses))


@pytest.mark.parametrize(
    ("status", "changes", "fault"),
    [
        ("open", {"minimum_out": ...}, "open lacks minimum_out"),
        ("triggered", {"rule": ...}, "triggered lacks rule"),
        ("confirmed", {"amount_filled": ...}, "confirmed lacks amount_filled"),
        ("confirmed", {"execution_price": None}, "confirmed has the price None"),
        ("routing", {"tx_hash": "0xabc"}, "routing already has a tx_hash"),
        ("open", {"order_id": "another"}, "open is of order another"),
        ("open", {"sequence": 9}, "the sequence numbers are [1, 9, 3, 4, 5, 6, 7]"),
    ],
)
def test_a_frame_of_an_order_that_waits_with_something_wrong_is_a_fault(
    status: str, changes: dict[str, Any], fault: str
) -> None:
    frames = make_waiting(*EXECUTED)
    spoiled = frames[EXECUTED.index(status)]
    spoiled |= changes
    for name in [name for name, value in changes.items() if value is ...]:
        del spoiled[name]

    assert fault in waiting_faults(ORDER, frames)


def test_a_failure_of_an_order_that_waits_without_a_reason_is_a_fault() -> None:
    frames = make_waiting("pending", "failed")
    frames[-1]["reason"] = None

    assert waiting_faults(ORDER, frames) == ["failed has no reason"]
