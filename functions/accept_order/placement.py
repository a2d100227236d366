"""What a client asked for in, an order to create out; then what became of it in, its answer out."""

from typing import NamedTuple

from functions.accept_order.accepted import Accepted, accepted
from functions.accept_order.idempotency import Name, fingerprint
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.runtime import clock, order_ids
from orderflow.runtime.http.order_input import ExecuteOrder
from orderflow.runtime.http.problems import ProblemError


class Placement(NamedTuple):
    """An order to create, and what its answer is made of."""

    asked: OrderRequest
    name: Name | None
    new: NewOrder

    def answer(self, outcome: OrderId | Conflict) -> Accepted | ProblemError:
        """Return what the client is answered, or why its order is refused, once the intake has answered `outcome`."""
        if not isinstance(outcome, Conflict):
            return accepted(outcome, self.asked)
        if self.name is None:
            raise ValueError(f"an order without a name is in {outcome}")
        return self.name.reused()


def place(wanted: ExecuteOrder, name: Name | None, partitions: int) -> Placement:
    """Return the order to create; one with a name lies in the partition of its name's record, to be made with it."""
    asked, now_ms = wanted.request(), clock.now_ms()
    if name is None:
        return Placement(asked, None, NewOrder(Order.accept(order_ids.new(), asked, now_ms)))
    record = name.record
    order = Order.accept(order_ids.beside(record, partitions), asked, now_ms, wanted.client_order_id)
    return Placement(asked, name, NewOrder(order, record, fingerprint(asked)))
