"""Writes to Redis what the release before wrote there: an order whole in its hash, its messages and status entries."""

import redis

from orderflow.adapters.keys import key, order_key
from orderflow.domain.lifecycle import first_stream
from orderflow.domain.order import Order, event_of
from tests.support.builders import encode
from tests.support.redis_servers import P0


def take_step(client: redis.Redis, order: Order) -> None:
    """Take an order's step as transition.lua did: its state, its event, its status entry, its message."""
    event, whole = encode(event_of(order)), encode(order)
    client.hset(
        order_key(P0, order.order_id),
        mapping={
            "sequence": order.sequence,
            "status": order.status.value,
            "order": whole,
            f"event:{order.sequence}": event,
        },
    )
    client.xadd(
        key(P0, "status"),
        {
            "order_id": order.order_id,
            "sequence": order.sequence,
            "status": order.status.value,
            "event": event,
            "order": whole,
        },
    )
    if stream := first_stream(order.status):
        client.xadd(key(P0, stream), {"attempt": 1, "order": whole})
