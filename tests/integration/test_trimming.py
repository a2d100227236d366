"""What is removed from a stream: what every group is done with, by the order of ids; and what becomes of the rest."""

from itertools import product

import pytest
import redis

from orderflow.adapters.streams import Streams
from tests.support.redis_servers import entries_of
from tests.support.turns import read_new

IDS = ["5-9", "5-10", "6-1", "10-0"]


@pytest.mark.parametrize(("of_one", "of_other"), list(product(IDS, IDS)))
def test_an_entry_stays_until_the_slowest_group_is_done_with_it(
    client: redis.Redis, streams: Streams, of_one: str, of_other: str
) -> None:
    for entry_id in IDS:
        client.xadd("{p0}:status", {"order": "{}"}, id=entry_id)
    for group in ("one", "other"):
        streams.create_group("status", group)
        read_new(streams, "status", group)

    for group, unfinished in (("one", of_one), ("other", of_other)):
        streams.acknowledge("status", group, [entry_id for entry_id in IDS if entry_id != unfinished])

    left = [entry_id for entry_id, _ in entries_of(client, "{p0}:status")]
    assert left == IDS[min(IDS.index(of_one), IDS.index(of_other)) :]


def test_an_entry_that_another_has_acknowledged_is_neither_deferred_nor_dead_lettered(
    client: redis.Redis, streams: Streams
) -> None:
    client.xadd("{p0}:route", {"order": "{}"})
    streams.create_group("route", "route_order")
    [entry] = read_new(streams, "route", "route_order")
    streams.acknowledge("route", "route_order", [entry.id])

    streams.defer("route", "route_order", [(entry, 1_000)])
    streams.dead_letter("route", "route_order", entry, "an error")

    assert client.exists("{p0}:timers", "{p0}:dead") == 0


def test_a_record_that_is_given_up_is_kept_with_all_that_is_known_of_it(client: redis.Redis, streams: Streams) -> None:
    client.xadd("{p0}:route", {"order": "{}"})
    streams.create_group("route", "route_order")
    [entry] = read_new(streams, "route", "route_order")

    streams.dead_letter("route", "route_order", entry, "an error")

    [(_, letter)] = entries_of(client, "{p0}:dead")
    assert letter == {
        "order": "{}",
        "function": "route_order",
        "stream": "route",
        "attempts": "1",
        "error": "an error",
        "message_id": entry.id,
    }
