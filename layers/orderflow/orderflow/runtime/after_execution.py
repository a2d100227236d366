"""An order and the result of its transaction in, its next step out, with the order of its exits where it has some."""

from orderflow.adapters.orders import Transition
from orderflow.domain.brackets import exits_request
from orderflow.domain.execution import Execution, apply_execution
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.runtime import order_ids


def step_after(
    order: Order, execution: Execution, now_ms: int, partitions: int, ending: Status | None = None
) -> Transition:
    """Return an order's step after its transaction; its exits are created in the one that confirms all of it.

    `ending` is the end that was requested of it.
    """
    if not order.request.exits:
        return Transition(apply_execution(order, execution, now_ms, ending))
    child_id = order_ids.beside(order.order_id, partitions)
    after = apply_execution(order, execution, now_ms, ending, child_id)
    if after.status is not Status.CONFIRMED:
        return Transition(after)
    exits = Order.accept(child_id, exits_request(after), now_ms, parent_id=order.order_id, account=order.account)
    return Transition(after, child=exits)
