"""Sends signed transactions: orders whose signatures are recorded in, those with a result on the stream of results."""

from collections.abc import Sequence

from orderflow.adapters.replication import transition_written
from orderflow.domain.lifecycle import RESULT_STREAM
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime import clients


def send(stepped: Sequence[Order], stale: Sequence[Order]) -> None:
    """Send the transactions whose signatures are recorded by now.

    The record comes first (decision 0003), so that a crash in between leaves an order that is sent when its message
    comes again, and never a transaction without a record. Sending twice is harmless: the venue accepts a signature
    once. An order that has failed meanwhile must not be sent, so a stale one is looked up.

    Nor must a failover take the record back: an order that had forgotten its signature would be built and sent anew.
    """
    signed = [order for order in stepped if order.status is Status.SUBMITTED]
    signed += [recorded for order in stale if (recorded := _recorded(order)) is not None]
    orders = clients.orders()
    clients.replication().wait_for(transition_written(order, orders.partitions) for order in signed)
    with_result = clients.venue().send(signed)
    # The process that got these results may have died before it could send the orders on.
    orders.schedule(RESULT_STREAM, [(order, 0) for order in with_result])


def _recorded(order: Order) -> Order | None:
    """Return an order as it is submitted by now; None where it has gone on, or another way.

    It is so also where its message would lead elsewhere now: the venue may refuse what it took when that came first.
    """
    found = clients.orders().find(order.order_id)
    return found[0] if found is not None and found[0].status is Status.SUBMITTED else None
