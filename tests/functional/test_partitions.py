"""Stages whose PARTITIONS is not that of whatever sent them their records: nothing may be acknowledged as stale."""

import pytest

from functions.record_order.handler import lambda_handler as record_order
from orderflow.errors import RetryableError
from tests.support.builders import ORDER_ID, make_order, nth_id, order_records, records, status_fields
from tests.support.fakes.outside import Outside
from tests.support.lifecycle import STAGES, Stage


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.function)
def test_an_order_from_a_partition_that_is_not_its_own_here_makes_the_batch_wait(
    outside: Outside, stage: Stage
) -> None:
    outside.orders.partitions = 4
    orders = [make_order(stage.before, order_id=nth_id(number)) for number in range(8)]

    with pytest.raises(RetryableError, match="PARTITIONS=4 it lies in p[123]"):
        stage.handler(order_records(stage.stream, *orders), None)

    assert outside.orders.transitions == []


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.function)
def test_a_record_that_only_names_its_order_makes_the_batch_wait(stage: Stage, outside: Outside) -> None:
    # An event source of the release before does not read the order.
    batch = records(stage.stream, [{"order": f"{ORDER_ID} 1"}])

    with pytest.raises(RetryableError, match="the event source is of the release before"):
        stage.handler(batch, None)

    assert outside.orders.transitions == []


def test_such_a_step_is_not_recorded_as_if_all_of_it_was_done(outside: Outside) -> None:
    outside.orders.partitions = 4
    event = records("status", [status_fields(make_order(order_id=nth_id(number))) for number in range(8)])

    with pytest.raises(RetryableError, match="PARTITIONS differs between this function and the sender"):
        record_order(event, None)

    assert outside.ledger.written == []
