"""Takes an order through every stage among fakes, each as long after the one before as that one says."""

from itertools import count

from functions.produce_block.handler import lambda_handler as produce_block
from orderflow.domain.order import Order, OrderRequest
from tests.support.builders import make_order, nth_id, order_records
from tests.support.fakes.outside import Outside
from tests.support.lifecycle import STAGES

_numbers = count()


def execute(outside: Outside, request: OrderRequest) -> Order:
    """Return an order of `request` as it has ended; time passes in `outside` as its delays say."""
    order = make_order(request=request, order_id=nth_id(next(_numbers)), now_ms=outside.now_ms)
    *stages, confirming = (stage for stage in STAGES if not stage.passes_on)
    for stage in stages:
        stage.handler(order_records(stage.stream, order), None)
        taken = outside.orders.transitions[-1]
        order = taken.order
        outside.now_ms += taken.delay_ms
    sent, landing_ms = outside.chain.sent[-1]
    outside.now_ms += landing_ms
    produce_block(order_records("transactions", sent), None)
    outside.now_ms += outside.orders.scheduled[-1][2]
    confirming.handler(order_records(confirming.stream, order), None)
    return outside.orders.transitions[-1].order
