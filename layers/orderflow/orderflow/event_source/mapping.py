"""Says which function reads which stream, in Lambda's own words for an event source mapping."""

from collections.abc import Iterable
from typing import Annotated

import msgspec

from orderflow.adapters.keys import is_order_partition, order_partitions

ORDERS = "orders"


class EventSourceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Read `stream` in each partition of `scope` and hand its records to `function`, in batches.

    `scope` is `orders`, which are all partitions that orders lie in, or the name of a partition of its own (`chain`).
    `ordered` keeps the records of a partition in order: a failed record is tried again in its place and holds
    back those behind it. Otherwise a failed record waits in the timer set while the others go on.
    `own_poller` says that the function waits for something outside, such as Postgres or a gateway, or must not wait for
    others: it never shares a poller, in which one holds back all.
    """

    function: str
    stream: str
    scope: Annotated[str, msgspec.Meta(pattern="^[a-z_]+$")] = ORDERS
    ordered: bool = False
    batch_size: int = 100
    maximum_batching_window_ms: int = 0
    maximum_retry_attempts: int = 3
    own_poller: bool = False

    @property
    def may_share(self) -> bool:
        """Whether the function may share a poller with others: it makes none of them wait."""
        return not self.own_poller and not self.maximum_batching_window_ms

    def is_on(self, partition: str) -> bool:
        """Return whether a partition has this mapping's stream."""
        return is_order_partition(partition) if self.scope == ORDERS else partition == self.scope


def partitions_of(mappings: Iterable[EventSourceMapping], order_partition_count: int) -> list[str]:
    """Return the names of all partitions: those that some mappings have of their own, then those that orders lie in."""
    own = dict.fromkeys(mapping.scope for mapping in mappings if mapping.scope != ORDERS)
    return [*own, *order_partitions(order_partition_count)]


def streams_on(mappings: Iterable[EventSourceMapping], partition: str) -> list[str]:
    """Return the names of a partition's streams, each once."""
    return list(dict.fromkeys(mapping.stream for mapping in mappings if mapping.is_on(partition)))
