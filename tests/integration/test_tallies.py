"""Tallies on a real Redis: of several processes they add up, soon they are gone, and nobody is asked often."""

import pytest
import redis

from orderflow.adapters.keys import SHARED, key
from orderflow.adapters.reports import ENGINE, MARKET, followers_key
from orderflow.adapters.tallies import KEEP_S, LOOK_EVERY_S, Tallies
from orderflow.domain.tally import Tally
from orderflow.runtime.clients import open_redis
from tests.support.ports import free_port
from tests.support.redis_servers import on_single_and_cluster


@on_single_and_cluster
def test_what_several_processes_count_adds_up_by_the_second(client: redis.Redis) -> None:
    one, other = Tallies(client), Tallies(client)

    one.add({7: Tally(placed=2, latencies={40: 1, -3: 2}), 8: Tally(ended=1)})
    other.add({7: Tally(placed=1, retries=4, latencies={40: 5})})
    other.add({})

    assert one.of([6, 7, 8]) == [Tally(), Tally(3, 0, 4, {40: 6, -3: 2}), Tally(ended=1)]
    assert 0 < client.ttl(key(SHARED, "tally:7")) <= KEEP_S


@on_single_and_cluster
def test_they_are_wanted_while_somebody_follows_the_engine(client: redis.Redis) -> None:
    now = [0.0]
    tallies = Tallies(client, lambda: now[0])
    client.zadd(followers_key(MARKET), {"one=": 0})
    assert not tallies.are_wanted()

    client.zadd(followers_key(ENGINE), {"one=": 0})
    assert not tallies.are_wanted()
    now[0] += LOOK_EVERY_S
    assert tallies.are_wanted()

    client.delete(followers_key(ENGINE))
    assert tallies.are_wanted()
    now[0] += LOOK_EVERY_S
    assert not tallies.are_wanted()


def test_who_counts_is_not_held_up_by_a_redis_that_is_unavailable() -> None:
    client = open_redis(f"redis://127.0.0.1:{free_port()}/0")
    tallies = Tallies(client)

    assert not tallies.are_wanted()
    tallies.add({7: Tally(placed=1)})
    with pytest.raises(redis.ConnectionError):
        tallies.of([7])
