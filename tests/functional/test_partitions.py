"""Stages whose PARTITIONS is not that of whatever sent them their records: nothing may be acknowledged as stale."""

from collections.abc import Callable
from typing import Any

import pytest

from functions.build_order.handler import lambda_handler as build_order
from functions.confirm_order.handler import lambda_handler as confirm_order
from functions.record_order.handler import lambda_handler as record_order
from functions.route_order.handler import lambda_handler as route_order
from functions.submit_order.handler import lambda_handler as submit_order
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime.batch import StreamEvent
from tests.support.builders import make_order, nth_id, order_records, records, status_fields
from tests.support.fakes import Outside

Handler = Callable[[StreamEvent, Any], Any]

STAGES: list[tuple[Handler, str, Status]] = [
    (route_order, "route", Status.PENDING),
    (build_order, "build", Status.ROUTING),
    (submit_order, "submit", Status.BUILDING),
    (confirm_order, "confirm", Status.SUBMITTED),
]


@pytest.mark.parametrize(("handler", "stream", "status"), STAGES)
def test_an_order_from_a_partition_that_is_not_its_own_here_makes_the_batch_wait(
    outside: Outside, handler: Handler, stream: str, status: Status
) -> None:
    outside.orders.partitions = 4
    orders = [make_order(status, order_id=nth_id(number)) for number in range(8)]

    with pytest.raises(RetryableError, match="PARTITIONS=4 it lies in p[123]"):
        handler(order_records(stream, *orders), None)

    assert outside.orders.transitions == []


def test_such_a_step_is_not_recorded_as_if_all_of_it_was_done(outside: Outside) -> None:
    outside.orders.partitions = 4
    event = records("status", [status_fields(make_order(order_id=nth_id(number))) for number in range(8)])

    with pytest.raises(RetryableError, match="PARTITIONS differs between this function and what sent it"):
        record_order(event, None)

    assert outside.ledger.written == []
