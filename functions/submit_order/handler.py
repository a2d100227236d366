"""Submits transactions: from the `submit` stream, signed and recorded, to the chain, which sends on to `confirm`."""

from collections.abc import Sequence
from typing import Any

from orderflow.adapters.orders import Transition
from orderflow.adapters.replication import transaction_executed, transaction_sent, transition_written
from orderflow.domain.lifecycle import RESULT_STREAM
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime import clients, clock
from orderflow.runtime.batch import BatchResponse, Step, StreamEvent, run_stage, stream_function
from orderflow.venues.mock.latency import SLOT_MS
from orderflow.venues.mock.signer import sign


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `submit` stream."""
    return run_stage("submit_order", event, submit, afterwards=send)


def submit(_orders: Sequence[Order]) -> Step:
    """Return the signing of one order's transaction; it needs nothing but the order."""
    now_ms = clock.now_ms()
    return lambda order: Transition(order.submit(sign(order), now_ms))


def send(stepped: Sequence[Order], stale: Sequence[Order]) -> None:
    """Send the transactions whose signatures are on record by now.

    The record comes first, so that a crash in between leaves an order that is sent when its message comes again, and
    never a transaction that nobody knows of. Sending twice is harmless: the chain accepts a signature once. An order
    that has failed meanwhile must not be sent, so a stale one is looked up.

    Nor must a failover take either back: an order that had forgotten its signature would be built and sent anew.
    """
    signed = [order for order in stepped if order.status is Status.SUBMITTED]
    signed += [order for order in stale if order.status is Status.SUBMITTED and _still_stands(order)]
    orders, latency, replication = clients.orders(), clients.latency(), clients.replication()
    replication.wait_for(transition_written(order, orders.partitions) for order in signed)
    landings = (latency.landing(order.chosen_route.slot, order.request) for order in signed)
    delays = [latency.scaled(landing.slots * SLOT_MS) for landing in landings]
    settled = clients.venue().send(list(zip(signed, delays, strict=True)))
    replication.wait_for(transaction_sent(order.signature) for order in signed)
    # A failover may take a result back, and another one follow: nobody may act on it before the replicas have it.
    replication.wait_for(transaction_executed(order.signature) for order in settled)
    # Whoever settled it may have died before its owner was told.
    orders.schedule(RESULT_STREAM, [(order, 0) for order in settled])


def _still_stands(order: Order) -> bool:
    found = clients.orders().find(order.order_id)
    return found is not None and found[0].status is Status.SUBMITTED and found[0].tx_hash == order.tx_hash
