"""Snipes: from the `snipe` stream, orders that a launch has fired, to the venue in one go: routed, built and sent."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from orderflow.adapters.orders import Transition
from orderflow.domain.order import Order, Version
from orderflow.domain.venue import Prepared, Venue
from orderflow.errors import RejectedError
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, StreamEvent, stream_function
from orderflow.runtime.sending import send
from orderflow.runtime.stage import run_stage


class Found(NamedTuple):
    """The venue, which signs, and each order with its route and what its transaction is made of, or why it has none."""

    venue: Venue
    prepared: Mapping[Version, tuple[Order, Prepared] | RejectedError]


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `snipe` stream."""
    return run_stage("snipe_order", event, read=prepare, decide=snipe, after=send)


def prepare(orders: Sequence[Order]) -> Found:
    """Return every order with its route through the pool that opened, ready to be signed.

    Each slot costs, so nothing is waited for: neither the venues' quotes, nor their building of the transaction.
    """
    venue, now_ms = clients.venue(), clock.now_ms()
    prepared: dict[Version, tuple[Order, Prepared] | RejectedError] = {}
    quoted_at: list[Version] = []
    routed: list[Order] = []
    for order, quoted in zip(orders, venue.quote_launched(orders), strict=True):
        if isinstance(quoted, RejectedError):
            prepared[order.version] = quoted
        else:
            quoted_at.append(order.version)
            routed.append(order.choose_route(quoted.route, now_ms))
    for version, order, parts in zip(quoted_at, routed, venue.prepare(routed), strict=True):
        prepared[version] = order, parts
    return Found(venue, prepared)


def snipe(order: Order, found: Found, now_ms: int) -> Transition:
    """Take an order through three steps at once: its route, its transaction, and the signature of that.

    Raises RejectedError when the pool can't take it.
    """
    prepared = found.prepared[order.version]
    if isinstance(prepared, RejectedError):
        raise prepared
    routed, parts = prepared
    built = routed.build(parts.instructions, parts.last_valid_slot, parts.expires_at_ms, now_ms)
    return Transition(built.submit(found.venue.sign(built), now_ms), through=(routed, built))
