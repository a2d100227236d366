"""Settles slices: from the `settle` stream, each that has ended, to the order that it is a part of."""

from collections.abc import Sequence
from typing import Any

from orderflow.runtime import clients, clock
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)
from orderflow.runtime.slices import settle


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `settle` stream."""
    return run_batch("settle_slice", event, settle_slices)


def settle_slices(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Settle the slices of a batch, one by one."""
    orders, now_ms = clients.orders(), clock.now_ms()
    ended = [order for _, order in failures.decode_orders(records)]
    return Done({}, [order for each in ended if (order := settle(orders, each, now_ms)) is not None])
