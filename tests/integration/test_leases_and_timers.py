"""The two things that pollers agree on through Redis: who has a partition, and when a message is due."""

import threading
from typing import Any

import redis

from orderflow.adapters import scripts
from orderflow.adapters.leases import LEASE_MS, MEMBERS, Leases
from orderflow.adapters.streams import Streams
from orderflow.event_source.poller import Poller, Serves
from tests.support.redis_servers import entries_of
from tests.support.threads import InThread
from tests.support.turns import promote
from tests.support.waiting import eventually

PROMOTE_BY_MS = 250


def test_a_lease_is_released_only_by_its_holder(client: redis.Redis) -> None:
    holder, other = Leases(client, "holder"), Leases(client, "other")
    assert holder.hold("p0")

    other.release("p0")

    assert not other.hold("p0")
    assert client.get("{p0}:lease") == "holder"
    holder.release("p0")
    assert other.hold("p0")


def test_a_lease_is_renewed_only_by_its_holder(client: redis.Redis) -> None:
    holder, other = Leases(client, "holder"), Leases(client, "other")
    holder.hold("p0")
    assert LEASE_MS // 2 < client.pttl("{p0}:lease") <= LEASE_MS
    client.pexpire("{p0}:lease", LEASE_MS // 2)

    assert not other.hold("p0")
    assert client.pttl("{p0}:lease") <= LEASE_MS // 2
    assert holder.hold("p0")
    assert client.pttl("{p0}:lease") > LEASE_MS // 2


def test_a_message_is_promoted_at_its_time_and_not_before(client: redis.Redis, streams: Streams) -> None:
    turn = client.register_script(scripts.source("turn"))
    seconds, microseconds = client.time()
    due_ms = seconds * 1000 + microseconds // 1000 + PROMOTE_BY_MS
    client.zadd("{p0}:timers", {"route 1 {}": due_ms})

    early, moved = 0, 0
    while not moved:
        # In one step with the time before and after it: no other process comes between.
        with client.pipeline(transaction=True) as pipeline:
            pipeline.time()
            turn(["{p0}:timers", "{p0}:wakes", "{p0}:route"], ["owner", 200, 0], client=pipeline)
            pipeline.xlen("{p0}:route")
            pipeline.time()
            before, _, moved, after = pipeline.execute()
        if after[0] * 1_000_000 + after[1] < due_ms * 1000:
            early += 1
            assert moved == 0
        if before[0] * 1_000_000 + before[1] >= due_ms * 1000:
            assert moved == 1

    assert early > 0
    assert client.zcard("{p0}:timers") == 0


def test_of_many_messages_that_are_due_no_more_are_moved_at_once_than_asked_for(
    client: redis.Redis, streams: Streams
) -> None:
    client.zadd("{p0}:timers", {f"route 1 {number}": number for number in range(5)})

    assert promote(streams, ["route"], limit=3) == 0
    assert client.zcard("{p0}:timers") == 2
    assert promote(streams, ["route"], limit=3) is None
    assert [fields["order"] for _, fields in entries_of(client, "{p0}:route")] == ["0", "1", "2", "3", "4"]


def test_a_message_for_a_stream_of_newer_code_is_looked_at_again_after_a_second(
    client: redis.Redis, streams: Streams
) -> None:
    client.zadd("{p0}:timers", {"simulate 1 {}": 0})

    assert promote(streams, ["route"]) == 1_000
    assert client.zcard("{p0}:timers") == 1


def test_one_that_leaves_or_has_died_is_not_among_those_alive(client: redis.Redis) -> None:
    one, other = Leases(client, "one"), Leases(client, "other")
    seconds, _ = client.time()
    client.zadd(MEMBERS, {"dead": seconds * 1000 - LEASE_MS - 1})

    assert one.members() == ["one"]
    assert other.members() == ["one", "other"]
    one.leave()
    assert other.members() == ["other"]


def test_only_a_message_that_is_due_before_all_others_wakes_the_poller(client: redis.Redis, streams: Streams) -> None:
    schedule = client.register_script(scripts.source("schedule"))

    def wakes(delay_ms: int) -> bool:
        """Return whether a message that rests for so long ends a wait that began before it came."""
        last_ids = streams.turn([], timers_of=["route"]).last_ids
        schedule(["{p0}:timers", "{p0}:wakes", "{p0}:route"], ["route", delay_ms, f"{{{delay_ms}}}"])
        return bool(client.xread(dict[Any, Any](last_ids)))

    assert [wakes(60_000), wakes(120_000), wakes(40_000), wakes(20_000)] == [True, False, True, True]
    assert client.xlen("{p0}:wakes") == 1


def test_until_the_next_message_is_due_redis_is_not_asked_again_and_again(
    client: redis.Redis, streams: Streams, in_thread: InThread
) -> None:
    client.zadd("{p0}:timers", {"route 1 {}": 9e15})

    in_thread(lambda stop: Poller(Serves(timers_of=["route"]), streams, stop, lambda _: None, threading.Lock()).run())

    eventually(lambda: client.info("clients")["blocked_clients"] == 1)
