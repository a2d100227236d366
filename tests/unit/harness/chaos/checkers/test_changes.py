"""chaos/checkers/changes.py: an answer to a cancel or an amend that is not what became of the order is found."""

import pytest

from tests.harness.chaos.checkers import changes as checks
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.support.chaos_evidence import with_order
from tests.support.chaos_waiting import AMENDED_AT, LIMIT, NOW_S, OCO, STOP, cancel, changes, waiting_run
from tests.support.launches import make_launch


def test_nothing_is_found_where_all_is_well() -> None:
    made, ledger = changes(), waiting_run()

    assert checks.answered(made).violations == []
    assert (checks.cancels_kept(made, ledger).checked, checks.cancels_kept(made, ledger).violations) == (2, [])
    assert (checks.amends_kept(made, ledger).checked, checks.amends_kept(made, ledger).violations) == (1, [])


def test_an_answer_that_no_client_should_get_or_none_at_all_is_found() -> None:
    refused, lost, unknown = Change(STOP), Change(OCO), Change(LIMIT, {"limit_price": "1"})
    refused.unexpected.append("answered 404")

    assert checks.answered([refused, lost, unknown]).violations == [
        f"{STOP}: answered 404",
        f"{OCO}: no answer to a cancel that was repeated",
    ]


def test_the_amount_of_what_sells_a_launched_token_is_in_its_units() -> None:
    ledger = with_order(STOP, token_in="MOON0", amount_filled=2_500_000)(waiting_run())
    cancelled = {"sequence": 3, "amount_filled": "2.5"}

    assert checks.cancels_kept([cancel(STOP, 200, **cancelled)], ledger, [make_launch()]).violations == []


@pytest.mark.parametrize("status", ["confirmed", "expired", "open"])
def test_an_order_that_went_on_after_its_cancel_was_answered_200_is_found(status: str) -> None:
    found = checks.cancels_kept([cancel(STOP)], with_order(STOP, status=status, sequence=9)(waiting_run())).violations

    assert [violation.startswith(f"{STOP} is {status} at 9, and was answered 200") for violation in found] == [True]


def test_a_step_or_a_fill_after_a_cancel_that_was_answered_200_is_found() -> None:
    ledger = waiting_run()

    assert len(checks.cancels_kept([cancel(STOP)], with_order(STOP, sequence=4)(ledger)).violations) == 1
    [filled] = checks.cancels_kept([cancel(STOP)], with_order(STOP, amount_filled=5)(ledger)).violations
    assert filled.startswith(f"{STOP} has 5 filled, and was answered 200")


def test_another_end_than_a_cancel_was_answered_is_found() -> None:
    ended = cancel(OCO, 409, order_status="confirmed")

    assert checks.cancels_kept([ended], waiting_run()).violations == []
    assert len(checks.cancels_kept([ended], with_order(OCO, status="cancelled")(waiting_run())).violations) == 1


def test_a_cancel_that_was_only_requested_says_nothing_of_the_end() -> None:
    requested = cancel(OCO, 202, status="submitted", cancel="requested")

    assert checks.cancels_kept([requested], waiting_run()).violations == []


def test_a_repeated_cancel_that_is_answered_otherwise_is_found() -> None:
    change = cancel(STOP)
    change.answers.append(change.answers[0]._replace(at_s=NOW_S + 99))
    assert checks.cancels_kept([change], waiting_run()).violations == []

    again = {**change.answers[0].document, "amount_remaining": "1"}
    change.answers.append(ChangeAnswer(200, again, NOW_S + 99))

    [found] = checks.cancels_kept([change], waiting_run()).violations
    assert found.startswith(f"{STOP} was answered differently to the same cancel")


@pytest.mark.parametrize(("sequence", "status"), [(AMENDED_AT - 1, "partially_filled"), (99, "None")])
def test_an_amend_that_is_no_step_is_found(sequence: int, status: str) -> None:
    change = Change(LIMIT, {"limit_price": "1"}, NOW_S, [ChangeAnswer(200, {"sequence": sequence}, NOW_S)])

    assert checks.amends_kept([change], waiting_run()).violations == [
        f"{LIMIT} was amended by {sequence}, which is {status}"
    ]
