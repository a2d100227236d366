"""The channels of reports on a real Redis: who follows, when a report is due, what is kept of it, and one timer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import pytest
import redis

from orderflow.adapters import followers as followers_module
from orderflow.adapters import reports as reports_module
from orderflow.adapters.followers import Followers
from orderflow.adapters.keys import SHARED, key
from orderflow.adapters.reports import (
    ENGINE,
    INTERVAL_MS,
    MARKET,
    MOST_PRICES,
    PUT_OFF_MS,
    STREAM,
    PastPrice,
    Report,
    Reports,
    message_for,
)
from orderflow.adapters.streams import Reading, Streams
from orderflow.adapters.subscriptions import Added, Outcome
from tests.support.redis_servers import RedisServer, entries_of, on_single_and_cluster, opened_async
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster

Result = TypeVar("Result")
TIMER = f"{STREAM} 1 {message_for(MARKET)}"
TIMERS = key(SHARED, "timers")
ASKED = Added(Outcome.ASKED)


AN_HOUR_MS = 3_600_000


@pytest.fixture
def reports(client: redis.Redis) -> Reports:
    return Reports(client)


@pytest.fixture
def _slow(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have an hour pass between two reports, and between two answers, so that no test is too slow for them."""
    monkeypatch.setattr(reports_module, "INTERVAL_MS", dict.fromkeys(INTERVAL_MS, AN_HOUR_MS))
    monkeypatch.setattr(followers_module, "ANSWER_GAP_MS", AN_HOUR_MS)


def use(server: RedisServer, work: Callable[[Followers], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(Followers(client))

    return asyncio.run(run())


def follow(server: RedisServer, *connections: str, channel: str = MARKET, action: str = "subscribe") -> list[Added]:
    async def add_all(followers: Followers) -> list[Added]:
        return [await followers.add(channel, connection, action) for connection in connections]

    return use(server, add_all)


def asked_for(client: redis.Redis) -> list[dict[str, str]]:
    return [fields for _, fields in entries_of(client, key(SHARED, STREAM))]


def at(client: redis.Redis, channel: str, back_ms: int) -> None:
    """Have the latest report of a channel begun so long ago."""
    client.hincrby(key(SHARED, f"report:{channel}"), "begun", -back_ms)


def test_a_subscription_asks_for_a_report_at_once_as_a_message_of_the_timers_does(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    assert follow(redis_server, "one=", "two=") == [ASKED, ASKED]

    begun = reports.begin(MARKET)

    assert asked_for(client) == [{"attempt": "1", "order": message_for(MARKET)}] * 2
    assert begun is not None
    assert begun.is_due
    assert begun.latest is None
    assert sorted(begun.followers) == ["one=", "two="]
    assert begun.new == {"one=", "two="}
    assert client.zrange(TIMERS, 0, -1, withscores=True) == [(TIMER, begun.now_ms + INTERVAL_MS[MARKET])]
    assert reports.begin(ENGINE) is None


def test_where_nobody_follows_nothing_is_due_and_no_timer_is_set(client: redis.Redis, reports: Reports) -> None:
    assert reports.begin(MARKET) is None
    assert not client.exists(TIMERS)
    assert not reports.is_followed(MARKET)


@pytest.mark.usefixtures("_slow")
def test_of_those_who_begin_within_the_interval_one_finds_the_report_due_and_there_is_one_timer(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=")
    found = [reports.begin(MARKET) for _ in range(3)]
    assert [begun is not None and begun.is_due for begun in found] == [True, False, False]
    assert client.zcard(TIMERS) == 1
    client.delete(TIMERS)

    # It comes again when the report is due, however late it is asked for.
    at(client, MARKET, AN_HOUR_MS // 2)
    early = reports.begin(MARKET)
    due = client.zscore(TIMERS, TIMER)
    at(client, MARKET, AN_HOUR_MS // 2)
    again = reports.begin(MARKET)

    assert found[0] is not None
    assert early is not None
    assert not early.is_due
    assert due == found[0].now_ms + AN_HOUR_MS // 2
    assert again is not None
    assert again.is_due


def test_a_clock_that_went_back_holds_up_no_report(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=")
    reports.begin(MARKET)
    at(client, MARKET, -AN_HOUR_MS)

    begun = reports.begin(MARKET)

    assert begun is not None
    assert begun.is_due


def test_a_timer_wakes_the_poller_and_becomes_a_message(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    streams = Streams(client, SHARED)
    streams.create_group(STREAM, "publish_reports")
    follow(redis_server, "one=")
    reports.begin(MARKET)
    reading = Reading(STREAM, "publish_reports", 10)

    first = streams.turn([reading], timers_of=[STREAM])
    eventually(lambda: len(streams.turn([reading], timers_of=[STREAM]).entries) == 1)

    assert [entry.data for entry in first.entries] == [{"order": message_for(MARKET)}]
    assert client.xlen(key(SHARED, "wakes")) == 1
    assert client.zcard(TIMERS) == 0


@pytest.mark.usefixtures("_slow")
def test_a_follower_is_new_until_it_was_answered_and_again_when_it_subscribes_again(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=", "two=")
    begun = reports.begin(MARKET)
    assert begun is not None
    reports.answered(MARKET, ["one=", "never="], begun.now_ms)

    some = reports.begin(MARKET)
    follow(redis_server, "one=")
    both = reports.begin(MARKET)

    assert some is not None
    assert sorted(some.followers) == ["one=", "two="]
    assert some.new == {"two="}
    assert both is not None
    assert both.new == {"one=", "two="}


@pytest.mark.usefixtures("_slow")
def test_who_asks_again_at_once_waits_for_the_timer_unless_there_is_none(
    client: redis.Redis, reports: Reports, redis_server: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    follow(redis_server, "one=", "one=")
    assert len(asked_for(client)) == 2

    reports.begin(MARKET)
    follow(redis_server, "one=")
    assert len(asked_for(client)) == 2

    client.delete(TIMERS)
    follow(redis_server, "one=")
    assert len(asked_for(client)) == 3

    reports.begin(MARKET)
    monkeypatch.setattr(followers_module, "ANSWER_GAP_MS", 0)
    follow(redis_server, "one=")
    assert len(asked_for(client)) == 4


@pytest.mark.usefixtures("_slow")
def test_what_is_noted_of_a_connection_s_answers_is_of_one_channel_and_soon_forgotten(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=")
    reports.begin(MARKET)
    follow(redis_server, "two=", channel=ENGINE)
    reports.begin(ENGINE)

    follow(redis_server, "one=", channel=ENGINE)

    assert [fields["order"] for fields in asked_for(client)] == [
        message_for(channel) for channel in (MARKET, ENGINE, ENGINE)
    ]
    assert 0 < client.pttl(key(SHARED, "answered:one=")) <= 3 * AN_HOUR_MS


def test_who_unsubscribes_leaves_or_is_gone_follows_no_longer(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=", "two=", "three=", "four=")
    follow(redis_server, "two=", channel=ENGINE)

    assert follow(redis_server, "one=", "nobody=", action="unsubscribe") == [ASKED, ASKED]

    async def leave(followers: Followers) -> None:
        await asyncio.gather(followers.leave("two="), followers.leave("nobody="))

    use(redis_server, leave)
    reports.forget(MARKET, {"three="})
    reports.forget(MARKET, set())

    begun = reports.begin(MARKET)
    assert begun is not None
    assert begun.followers == ["four="]
    assert reports.is_followed(MARKET)
    assert not reports.is_followed(ENGINE)
    reports.answered(MARKET, ["one=", "two="], begun.now_ms)
    reports.answered(MARKET, [], begun.now_ms)
    reports.forget(MARKET, {"four="})
    assert not reports.is_followed(MARKET)


def test_no_more_may_follow_than_there_is_room_for_but_those_who_do_may_ask_again(
    redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(followers_module, "MAX_FOLLOWERS", 2)

    outcomes = follow(redis_server, "one=", "two=", "three=", "two=")
    follow(redis_server, "one=", action="unsubscribe")

    assert [added.outcome for added in outcomes] == [Outcome.ASKED, Outcome.ASKED, Outcome.TOO_MANY, Outcome.ASKED]
    assert follow(redis_server, "three=") == [ASKED]
    assert follow(redis_server, "one=", channel=ENGINE) == [ASKED]


def test_reports_are_numbered_and_the_latest_is_there_for_who_comes_later(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=")
    first = reports.keep(MARKET, '{"slot":1}', 1_000)
    second = reports.keep(MARKET, '{"slot":2}', 2_000)
    of_engine = reports.keep(ENGINE, '{"slot":2}', 2_000)

    begun = reports.begin(MARKET)

    assert (first.sequence, second.sequence, of_engine.sequence) == (1, 2, 1)
    assert begun is not None
    assert begun.latest == second == Report(2, 2_000, '{"slot":2}')
    assert second.frame(MARKET) == (
        '{"channel":"market","sequence":2,"market":{"at":"1970-01-01T00:00:02.000Z","slot":2}}'
    )


def test_the_prices_of_a_slot_are_kept_once_and_of_many_the_latest(client: redis.Redis, reports: Reports) -> None:
    def price(slot: int, at_ms: int = 0) -> PastPrice:
        return PastPrice(slot, at_ms or slot * 400, f"{200 + slot}.5", {"raydium": "219.1"})

    for slot in (1, 2):
        reports.keep(MARKET, f'{{"slot":{slot}}}', 0, slot, {"SOL/USDC": price(slot), "JUP/SOL": price(slot)})
    reports.keep(MARKET, '{"slot":2}', 0, 2, {"SOL/USDC": price(2, at_ms=9)})

    assert reports.past_prices("SOL/USDC", 10) == [price(1), price(2)]
    assert reports.past_prices("JUP/SOL", 1) == [price(2)]
    assert reports.past_prices("JUP/SOL", 0) == reports.past_prices("WIF/SOL", 5) == []
    for slot in range(3, MOST_PRICES + 3):
        reports.keep(MARKET, "{}", 0, slot, {"SOL/USDC": price(slot)})
    kept = reports.past_prices("SOL/USDC", MOST_PRICES + 100)
    assert (len(kept), kept[0], kept[-1]) == (MOST_PRICES, price(3), price(MOST_PRICES + 2))


def test_what_could_not_be_reported_is_put_off_unless_nothing_is_to_come(
    client: redis.Redis, reports: Reports, redis_server: RedisServer
) -> None:
    follow(redis_server, "one=")
    begun = reports.begin(MARKET)
    assert begun is not None

    reports.put_off(begun, MARKET)
    assert client.zrange(TIMERS, 0, -1, withscores=True) == [(TIMER, begun.now_ms + PUT_OFF_MS)]

    client.delete(TIMERS)
    reports.put_off(begun, MARKET)
    assert not client.exists(TIMERS)
