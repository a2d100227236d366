"""Builds transactions: from the `build` stream, with the minimum out fixed, to the `submit` stream."""

from collections.abc import Mapping, Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order, Version
from orderflow.domain.venue import Prepared
from orderflow.runtime import clients
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.stage import run_stage


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `build` stream."""
    return run_stage("build_order", event, read=read_prepared, decide=build)


def read_prepared(orders: Sequence[Order]) -> Mapping[Version, Prepared]:
    """Return what the venue makes each order's transaction of."""
    return dict(zip((order.version for order in orders), clients.venue().prepare(orders), strict=True))


def build(order: Order, prepared: Mapping[Version, Prepared], now_ms: int) -> Transition:
    """Give an order its unsigned transaction, to be submitted as soon as that is ready."""
    parts = prepared[order.version]
    built = order.build(parts.instructions, parts.last_valid_slot, parts.expires_at_ms, now_ms)
    return Transition(built, parts.ready_in_ms)
