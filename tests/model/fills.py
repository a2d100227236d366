"""What must hold of executions: each is wanted, once, by an order that was not taken back, and pays what it has to."""

from collections.abc import Mapping
from typing import NamedTuple

from orderflow.domain.execution import Execution
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from tests.model.promises import least_out
from tests.model.violation import require


class Fill(NamedTuple):
    """A transaction that was executed: its order as it was sent, and what came of it."""

    order: Order
    execution: Execution


def check_payment(fill: Fill, block_ms: int) -> None:
    """An order receives what it was promised, before its time is over."""
    sent, execution = fill
    require(execution.amount_out >= least_out(sent), "an order receives what it has to", fill)
    require(sent.built_transaction.minimum_out == least_out(sent), f"it is built for {least_out(sent)}", sent)
    expires_at_ms = sent.request.expires_at_ms
    require(expires_at_ms is None or block_ms < expires_at_ms, f"nothing expired is executed, at {block_ms}", sent)


def check_amounts(order: Order, fills: Mapping[str, Fill]) -> None:
    """What an order says that it has filled was executed, all of it but for what its latest transaction has filled.

    So nothing of an order that has ended, or that goes another time, is executed.
    """
    own = [fill for fill in fills.values() if fill.order.order_id == order.order_id]
    if order.status is Status.SUBMITTED:
        own = [fill for fill in own if fill.execution.signature != order.tx_hash]
    amount_in = sum(fill.order.chosen_route.amount_in for fill in own)
    amount_out = sum(fill.execution.amount_out for fill in own)
    said = "an order is executed as it says", order, own
    require(len(own) <= 1 or (order.request.waits and order.request.snipe is None), *said)
    require(amount_in <= order.request.amount_in, *said)
    if order.request.waits:
        require(order.status is not Status.CONFIRMED or amount_in == order.request.amount_in, *said)
        require((order.amount_filled, order.amount_out or 0) == (amount_in, amount_out), *said)
    else:
        require((order.status is Status.CONFIRMED) == bool(own), *said)
        require(not own or (order.amount_out, order.fills) == (amount_out, own[0].execution.fills), *said)
