"""Event sources that end orders on the Redis of a test, as the programs do on theirs."""

from collections.abc import Sequence

import redis

from orderflow.adapters.orders import Orders
from orderflow.adapters.replication import Replication
from orderflow.event_source.invoke import Invoke
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.source import EventSource
from orderflow.runtime.end_order import OrderEnder
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue


def event_source(
    client: redis.Redis,
    mappings: Sequence[EventSourceMapping],
    invoke: Invoke,
    *,
    partitions: int,
    name: str = "one",
    share_pollers: bool = False,
) -> EventSource:
    venue = MockVenue(ChainStore(client), Latency(seed=1, speed=1), Replication(client, min_replicas=0))
    end_order = OrderEnder(Orders(client, partitions), venue)
    return EventSource(
        client, mappings, invoke, end_order=end_order, partitions=partitions, name=name, share_pollers=share_pollers
    )
