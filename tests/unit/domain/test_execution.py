"""An execution ends its order: confirmed with what it received, or failed."""

from decimal import Decimal

import pytest

from orderflow.domain.execution import Execution, apply_execution
from orderflow.domain.status import Status
from orderflow.errors import IllegalTransitionError
from tests.support.builders import NOW_MS, make_order

SUBMITTED = make_order(Status.SUBMITTED)


def test_an_executed_transaction_confirms_its_order_with_the_fills_and_the_price_received() -> None:
    fills = SUBMITTED.chosen_route.legs

    order = apply_execution(SUBMITTED, Execution(SUBMITTED.signature, 3, 2_725_000_000, fills), NOW_MS)

    assert (order.status, order.fills, order.amount_out) == (Status.CONFIRMED, fills, 2_725_000_000)
    assert order.execution_price == Decimal(218)


def test_a_failed_transaction_fails_its_order_for_the_same_reason() -> None:
    order = apply_execution(SUBMITTED, Execution(SUBMITTED.signature, 3, error="Pool is empty"), NOW_MS)

    assert (order.status, order.reason, order.amount_out) == (Status.FAILED, "Pool is empty", None)


@pytest.mark.parametrize("status", [Status.BUILDING, Status.CONFIRMED])
def test_only_a_submitted_order_is_confirmed(status: Status) -> None:
    order = make_order(status)

    with pytest.raises(IllegalTransitionError):
        apply_execution(order, Execution(SUBMITTED.signature, 3, 1), NOW_MS)
