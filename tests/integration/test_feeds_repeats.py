"""What comes again, or out of turn, about a feed: it is answered as the first time, and nothing goes back."""

from collections.abc import Sequence
from typing import cast

import pytest
import redis

from orderflow.adapters import channels
from orderflow.adapters import feeds as adapter
from orderflow.adapters.feeds import FeedEntry, Feeds
from orderflow.adapters.keys import partition_of
from orderflow.adapters.replication import ReplicatedWrite
from orderflow.adapters.sockets import Message
from orderflow.adapters.streams import Entry
from orderflow.adapters.subscriptions import Outcome
from orderflow.adapters.watchers import FeedEvent
from orderflow.errors import RetryableError
from tests.support.builders import encode, make_order
from tests.support.fakes.orders import FakeReplication
from tests.support.publishers import ACME, NAMES, PARTITIONS, Publishers
from tests.support.redis_servers import RedisServer
from tests.support.waiting import eventually

FEED = f"orders:{ACME}"
HOME = partition_of(FEED, PARTITIONS)
(OTHER,) = {*NAMES} - {HOME}
STREAM, STATE, WATCHERS, LEFT = (
    f"{{{HOME}}}:{kind}:{FEED}" for kind in ("feed", "feed-state", "feed-watchers", "feed-left")
)


@pytest.fixture
def publishers(redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Publishers:
    """Lend publishers behind which API Gateway is, which passes on whatever comes."""
    monkeypatch.setattr(channels, "ANSWER_GAP_MS", 0)
    opened = Publishers(redis_server, client, monkeypatch)
    opened.gateway.ordered = False
    return opened


def happen(publishers: Publishers, count: int) -> None:
    """Create orders, and let their events come into the feed."""
    for _ in range(count):
        publishers.new_order(OTHER)
    entries = publishers.read(OTHER, 1_000)
    publishers.publish(OTHER, entries)
    publishers.acknowledge(OTHER, entries)


def serve(publishers: Publishers) -> Sequence[Entry]:
    """Publish what there is about the feed, leaving it unacknowledged; what is paced comes as soon as it is due."""
    publishers.streams[HOME].turn([], timers_of=["status"])
    entries = publishers.read(HOME, 1_000)
    publishers.publish(HOME, entries)
    return entries


def test_a_batch_that_comes_again_is_announced_once(publishers: Publishers) -> None:
    publishers.subscribe("one")
    publishers.new_order(OTHER)
    entries = publishers.read(OTHER)
    for _ in range(3):
        publishers.publish(OTHER, entries)

    assert len(publishers.read(HOME)) == 1


def test_a_subscription_that_comes_again_gets_its_answer_and_its_first_piece(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 2)
    publishers.subscribe("one")
    happen(publishers, 5)
    publishers.drain()
    publishers.ask("two", resume=0)
    entries = publishers.read(HOME)
    publishers.publish(HOME, entries)
    publishers.drain()
    assert publishers.gateway.sequences("two")[:2] == [1, 2]
    got = len(publishers.gateway.of("two"))

    publishers.publish(HOME, entries)

    again = publishers.gateway.of("two")[got:]
    assert ([frame["sequence"] for frame in again], again[0]["latest"]) == ([0, 1, 2], 5)


def test_a_piece_that_comes_again_is_the_same_piece(publishers: Publishers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(adapter, "PIECE", 2)
    monkeypatch.setattr(adapter, "PAUSE_MS", 0)
    publishers.subscribe("one")
    happen(publishers, 5)
    publishers.drain()
    publishers.ask("two", resume=0)
    batches = [serve(publishers) for _ in range(3)]
    happen(publishers, 2)
    serve(publishers)
    assert publishers.gateway.sequences("two") == [1, 2, 3, 4, 5, 6, 7]

    for again, piece in ((batches[1], [3, 4]), (batches[2], [5])):
        got = len(publishers.gateway.of("two"))
        publishers.publish(HOME, again)
        assert [frame["sequence"] for frame in publishers.gateway.of("two")[got:]] == piece

    assert len(publishers.streams[HOME].turn([], timers_of=["status"]).entries) == 0


def test_a_piece_of_a_subscription_that_was_replaced_does_not_come(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 2)
    publishers.subscribe("one")
    happen(publishers, 5)
    publishers.drain()
    publishers.ask("two", resume=0)
    first = serve(publishers)
    publishers.ask("two", resume=5)
    publishers.drain()

    publishers.publish(HOME, first)  # late

    assert publishers.gateway.sequences("two").count(1) == 2  # once more by the batch that was not acknowledged
    assert publishers.gateway.sequences("two").count(3) == 0


def test_pieces_come_with_a_pause_between(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 2)
    monkeypatch.setattr(adapter, "PAUSE_MS", 60_000)
    publishers.subscribe("one")
    happen(publishers, 5)
    publishers.drain()
    publishers.ask("two", resume=0)
    now_s, _ = client.time()

    serve(publishers)

    (message,) = cast("list[str]", client.zrange(f"{{{HOME}}}:timers", 0, -1))
    due = client.zscore(f"{{{HOME}}}:timers", message) or 0
    assert 59_000 < due - int(now_s) * 1000 < 70_000


def test_who_lacks_what_is_trimmed_meanwhile_is_answered_so(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 2)
    publishers.subscribe("one")
    happen(publishers, 5)
    publishers.drain()
    publishers.ask("two", resume=0)
    publishers.acknowledge(HOME, serve(publishers))
    client.xtrim(STREAM, minid="5-0", approximate=False)
    publishers.drain()

    assert publishers.gateway.of("two")[-1] == {
        "channel": "orders",
        "error": "resume is too old",
        "oldest": 5,
        "sequence": 5,
    }
    assert client.hkeys(WATCHERS) == ["one"]


def test_what_another_still_has_in_hand_goes_out_with_what_comes_behind_it(publishers: Publishers) -> None:
    publishers.subscribe("one")
    batches = []
    for _ in range(3):
        happen(publishers, 1)
        batches.append(publishers.read(HOME))

    for entries in (batches[2], batches[0], batches[1]):
        publishers.publish(HOME, entries)

    assert publishers.gateway.sequences("one") == [1, 2, 3, 1, 2]
    assert publishers.subscribe("two")["sequence"] == 3


def test_who_came_later_does_not_get_what_comes_again(publishers: Publishers, monkeypatch: pytest.MonkeyPatch) -> None:
    publishers.subscribe("one")
    happen(publishers, 3)
    publishers.ask("two")
    entries = publishers.read(HOME)
    publishers.publish(HOME, entries)
    monkeypatch.setattr(adapter, "PIECE", 1)  # by now it is more than goes out at once

    publishers.publish(HOME, entries)
    publishers.acknowledge(HOME, entries)
    publishers.drain()

    assert publishers.gateway.sequences("two") == []


def test_what_came_first_does_not_undo_what_came_after(publishers: Publishers, client: redis.Redis) -> None:
    batches = []
    for action in ("subscribe", "unsubscribe", "subscribe"):
        publishers.ask("one", action)
        batches.append(serve(publishers))
    first, left, _ = batches
    answers = len(publishers.gateway.of("one"))

    publishers.publish(HOME, left)
    publishers.publish(HOME, first)

    assert client.hkeys(WATCHERS) == ["one"]
    assert len(publishers.gateway.of("one")) == answers


def test_what_ended_stays_ended_and_only_the_subscription_that_it_was(
    publishers: Publishers, client: redis.Redis
) -> None:
    feeds = Feeds(client, PARTITIONS, FakeReplication())
    publishers.ask("one")
    first = serve(publishers)
    publishers.ask("one")
    serve(publishers)

    feeds.end(HOME, [Message("one", FEED, "", 2, first[0].id)])
    assert client.hkeys(WATCHERS) == ["one"]
    feeds.forget(HOME, [Message("one", FEED, "", 2, str(client.hget(WATCHERS, "one")).split(" ")[0])])
    publishers.publish(HOME, first)

    assert client.hkeys(WATCHERS) == []
    assert client.exists(f"{{{HOME}}}:watched:one") == 0


def test_who_subscribes_anew_takes_no_further_place(publishers: Publishers) -> None:
    publishers.max_watchers = 1
    publishers.subscribe("one")

    assert publishers.subscribe("one") == {"channel": "orders", "subscribed": True, "sequence": 0}


def test_a_refusal_ends_the_subscription_before_it(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")

    publishers.subscribe("one", resume=7)

    assert client.exists(WATCHERS, f"{{{HOME}}}:watched:one") == 0


def test_what_is_sent_again_begins_where_the_subscription_does(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")
    happen(publishers, 3)
    publishers.drain()
    publishers.ask("two")
    (entry,) = serve(publishers)
    happen(publishers, 2)
    publishers.drain()

    messages = Feeds(client, PARTITIONS, FakeReplication()).again(HOME, [Message("two", FEED, "", 9, entry.id)])

    assert [message.sequence for message in messages] == [2, 3]


def test_a_feed_without_subscribers_is_dropped_in_time_and_one_with_them_never(
    publishers: Publishers, client: redis.Redis
) -> None:
    publishers.subscribe("one")
    happen(publishers, 1)
    publishers.drain()
    publishers.leave("one")
    publishers.drain()
    left = client.pttl(STREAM)

    publishers.subscribe("two")

    assert 3_500_000 < left <= 3_600_000
    assert 3_500_000 < client.pttl(LEFT) <= 3_600_000
    assert client.pttl(STREAM) == -1


def test_a_feed_ends_when_nobody_could_resume_any_more(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_KEPT", 5)
    publishers.subscribe("one")
    publishers.leave("one")
    publishers.drain()
    for expected in ("on", "on", "off"):
        happen(publishers, 2)
        publishers.drain()
        assert str(client.hget(f"{{{OTHER}}}:feeds", FEED)).split(" ")[0] == expected
    assert client.exists(STREAM) == 0


def test_those_who_left_are_remembered_within_bounds(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")
    client.hset(LEFT, mapping={f"c{number}": "1-0" for number in range(1_000)})
    publishers.ask("one", "unsubscribe")
    publishers.drain()

    assert client.hkeys(LEFT) == ["one"]


def test_what_is_noted_of_a_connection_ends_with_it(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ANSWER_GAP_MS", 200)
    watched, answered = f"{{{HOME}}}:watched:one", f"{{{HOME}}}:answered:one"
    first = publishers.ask("one")
    lives = client.pttl(watched), client.pttl(answered)
    client.sadd(watched, *range(999))
    client.persist(answered)

    eventually(lambda: publishers.ask("one").outcome is Outcome.ASKED, timeout_s=2)

    assert first.outcome is Outcome.ASKED
    assert 0 < lives[0] <= 3 * 60 * 60 * 1000
    assert 0 < lives[1] <= 600


def test_an_older_decision_changes_no_flag(client: redis.Redis) -> None:
    feeds = Feeds(client, PARTITIONS, FakeReplication())

    assert feeds._flagged(FEED, "off", 1) == ["", ""]
    assert feeds._flagged(FEED, "on", 2) == ["2", "2"]
    assert feeds._flagged(FEED, "off", 4) == ["2", "2"]
    assert feeds._flagged(FEED, "on", 3) == ["2", "2"]
    assert feeds._flagged(FEED, "on", 4) == ["2", "2"]

    assert client.hget("{p0}:feeds", FEED) == client.hget("{p1}:feeds", FEED) == "off 4 2"


def test_nothing_is_appended_or_answered_before_the_replicas_have_it(client: redis.Redis) -> None:
    replication = FakeReplication()
    feeds = Feeds(client, PARTITIONS, replication)
    events = {ACME: [FeedEvent("5-1", encode(make_order())), FeedEvent("5-2", encode(make_order()))]}

    for _ in range(2):
        feeds.append(OTHER, events)
    feeds.messages(HOME, [FeedEntry(FEED, "subscribe", "6-0", "one")])

    appended = ReplicatedWrite(HOME, STATE, f"taken:{OTHER}", 2)
    flags = [ReplicatedWrite(name, f"{{{name}}}:feeds", FEED, 1) for name in NAMES]
    subscribed = ReplicatedWrite(HOME, WATCHERS, "one", 1)
    assert replication.waited == [appended, appended, *flags, subscribed]
    replication.lacking = [subscribed]
    with pytest.raises(RetryableError):
        feeds.messages(HOME, [FeedEntry(FEED, "subscribe", "7-0", "one")])


def test_a_feed_goes_on_for_a_while_when_its_only_subscription_was_refused(
    publishers: Publishers, client: redis.Redis
) -> None:
    publishers.subscribe("one", resume=7)
    happen(publishers, 1)
    publishers.drain()

    assert publishers.subscribe("two", resume=0)["latest"] == 1
    assert publishers.gateway.sequences("two") == [1]
    assert str(client.hget(f"{{{OTHER}}}:feeds", FEED)).split(" ")[0] == "on"
