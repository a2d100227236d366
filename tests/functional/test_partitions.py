"""Stages whose PARTITIONS is not that of whatever sent them their records: nothing may be acknowledged as stale."""

import pytest

from functions.expire_order.handler import lambda_handler as expire_order
from functions.open_order.handler import lambda_handler as open_order
from functions.record_order.handler import lambda_handler as record_order
from functions.settle_slice.handler import lambda_handler as settle_slice
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import (
    ORDER_ID,
    make_order,
    make_waiting_order,
    nth_id,
    order_records,
    records,
    status_fields,
)
from tests.support.fakes.outside import Outside
from tests.support.lifecycle import STAGES, Handler

READ_ORDERS = {
    **{stage.stream: stage.handler for stage in STAGES},
    "open": open_order,
    "expire": expire_order,
    "settle": settle_slice,
}
"""By stream, the functions that orders come to one by one."""
BEFORE = {stage.stream: stage.before for stage in STAGES}

every_one = pytest.mark.parametrize(("stream", "handler"), READ_ORDERS.items(), ids=READ_ORDERS)


@every_one
def test_an_order_from_a_partition_that_is_not_its_own_here_makes_the_batch_wait(
    outside: Outside, stream: str, handler: Handler
) -> None:
    outside.orders.partitions = 4
    make, status = (make_order, BEFORE[stream]) if stream in BEFORE else (make_waiting_order, Status.OPEN)
    orders = [make(status, order_id=nth_id(number)) for number in range(8)]

    with pytest.raises(RetryableError, match="PARTITIONS=4 it lies in p[123]"):
        handler(order_records(stream, *orders), None)

    assert outside.orders.transitions == []


@every_one
def test_a_record_that_only_names_its_order_makes_the_batch_wait(
    outside: Outside, stream: str, handler: Handler
) -> None:
    # An event source of the release before does not read the order.
    batch = records(stream, [{"order": f"{ORDER_ID} 1"}])

    with pytest.raises(RetryableError, match="the event source is of the release before"):
        handler(batch, None)

    assert outside.orders.transitions == []


def test_such_a_step_is_not_recorded_as_if_all_of_it_was_done(outside: Outside) -> None:
    outside.orders.partitions = 4
    event = records("status", [status_fields(make_order(order_id=nth_id(number))) for number in range(8)])

    with pytest.raises(RetryableError, match="PARTITIONS differs between this function and the sender"):
        record_order(event, None)

    assert outside.ledger.written == []
