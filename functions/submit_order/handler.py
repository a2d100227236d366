"""Submits transactions: from the `submit` stream, signed and recorded, to the venue, which sends on to `confirm`."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order
from orderflow.domain.venue import Venue
from orderflow.runtime import clients
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.sending import send
from orderflow.runtime.stage import run_stage


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `submit` stream."""
    return run_stage("submit_order", event, read=open_venue, decide=submit, after=send)


def open_venue(_orders: Sequence[Order]) -> Venue:
    """Return the venue, which signs; the orders carry all else that is needed."""
    return clients.venue()


def submit(order: Order, venue: Venue, now_ms: int) -> Transition:
    """Give an order the signature of its transaction."""
    return Transition(order.submit(venue.sign(order), now_ms))
