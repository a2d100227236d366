"""Who is sent what, on a real Redis: every status once and in order, however a subscription and the events race."""

import json
from itertools import count

import msgspec
import pytest
import redis

from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.sockets import Message
from orderflow.adapters.watchers import StatusEntry, Watchers
from orderflow.domain.order import Order, step_of
from tests.support.builders import encode
from tests.support.order_steps import NOW_MS, a_request, pending, routed
from tests.support.redis_servers import P0, on_single_and_cluster

pytestmark = on_single_and_cluster


@pytest.fixture
def watchers(client: redis.Redis) -> Watchers:
    return Watchers(client)


def event(order: Order) -> StatusEntry:
    return StatusEntry(order.order_id, order.sequence, encode(step_of(order)))


_entry_ids = (f"1763835240000-{number}" for number in count())


def subscription(order: Order, connection_id: str = "one", action: str = "subscribe") -> StatusEntry:
    return StatusEntry(order.order_id, connection_id=connection_id, action=action, entry_id=next(_entry_ids))


def sequences(messages: list[Message], connection_id: str = "one") -> list[int]:
    return [
        int(message.text.split('"sequence":')[1].split(",")[0])
        for message in messages
        if message.connection_id == connection_id
    ]


@pytest.mark.parametrize("place", [0, 1, 2, 3])
@pytest.mark.parametrize("taken_by_then", [1, 2, 3])
def test_a_subscriber_gets_every_event_once_wherever_it_stands_in_the_stream(
    orders: Orders, watchers: Watchers, place: int, taken_by_then: int
) -> None:
    order = pending()
    steps = [order, routed(order), routed(order).fail("no reason", NOW_MS)]
    orders.apply([Transition(taken) for taken in steps[:taken_by_then]])
    entries = [event(taken) for taken in steps]
    entries.insert(place, subscription(order))
    # The stream can't hold an event before the step was taken.
    split = min(place, taken_by_then) + 1

    messages = watchers.messages(P0, entries[:split])
    orders.apply([Transition(taken) for taken in steps[taken_by_then:]])
    messages += watchers.messages(P0, entries[split:])

    assert sequences(messages) == [1, 2, 3]


def test_atoms_are_strings_in_every_frame_live_repeated_and_made_good(orders: Orders, watchers: Watchers) -> None:
    order = pending(request=a_request(amount_in=10_000_000_000_000_001))
    steps = [order, routed(order), routed(order).build(("swap",), 150, NOW_MS, NOW_MS)]
    orders.apply([Transition(steps[0])])
    live = watchers.messages(P0, [subscription(order)])
    for step in steps[1:]:
        orders.apply([Transition(step)])
        live += watchers.messages(P0, [event(step)])

    again = watchers.messages(P0, [subscription(order, "two")])
    made_good = watchers.everything(P0, live[-1:])

    assert len(live) == len(again) == len(made_good) == 3
    for messages in (live, again, made_good):
        _, routing, building = (json.loads(message.text) for message in messages)
        assert routing["route"]["amount_in"] == "10000000000000001"
        assert {type(leg["amount_out"]) for leg in routing["route"]["legs"]} == {str}
        assert building["minimum_out"] == str(steps[2].built_transaction.minimum_out)


def test_a_repeated_subscription_is_sent_everything_again(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order), Transition(routed(order))])

    messages = watchers.messages(P0, [event(order), event(routed(order)), subscription(order), subscription(order)])

    assert sequences(messages) == [1, 2, 1, 2]


def test_many_watch_one_order(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    watchers.messages(P0, [subscription(order, f"c{number}=") for number in range(20)])

    messages = watchers.messages(P0, [event(routed(order))])

    assert [message.connection_id for message in messages] == [f"c{number}=" for number in range(20)]


def test_a_client_that_unsubscribes_or_is_gone_hears_no_more(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    watchers.messages(P0, [subscription(order, name) for name in ("stays", "leaves", "breaks")])

    watchers.messages(P0, [subscription(order, "leaves", "unsubscribe")])
    watchers.forget(P0, [Message("breaks", order.order_id, "")])
    messages = watchers.messages(P0, [event(routed(order))])

    assert [message.connection_id for message in messages] == ["stays"]


def test_an_order_that_has_left_is_not_brought_back_by_a_subscription(client: redis.Redis, watchers: Watchers) -> None:
    messages = watchers.messages(P0, [subscription(pending())])

    assert messages == []
    assert list(client.scan_iter()) == []


def test_a_subscription_that_is_read_again_is_answered_as_the_first_time(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    subscribed = subscription(order)
    first = watchers.messages(P0, [subscribed])
    orders.apply([Transition(routed(order))])

    again = watchers.messages(P0, [subscribed])

    assert again == first
    assert sequences(watchers.messages(P0, [event(order), event(routed(order))])) == [2]


def test_what_a_late_owner_reads_again_does_not_undo_what_came_after(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    came, went = subscription(order), subscription(order, action="unsubscribe")
    came_back = subscription(order)
    watchers.messages(P0, [came, went, came_back])

    late = watchers.messages(P0, [came, went])

    assert late == []
    assert sequences(watchers.messages(P0, [event(routed(order))])) == [2]


def test_a_subscription_that_is_read_again_after_its_end_stays_ended(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    came, went = subscription(order), subscription(order, action="unsubscribe")
    watchers.messages(P0, [came, went])

    assert watchers.messages(P0, [came]) == []
    assert watchers.messages(P0, [event(routed(order))]) == []


def test_a_message_knows_its_place_and_by_what_it_was_asked_for(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    subscribed = subscription(order)

    messages = watchers.messages(P0, [subscribed])
    orders.apply([Transition(routed(order))])
    messages += watchers.messages(P0, [event(routed(order))])

    assert [(message.sequence, message.subscription) for message in messages] == [
        (1, subscribed.entry_id),
        (2, subscribed.entry_id),
    ]


def test_subscriptions_that_are_read_out_of_turn_all_count(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order)])
    first, second = subscription(order, "one"), subscription(order, "other")
    watchers.messages(P0, [second])  # by another owner, that was quicker

    watchers.messages(P0, [first])

    heard = watchers.messages(P0, [event(routed(order))])
    assert {message.connection_id for message in heard} == {"one", "other"}


def test_everything_is_what_an_order_has_gone_through(orders: Orders, watchers: Watchers) -> None:
    order = pending()
    orders.apply([Transition(order), Transition(routed(order))])
    early = [Message("one", order.order_id, "", 2, "5-0"), Message("one", order.order_id, "", 3, "5-0")]

    messages = watchers.everything(P0, early)

    assert sequences(messages) == [1, 2]
    assert {(message.connection_id, message.subscription) for message in messages} == {("one", "5-0")}
    assert watchers.everything(P0, [Message("one", pending().order_id, "", 2, "5-0")]) == []


def test_so_many_watch_an_order_and_any_more_are_answered_so(orders: Orders, client: redis.Redis) -> None:
    watchers = Watchers(client, max_watchers=3)
    order = pending()
    orders.apply([Transition(order)])
    watchers.messages(P0, [subscription(order, name) for name in ("a", "b", "c")])

    (refused,) = watchers.messages(P0, [subscription(order, "d")])
    again = watchers.messages(P0, [subscription(order, "a")])
    sent = watchers.messages(P0, [event(routed(order))])
    watchers.messages(P0, [subscription(order, "b", "unsubscribe")])
    room = watchers.messages(P0, [subscription(order, "d")])

    assert json.loads(refused.text) == {"order_id": order.order_id, "error": "too many watchers", "limit": 3}
    assert (refused.connection_id, refused.sequence, refused.subscription) == ("d", 0, "")
    assert sequences(again, "a") == sequences(room, "d") == [1]
    assert {message.connection_id for message in sent} == {"a", "b", "c"}


def test_an_order_without_room_for_a_connection_does_not_count_among_those_that_it_watches(
    orders: Orders, client: redis.Redis
) -> None:
    watchers = Watchers(client, max_watchers=1)
    order = pending()
    orders.apply([Transition(order)])
    watchers.messages(P0, [subscription(order, "a")])
    for name in ("refused", "late"):
        client.sadd(f"{{p0}}:watched:{name}", order.order_id)

    watchers.messages(P0, [subscription(order, "refused")])
    orders.apply([Transition(order.fail("no reason", NOW_MS))])
    watchers.messages(P0, [subscription(order, "late")])

    assert client.exists("{p0}:watched:refused", "{p0}:watched:late") == 0


def test_an_order_that_ends_does_not_count_any_more_among_those_that_its_watchers_watch(
    orders: Orders, watchers: Watchers, client: redis.Redis
) -> None:
    order = pending()
    failed = order.fail("no reason", NOW_MS)
    orders.apply([Transition(order)])
    watchers.messages(P0, [subscription(order, name) for name in ("a", "b")])
    for name in ("a", "b"):
        client.sadd(f"{{p0}}:watched:{name}", order.order_id, "another")

    orders.apply([Transition(failed)])
    watchers.messages(P0, [msgspec.structs.replace(event(failed), status="failed")])

    assert client.smembers("{p0}:watched:a") == client.smembers("{p0}:watched:b") == {"another"}


def test_an_order_that_has_ended_is_shown_to_as_many_as_ask(orders: Orders, client: redis.Redis) -> None:
    watchers = Watchers(client, max_watchers=1)
    order = pending()
    orders.apply([Transition(order), Transition(order.fail("no reason", NOW_MS))])

    messages = watchers.messages(P0, [subscription(order, name) for name in ("a", "b", "c")])

    assert [message.connection_id for message in messages] == ["a", "a", "b", "b", "c", "c"]
    assert sequences(messages, "c") == [1, 2]


def test_a_connection_that_is_gone_is_not_brought_back_by_what_is_read_again(
    orders: Orders, watchers: Watchers
) -> None:
    order = pending()
    orders.apply([Transition(order)])
    came = subscription(order)
    watchers.messages(P0, [came])
    watchers.forget(P0, [Message("one", order.order_id, "")])

    assert watchers.messages(P0, [came, event(routed(order))]) == []


def test_those_who_left_an_order_are_remembered_within_bounds(
    orders: Orders, watchers: Watchers, client: redis.Redis
) -> None:
    order = pending()
    orders.apply([Transition(order)])
    most = 0
    for _ in range(25):
        names = [f"c{next(_entry_ids)}" for _ in range(100)]
        watchers.messages(
            P0, [subscription(order, name, action) for name in names for action in ("subscribe", "unsubscribe")]
        )
        most = max(most, client.hlen(f"{{p0}}:left:{order.order_id}"))

    assert most <= 1_000
    assert client.exists(f"{{p0}}:watchers:{order.order_id}") == 0
    assert client.hgetall(f"{{p0}}:order:{order.order_id}").keys() == {"sequence", "status", "step:1"}
