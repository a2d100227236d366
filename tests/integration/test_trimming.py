"""What is removed from a stream: what every group is done with, by the order of ids and not of their text."""

from itertools import product

import pytest
import redis

from orderflow.adapters.streams import Streams
from tests.integration.conftest import entries_of

IDS = ["5-9", "5-10", "6-1", "10-0"]


@pytest.mark.parametrize(("of_one", "of_other"), list(product(IDS, IDS)))
def test_an_entry_stays_until_the_slowest_group_is_done_with_it(
    client: redis.Redis, streams: Streams, of_one: str, of_other: str
) -> None:
    for entry_id in IDS:
        client.xadd("{p0}:status", {"order": "{}"}, id=entry_id)
    for group in ("one", "other"):
        streams.create_group("status", group)
        streams.read_new("status", group, 10, None)

    for group, unfinished in (("one", of_one), ("other", of_other)):
        streams.acknowledge("status", group, [entry_id for entry_id in IDS if entry_id != unfinished])

    left = [entry_id for entry_id, _ in entries_of(client, "{p0}:status")]
    assert left == IDS[min(IDS.index(of_one), IDS.index(of_other)) :]
