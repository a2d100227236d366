"""Builders for the integration tests: orders at each step, over the real opening market, and what is said of them."""

import uuid

from orderflow.adapters.ledger_documents import OrderDocument, decode_document
from orderflow.domain.order import Order, OrderId, OrderRequest, step_of
from orderflow.venues.mock.chain import MarketState
from orderflow.venues.mock.signer import sign
from tests.support.builders import encode, route_for

NOW_MS = 1_763_835_240_000
FAR_MS = 4_000_000_000_000
FAR_SLOT = 1_000_000


def a_request(token_in: str = "SOL", token_out: str = "USDC", amount_in: int = 1_000_000_000) -> OrderRequest:
    return OrderRequest(token_in, token_out, amount_in, "market", 500)


def pending(order_id: str | None = None, request: OrderRequest | None = None) -> Order:
    return Order.accept(OrderId(order_id or str(uuid.uuid4())), request or a_request(), NOW_MS)


def routed(order: Order, state: MarketState | None = None) -> Order:
    """Return the order with its route over the opening market, or over `state`."""
    if state is None:
        return order.choose_route(route_for(order.request), NOW_MS)
    return order.choose_route(route_for(order.request, slot=state.slot, pools=state.pools), NOW_MS)


def submitted(order: Order, state: MarketState | None = None) -> Order:
    built = routed(order, state).build(("swap",), FAR_SLOT, FAR_MS, NOW_MS)
    return built.submit(sign(built), NOW_MS)


def confirmed(order: Order) -> Order:
    sent = submitted(order)
    fills = sent.chosen_route.legs
    return sent.confirm(fills, fills[0].amount_out, NOW_MS + 2_500)


def way_of(order: Order) -> list[Order]:
    """Return a pending order after each step up to its confirmation."""
    built = routed(order).build(("swap",), FAR_SLOT, FAR_MS, NOW_MS)
    return [order, routed(order), built, submitted(order), confirmed(order)]


def whole_document(order: Order) -> OrderDocument:
    return decode_document(encode(order))


def step_document(order: Order) -> OrderDocument:
    return decode_document(encode(step_of(order)))
