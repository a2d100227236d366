"""Makes the ids of orders, which say when they were made."""

from orderflow.adapters.keys import partition_of
from orderflow.domain.order import OrderId


def new() -> OrderId:
    """Return a new id."""
    # Imported only here: a stage starts cold without it, and few of them ever make an order.
    from uuid_utils import uuid7

    # Version 7 sorts by time, which keeps the ledger's index compact; 74 of its bits are random.
    return OrderId(str(uuid7()))


def beside(name: str, partitions: int) -> OrderId:
    """Return a new id that lies in the same partition as a name, such as another order's id."""
    wanted, order_id = partition_of(name, partitions), new()
    while partition_of(order_id, partitions) != wanted:
        order_id = new()
    return order_id


def made_at_ms(order_id: OrderId) -> int:
    """Return when an id was made, in milliseconds since 1970."""
    return int(order_id[:13].replace("-", ""), 16)  # the first 48 bits of version 7
