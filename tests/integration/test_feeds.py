"""An account's feed on a real Redis: every status of every order once and in order, for each that subscribes to it."""

from typing import Any

import pytest
import redis

from orderflow.adapters import channels
from orderflow.adapters import feeds as adapter
from orderflow.adapters.keys import partition_of
from orderflow.adapters.subscriptions import Outcome
from orderflow.domain.order import Order
from orderflow.errors import RetryableError
from tests.support.order_steps import routed, way_of
from tests.support.publishers import ACME, NAMES, PARTITIONS, Publishers
from tests.support.redis_servers import RedisServer, on_single_and_cluster

pytestmark = on_single_and_cluster

HOME = partition_of(f"orders:{ACME}", PARTITIONS)
(OTHER,) = {*NAMES} - {HOME}


@pytest.fixture
def publishers(redis_server: RedisServer, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Publishers:
    return Publishers(redis_server, client, monkeypatch)


def answer(sequence: int, latest: int | None = None) -> dict[str, Any]:
    of_resume = {} if latest is None else {"latest": latest}
    return {"channel": "orders", "subscribed": True, "sequence": sequence, **of_resume}


def of_each(orders: list[Order], steps: int) -> set[tuple[str, int]]:
    """Return the order and the number of each of the first steps of orders."""
    return {(order.order_id, number) for order in orders for number in range(1, steps + 1)}


def test_every_status_of_every_order_of_the_account_comes_once_and_in_order(publishers: Publishers) -> None:
    before = publishers.new_order()
    publishers.drain()
    assert publishers.subscribe("one") == answer(0)
    orders = [publishers.new_order(name) for name in NAMES * 3]
    publishers.new_order(account="other")
    publishers.new_order(account="local")
    for steps in zip(*(way_of(order)[1:] for order in [before, *orders]), strict=True):
        publishers.take(*steps)
        publishers.drain()

    got = publishers.gateway.steps("one")

    assert publishers.gateway.sequences("one") == list(range(1, 35))
    assert set(got) == of_each(orders, 5) | (of_each([before], 5) - {(before.order_id, 1)})
    for order in orders:
        assert [number for order_id, number in got if order_id == order.order_id] == [1, 2, 3, 4, 5]


def test_a_frame_holds_the_very_frame_of_the_order(publishers: Publishers) -> None:
    publishers.subscribe("one")
    order = publishers.new_order()
    publishers.drain()

    (_, frame) = publishers.gateway.of("one")

    assert frame.keys() == {"channel", "sequence", "event"}
    assert (frame["channel"], frame["sequence"]) == ("orders", 1)
    assert (frame["event"]["order_id"], frame["event"]["status"]) == (order.order_id, "pending")


def test_who_subscribes_later_gets_what_comes_from_then_on(publishers: Publishers) -> None:
    publishers.subscribe("one")
    first = publishers.new_order()
    publishers.drain()

    assert publishers.subscribe("two") == answer(1)
    publishers.take(routed(first))
    publishers.drain()

    assert publishers.gateway.sequences("one") == [1, 2]
    assert publishers.gateway.sequences("two") == [2]


def test_who_resumes_gets_what_it_missed_and_then_what_comes(publishers: Publishers) -> None:
    publishers.subscribe("one")
    orders = [publishers.new_order() for _ in range(3)]
    publishers.drain()

    assert publishers.subscribe("two", resume=1) == answer(1, latest=3)
    publishers.take(routed(orders[0]))
    publishers.drain()

    assert publishers.gateway.sequences("two") == [2, 3, 4]


def test_a_long_resume_comes_in_pieces_among_what_happens_meanwhile(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 3)
    publishers.subscribe("one")
    for _ in range(10):
        publishers.new_order()
    publishers.drain()
    publishers.ask("two", resume=0)
    for name in NAMES:  # the answer and the first piece
        entries = publishers.read(name)
        publishers.publish(name, entries)
        publishers.acknowledge(name, entries)
    first = list(publishers.gateway.sequences("two"))

    publishers.new_order()
    publishers.drain()

    assert first == [1, 2, 3]
    assert publishers.gateway.sequences("two") == publishers.gateway.sequences("one") == list(range(1, 12))


def test_a_resume_that_is_too_old_or_ahead_is_no_subscription(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_KEPT", 5)
    publishers.subscribe("one")
    for _ in range(9):
        publishers.new_order()
    publishers.drain()

    old = publishers.subscribe("two", resume=3)
    ahead = publishers.subscribe("three", resume=10)
    fits = publishers.subscribe("four", resume=4)
    publishers.new_order()
    publishers.drain()

    assert old == {"channel": "orders", "error": "resume is too old", "oldest": 5, "sequence": 9}
    assert ahead == {"channel": "orders", "error": "resume is ahead of the sequence", "sequence": 9}
    assert fits == answer(4, latest=9)
    assert publishers.gateway.sequences("two") == publishers.gateway.sequences("three") == []
    assert publishers.gateway.sequences("four") == [5, 6, 7, 8, 9, 10]


def test_who_unsubscribes_is_closed_or_is_gone_hears_no_more(publishers: Publishers, client: redis.Redis) -> None:
    for name in ("stays", "unsubscribes", "closes", "is gone"):
        publishers.subscribe(name)
    publishers.gateway.closed = {"is gone"}
    publishers.ask("unsubscribes", "unsubscribe")
    publishers.leave("closes")

    publishers.new_order()
    publishers.drain()

    assert publishers.gateway.sequences("stays") == [1]
    for name in ("unsubscribes", "closes", "is gone"):
        assert publishers.gateway.sequences(name) == []
        assert client.exists(f"{{{HOME}}}:watched:{name}") == 0
    assert client.hkeys(f"{{{HOME}}}:feed-watchers:orders:{ACME}") == ["stays"]


def test_a_feed_goes_on_when_its_last_subscriber_has_left_and_nothing_is_missing_when_it_comes_back(
    publishers: Publishers,
) -> None:
    publishers.subscribe("one")
    publishers.new_order()
    publishers.drain()
    publishers.leave("one")
    for _ in range(4):
        publishers.new_order()
    publishers.drain()

    assert publishers.subscribe("two", resume=1) == answer(1, latest=5)
    assert publishers.gateway.sequences("two") == [2, 3, 4, 5]


@pytest.fixture
def _short_lives(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a feed end with the first event that comes after its last subscriber has left."""
    monkeypatch.setattr(adapter, "KEEP_MS", -1)


@pytest.mark.usefixtures("_short_lives")
def test_a_feed_ends_after_its_last_subscriber_and_only_what_is_missing_is_too_old(
    publishers: Publishers, client: redis.Redis
) -> None:
    publishers.subscribe("one")
    publishers.leave("one")
    publishers.drain()
    publishers.new_order(HOME)  # the last event that comes into the feed
    publishers.drain()
    flags = [str(client.hget(f"{{{name}}}:feeds", f"orders:{ACME}")) for name in NAMES]
    assert [flag.split(" ")[0] for flag in flags] == ["off", "off"]

    nothing_missed = publishers.subscribe("two", resume=1)
    publishers.leave("two")
    publishers.drain()
    for _ in range(2):  # the first ends the feed again, the second is not in it
        publishers.new_order(OTHER)
        publishers.drain()
    assert client.hget(f"{{{OTHER}}}:feeds", f"orders:{ACME}") is None
    missed = publishers.subscribe("three", resume=2)
    resumed = publishers.subscribe("four", resume=3)
    publishers.new_order()
    publishers.drain()

    assert nothing_missed == answer(1, latest=1)
    assert missed == {"channel": "orders", "error": "resume is too old", "oldest": 4, "sequence": 3}
    assert resumed == answer(3, latest=3)
    assert publishers.gateway.sequences("four") == [4]


def test_so_many_may_subscribe_to_a_feed(publishers: Publishers) -> None:
    publishers.max_watchers = 2
    for name in ("one", "two"):
        publishers.subscribe(name)

    refused = publishers.subscribe("three")
    publishers.leave("one")
    publishers.drain()

    assert refused == {"channel": "orders", "error": "too many watchers", "limit": 2}
    assert publishers.subscribe("four") == answer(0)


def test_a_connection_is_answered_once_a_second_and_may_watch_so_much(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(channels, "ANSWER_GAP_MS", 60_000)  # a busy machine may take more than a second here
    client.sadd(f"{{{HOME}}}:watched:full", *range(1_000))

    first, second = publishers.ask("one"), publishers.ask("one")
    full = publishers.ask("full")

    assert first.outcome is Outcome.ASKED
    assert second.outcome is Outcome.AGAIN
    assert 0 < second.retry_after_ms <= 60_000
    assert full.outcome is Outcome.TOO_MANY


def test_a_reader_that_is_late_takes_nothing_from_the_feed_and_adds_nothing_twice(publishers: Publishers) -> None:
    publishers.subscribe("one")
    order = publishers.new_order(OTHER)
    late = publishers.read(OTHER)
    publishers.take(routed(order))
    publishers.new_order(OTHER)
    quick = publishers.read(OTHER)

    publishers.publish(OTHER, quick)
    publishers.acknowledge(OTHER, quick)
    publishers.publish(OTHER, late)
    publishers.drain()

    assert publishers.gateway.sequences("one") == [1, 2, 3]
    assert publishers.gateway.steps("one")[:2] == [(order.order_id, 1), (order.order_id, 2)]


def test_the_feeds_own_publishers_may_overlap(publishers: Publishers) -> None:
    publishers.subscribe("one")
    batches = []
    for _ in range(3):
        publishers.new_order(OTHER)
        entries = publishers.read(OTHER)
        publishers.publish(OTHER, entries)
        publishers.acknowledge(OTHER, entries)
        batches.append(publishers.read(HOME))

    for entries in (batches[2], batches[0], batches[1]):
        publishers.publish(HOME, entries)

    assert publishers.gateway.sequences("one") == [1, 2, 3]


def test_what_the_gateway_lacks_is_made_good(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")
    publishers.new_order()
    publishers.drain()
    publishers.new_order()
    # The publisher that sent it has ended before it did.
    client.hset(f"{{{HOME}}}:feed-state:orders:{ACME}", "sent", 2)
    client.hincrby(f"{{{HOME}}}:feed-state:orders:{ACME}", "sequence", 1)
    client.xadd(f"{{{HOME}}}:feed:orders:{ACME}", {"event": ""}, id="2-0")

    publishers.drain()

    frames = publishers.gateway.of("one")
    assert [frame["sequence"] for frame in frames] == [0, 1, 2, 3]
    assert frames[2] == {"channel": "orders", "sequence": 2, "error": "events are missing"}


def test_a_subscription_ends_when_what_it_lacks_is_not_kept_any_more(
    publishers: Publishers, client: redis.Redis
) -> None:
    publishers.subscribe("one")
    publishers.new_order()
    publishers.drain()
    client.hset(f"{{{HOME}}}:feed-state:orders:{ACME}", mapping={"sent": 5, "sequence": 5})
    client.delete(f"{{{HOME}}}:feed:orders:{ACME}")

    publishers.new_order()
    publishers.drain()
    publishers.new_order()
    publishers.drain()

    assert publishers.gateway.sequences("one") == [1]
    assert publishers.gateway.of("one")[-1] == {
        "channel": "orders",
        "error": "events are missing that are not kept any more; subscribe again",
    }


def test_subscribers_learn_that_a_partition_has_lost_its_flag(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")
    publishers.new_order()
    publishers.drain()
    client.delete(f"{{{OTHER}}}:feeds")
    publishers.new_order(OTHER)
    publishers.drain()

    publishers.subscribe("two")
    publishers.new_order(OTHER)
    publishers.drain()

    assert [frame["sequence"] for frame in publishers.gateway.of("one")] == [0, 1, 2, 3]
    assert publishers.gateway.of("one")[2]["error"] == "events are missing"


def test_a_decision_meanwhile_has_the_subscription_done_again(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    flagged = adapter.Feeds._flagged

    def decided_meanwhile(feeds: adapter.Feeds, *arguments: Any) -> list[str]:
        found = flagged(feeds, *arguments)
        client.hincrby(f"{{{HOME}}}:feed-state:orders:{ACME}", "version", 1)
        return found

    publishers.ask("one")
    monkeypatch.setattr(adapter.Feeds, "_flagged", decided_meanwhile)
    with pytest.raises(RetryableError, match="orders:acme"):
        publishers.drain()
    monkeypatch.undo()


def test_what_waits_for_a_publisher_comes_in_pieces_too(
    publishers: Publishers, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "PIECE", 3)
    publishers.subscribe("one")
    for _ in range(14):
        publishers.new_order(OTHER)
        entries = publishers.read(OTHER)
        publishers.publish(OTHER, entries)
        publishers.acknowledge(OTHER, entries)
    entries = publishers.read(HOME)
    publishers.publish(HOME, entries)
    at_once = publishers.gateway.sequences("one")

    publishers.publish(HOME, entries)  # it has ended, and may have sent nothing
    publishers.acknowledge(HOME, entries)
    again = publishers.gateway.sequences("one")
    publishers.drain()

    assert at_once == again == [1, 2, 3, 4, 5, 6]
    assert publishers.gateway.sequences("one") == list(range(1, 15))


def test_who_leaves_and_comes_back_at_once_still_counts(publishers: Publishers, client: redis.Redis) -> None:
    publishers.subscribe("one")
    publishers.ask("one", "unsubscribe")
    client.delete(f"{{{HOME}}}:answered:one")
    publishers.ask("one")
    publishers.drain()

    assert client.smembers(f"{{{HOME}}}:watched:one") == {f"orders:{ACME}"}
    assert client.hlen(f"{{{HOME}}}:feed-watchers:orders:{ACME}") == 1


def test_a_feed_keeps_its_latest_events_only(
    publishers: Publishers, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_KEPT", 100)
    publishers.subscribe("one")

    for _ in range(10):
        for _ in range(40):
            publishers.new_order()
        publishers.drain()

    assert publishers.gateway.sequences("one") == list(range(1, 401))
    assert 100 <= client.xlen(f"{{{HOME}}}:feed:orders:{ACME}") < 300  # whole nodes of a stream go
