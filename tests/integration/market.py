"""Builders for the integration tests: orders at each step, over the real opening market."""

import uuid

from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.domain.routing import best_route
from orderflow.domain.signature import sign
from orderflow.market.universe import opening_pools, pools_of_pair

NOW_MS = 1_763_835_240_000
FAR_MS = 4_000_000_000_000
POOLS = {pool.pool: pool for pool in opening_pools(1)}


def a_request(token_in: str = "SOL", token_out: str = "USDC", amount_in: int = 1_000_000_000) -> OrderRequest:
    return OrderRequest(token_in, token_out, amount_in, "market", 500)


def pending(order_id: str | None = None, request: OrderRequest | None = None) -> Order:
    return Order.accept(OrderId(order_id or str(uuid.uuid4())), request or a_request(), NOW_MS)


def routed(order: Order) -> Order:
    request = order.request
    listed = [POOLS[address] for address in pools_of_pair(request.token_in, request.token_out)]
    return order.choose_route(best_route(listed, request.token_in, request.token_out, request.amount_in), NOW_MS)


def submitted(order: Order) -> Order:
    built = routed(order).build(("swap",), FAR_MS, NOW_MS)
    return built.submit(sign(built), NOW_MS)
