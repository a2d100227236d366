"""What a socket may ask for, on a real Redis: each order once a second, so many orders, nothing once it is closed."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import pytest
import redis

from orderflow.adapters import subscriptions as adapter
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.sockets import Message
from orderflow.adapters.streams import Streams
from orderflow.adapters.subscriptions import Added, Outcome, Subscription, Subscriptions
from orderflow.adapters.watchers import StatusEntry, Watchers
from orderflow.domain.order import Order
from tests.support import turns
from tests.support.order_steps import NOW_MS, pending
from tests.support.redis_servers import RedisServer, entries_of, on_single_and_cluster, opened_async
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster

Result = TypeVar("Result")
PARTITIONS = 2
ASKED = Added(Outcome.ASKED)


@pytest.fixture
def orders(client: redis.Redis) -> Orders:
    return Orders(client, PARTITIONS)


def ask(server: RedisServer, work: Callable[[Subscriptions], Awaitable[Result]]) -> Result:
    async def run() -> Result:
        async with opened_async(server) as client:
            return await work(Subscriptions(client, PARTITIONS))

    return asyncio.run(run())


def add(server: RedisServer, *asked: Subscription) -> list[Added]:
    async def add_all(subscriptions: Subscriptions) -> list[Added]:
        return [await subscriptions.add(each) for each in asked]

    return ask(server, add_all)


def make(orders: Orders, count: int = 1, partition: str = "") -> list[Order]:
    """Create orders, of a partition if one is given."""
    made: list[Order] = []
    while len(made) < count:
        order = pending()
        if not partition or partition_of(order.order_id, PARTITIONS) == partition:
            made.append(order)
    orders.apply([Transition(order) for order in made])
    return made


def subscribed(order: Order, connection: str = "c=", action: str = "subscribe") -> Subscription:
    return Subscription(order.order_id, connection, action)


def where(order: Order, name: str) -> str:
    return key(partition_of(order.order_id, PARTITIONS), name)


def actions(client: redis.Redis, order: Order) -> list[str]:
    """Return what was asked for an order in its status stream, whether in the message's own fields or in one."""
    found = []
    for _, fields in entries_of(client, where(order, "status")):
        text = fields.get("action") or ("subscribe" if '"action":"subscribe"' in fields.get("order", "") else "")
        if text and order.order_id in (fields.get("order_id") or fields["order"]):
            found.append(text)
    return found


def promote(client: redis.Redis, order: Order) -> None:
    """Do what is due, as the timers of the order's partition would."""
    turns.promote(Streams(client, partition_of(order.order_id, PARTITIONS)), ["route", "status"])


def end(orders: Orders, client: redis.Redis, watchers: Watchers, ended: Sequence[Order]) -> None:
    """Take orders to their end, and have it published."""
    failed = [order.fail("no reason", NOW_MS) for order in ended]
    orders.apply([Transition(order) for order in failed])
    for order in failed:
        publish(client, watchers, order)


def publish(client: redis.Redis, watchers: Watchers, order: Order) -> None:
    """Have publish_status' side work through an order's entries."""
    partition = partition_of(order.order_id, PARTITIONS)
    entries = [
        StatusEntry(
            fields["order_id"],
            int(fields.get("sequence", 0)),
            fields.get("event", ""),
            fields.get("connection_id", ""),
            fields.get("action", "event"),
            entry_id,
            fields.get("status", ""),
        )
        for entry_id, fields in entries_of(client, where(order, "status"))
        if fields.get("order_id") == order.order_id
    ]
    watchers.messages(partition, entries)


def expire(client: redis.Redis, order: Order) -> None:
    """Have all that is kept of an order reach its end of life."""
    for name in ("order", "watchers", "left"):
        place = where(order, f"{name}:{order.order_id}")
        assert client.pttl(place) != -1
        client.delete(place)


def promoted_all(client: redis.Redis, order: Order) -> bool:
    promote(client, order)
    return client.zcard(where(order, "timers")) == 0


# --------------------------------------------------------------------------------------------- once a second


def test_an_order_that_is_asked_for_again_and_again_is_answered_at_once_and_once_more_a_second_later(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)

    outcomes = add(redis_server, *[subscribed(order)] * 20)

    assert {outcome.outcome for outcome in outcomes} == {Outcome.ASKED}
    assert actions(client, order) == ["subscribe"]
    promote(client, order)
    assert actions(client, order) == ["subscribe"]
    assert client.zcard(where(order, "timers")) == 1

    started = time.monotonic()
    eventually(lambda: promoted_all(client, order))
    assert actions(client, order) == ["subscribe"] * 2
    assert time.monotonic() - started < 3


def test_what_is_asked_for_in_that_second_waits_a_second_from_the_answer_that_is_due(
    redis_server: RedisServer, client: redis.Redis, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "ANSWER_GAP_MS", 60_000)
    (order,) = make(orders)
    add(redis_server, subscribed(order), subscribed(order), subscribed(order))

    ((_, due),) = cast("list[tuple[str, float]]", client.zrange(where(order, "timers"), 0, -1, withscores=True))
    seconds, microseconds = client.time()

    assert 50_000 < due - (seconds * 1000 + microseconds / 1000) <= 60_000


def test_each_order_and_each_connection_has_its_own_second(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    one, other = make(orders, 2)

    add(redis_server, subscribed(one), subscribed(other), subscribed(one, "another="), subscribed(other, "another="))

    assert actions(client, one) == actions(client, other) == ["subscribe"] * 2


def test_a_client_that_unsubscribes_is_not_answered_later(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)

    add(redis_server, subscribed(order), subscribed(order), subscribed(order, action="unsubscribe"))

    assert client.zcard(where(order, "timers")) == 0
    assert actions(client, order) == ["subscribe", "unsubscribe"]


def test_to_unsubscribe_in_between_does_not_bring_more_answers(
    redis_server: RedisServer, client: redis.Redis, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "ANSWER_GAP_MS", 60_000)  # a busy machine may take more than a second here
    (order,) = make(orders)

    add(redis_server, *[subscribed(order), subscribed(order, action="unsubscribe")] * 10)
    add(redis_server, subscribed(order))

    assert actions(client, order).count("subscribe") == 1
    assert client.zcard(where(order, "timers")) == 1


def test_an_order_of_which_the_ledger_has_just_answered_is_not_asked_of_it_again(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    order = pending()

    async def ask_twice(subscriptions: Subscriptions) -> tuple[Added, Added]:
        first = await subscriptions.add(subscribed(order))
        await subscriptions.answered(subscribed(order))
        return first, await subscriptions.add(subscribed(order))

    first, second = ask(redis_server, ask_twice)

    assert first == Added(Outcome.NOT_HERE)
    assert second.outcome is Outcome.AGAIN
    assert 0 < second.retry_after_ms <= adapter.ANSWER_GAP_MS
    assert all(0 < client.pttl(name) <= 3_000 for name in client.scan_iter("*answered*"))


def test_an_order_that_nobody_knows_is_unknown_as_often_as_it_is_asked_for(
    redis_server: RedisServer, client: redis.Redis
) -> None:
    order = pending()

    assert add(redis_server, *[subscribed(order)] * 3) == [Added(Outcome.NOT_HERE)] * 3
    assert list(client.scan_iter("*c=*")) == []


# ------------------------------------------------------------------------------------------ so many orders


def test_a_connection_watches_so_many_orders_over_all_partitions(
    redis_server: RedisServer, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_SUBSCRIPTIONS", 10)
    made = make(orders, 7, "p0") + make(orders, 4, "p1")

    outcomes = add(redis_server, *(subscribed(order) for order in made))
    of_another = add(redis_server, subscribed(made[-1], "another="))

    assert outcomes == [ASKED] * 10 + [Added(Outcome.TOO_MANY)]
    assert of_another == [ASKED]


def test_an_order_that_is_watched_already_counts_once_and_one_no_longer_watched_not_at_all(
    redis_server: RedisServer, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_SUBSCRIPTIONS", 2)
    first, second, third = make(orders, 3)

    outcomes = add(
        redis_server,
        *(subscribed(order) for order in (first, second, first, second, third)),
        subscribed(first, action="unsubscribe"),
        subscribed(third),
    )

    assert [added.outcome for added in outcomes[:4]] == [Outcome.ASKED] * 4
    assert outcomes[4].outcome is Outcome.TOO_MANY
    assert outcomes[6].outcome is Outcome.ASKED


@pytest.mark.parametrize("ended_partition", ["p0", "p1"])
def test_orders_that_have_ended_count_no_longer_in_whichever_partition(
    redis_server: RedisServer,
    client: redis.Redis,
    orders: Orders,
    monkeypatch: pytest.MonkeyPatch,
    ended_partition: str,
) -> None:
    monkeypatch.setattr(adapter, "MAX_SUBSCRIPTIONS", 4)
    watchers = Watchers(client)
    ended, others = make(orders, 2, ended_partition), make(orders, 2, "p0")
    (last,) = make(orders, 1, "p0")

    async def work(subscriptions: Subscriptions) -> tuple[Added, Added]:
        for order in (*ended, *others):
            await subscriptions.add(subscribed(order))
        before = await subscriptions.add(subscribed(last))
        end(orders, client, watchers, ended)
        return before, await subscriptions.add(subscribed(last))

    before, after = ask(redis_server, work)

    assert before == Added(Outcome.TOO_MANY)
    assert after == ASKED


def test_an_order_that_has_ended_already_does_not_count(
    redis_server: RedisServer, client: redis.Redis, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adapter, "MAX_SUBSCRIPTIONS", 1)
    watchers = Watchers(client)
    ended = make(orders, 3)
    end(orders, client, watchers, ended)
    (under_way,) = make(orders)

    outcomes = add(redis_server, *(subscribed(order) for order in (*ended, under_way)))

    assert outcomes == [ASKED] * 4


def test_an_order_that_ends_while_its_subscription_is_on_its_way_does_not_count(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)
    add(redis_server, subscribed(order))
    orders.apply([Transition(order.fail("no reason", NOW_MS))])

    publish(client, Watchers(client), order)

    assert list(client.scan_iter("*:watched:*")) == []


# ------------------------------------------------------------------------------------------------- the end


def test_a_connection_that_is_closed_watches_nothing_any_more(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    watchers = Watchers(client)
    made = make(orders, 2, "p0") + make(orders, 2, "p1")

    async def come_and_go(subscriptions: Subscriptions) -> None:
        for order in made:
            await subscriptions.add(subscribed(order))
            await subscriptions.add(subscribed(order, "stays="))
        await subscriptions.leave("c=")

    ask(redis_server, come_and_go)
    for order in made:
        publish(client, watchers, order)

    for order in made:
        assert set(client.hgetall(where(order, f"watchers:{order.order_id}"))) == {"stays="}
    assert list(client.scan_iter("*watched:c=")) == list(client.scan_iter("*answered:c=")) == []


def test_what_a_connection_watches_is_not_kept_for_ever(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)

    add(redis_server, subscribed(order))

    assert 0 < client.pttl(where(order, "watched:c=")) <= adapter.KEEP_MS


def test_a_connection_that_never_asked_leaves_no_trace(redis_server: RedisServer, client: redis.Redis) -> None:
    before = set(client.scan_iter())

    ask(redis_server, lambda subscriptions: subscriptions.leave("c="))

    assert set(client.scan_iter()) == before


def test_who_watches_an_order_is_kept_as_long_as_the_order(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    watchers = Watchers(client)
    (early,), (late,) = make(orders), make(orders)
    add(redis_server, subscribed(early), subscribed(early, "leaves="), subscribed(early, "leaves=", "unsubscribe"))
    publish(client, watchers, early)

    orders.expire_after_recording([early.order_id, late.order_id])
    add(redis_server, subscribed(late))
    publish(client, watchers, late)

    for order, names in ((early, ("watchers", "left")), (late, ("watchers",))):
        life = client.pttl(order_key(partition_of(order.order_id, PARTITIONS), order.order_id))
        for name in names:
            assert 0 < client.pttl(where(order, f"{name}:{order.order_id}")) <= life


# ----------------------------------------------------------------- nothing that has ended counts, whatever went wrong


def test_an_order_whose_last_status_is_published_after_it_has_left_does_not_count(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    watchers = Watchers(client)
    (order,) = make(orders)
    add(redis_server, subscribed(order))
    publish(client, watchers, order)
    assert list(client.scan_iter("*:watched:*")) == [where(order, "watched:c=")]

    orders.apply([Transition(order.fail("no reason", NOW_MS))])
    orders.expire_after_recording([order.order_id])
    expire(client, order)
    publish(client, watchers, order)  # from the dead letters

    assert list(client.scan_iter("*:watched:*")) == []


def test_an_order_that_is_let_go_does_not_count_although_its_last_status_is_never_published(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)
    add(redis_server, subscribed(order))
    publish(client, Watchers(client), order)

    orders.expire_after_recording([order.order_id])

    assert client.exists(where(order, "watched:c=")) == 0


def test_an_order_that_has_left_before_its_subscription_is_read_does_not_count(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)
    add(redis_server, subscribed(order))
    orders.apply([Transition(order.fail("no reason", NOW_MS))])
    orders.expire_after_recording([order.order_id])
    expire(client, order)

    publish(client, Watchers(client), order)

    assert list(client.scan_iter("*:watched:*")) == []


def test_a_connection_that_is_gone_without_a_word_watches_nothing_any_more(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    watchers = Watchers(client)
    first, second = make(orders, 2, "p0")
    add(redis_server, subscribed(first), subscribed(second), subscribed(first, "stays="))
    for order in (first, second):
        publish(client, watchers, order)

    watchers.forget("p0", [Message("c=", first.order_id, "")])

    assert client.smembers(where(first, "watched:c=")) == {second.order_id}
    assert client.smembers(where(first, "watched:stays=")) == {first.order_id}


def test_who_unsubscribes_and_subscribes_again_at_once_still_counts(
    redis_server: RedisServer, client: redis.Redis, orders: Orders
) -> None:
    (order,) = make(orders)
    add(redis_server, subscribed(order), subscribed(order, action="unsubscribe"), subscribed(order))

    publish(client, Watchers(client), order)

    assert client.smembers(where(order, "watched:c=")) == {order.order_id}
