"""publish_status: from the status stream, in its order, to the connections that watch."""

import json
from typing import Any

import msgspec
import pytest

from functions.publish_status.handler import lambda_handler
from orderflow.adapters.sockets import Message
from orderflow.adapters.watchers import StatusEntry
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from tests.support.builders import (
    CONNECTION_ID,
    ORDER_ID,
    OTHER_ID,
    encode,
    make_order,
    message_ids,
    nth_id,
    read_event,
    records,
    status_fields,
    watch_fields,
)
from tests.support.fakes.outside import Outside

WAY = [make_order(status) for status in COURSE]


def notice(order: Order, connection_id: str = CONNECTION_ID) -> Message:
    """Return the message with an order's last step for a connection."""
    return Message(connection_id, order.order_id, encode(event_of(order)))


def publish(*data: dict[str, str], partition: str = "p0") -> Any:
    return lambda_handler(records("status", data, partition=partition), None)


def test_a_subscriber_is_sent_the_history_so_far_then_every_event_as_it_comes(outside: Outside) -> None:
    outside.watchers.orders[ORDER_ID] = WAY[:1]

    response = lambda_handler(read_event("publish_status"), None)

    assert response == {"batchItemFailures": []}
    assert outside.sockets.sent == [notice(order) for order in WAY]


def test_an_event_that_stood_in_the_history_is_not_sent_again(outside: Outside) -> None:
    # The order is further than its events in the stream: all of them were in the history that the subscriber got.
    outside.watchers.orders[ORDER_ID] = WAY

    lambda_handler(read_event("publish_status"), None)

    assert outside.sockets.sent == [notice(order) for order in WAY]


def test_events_without_watchers_are_not_sent_anywhere(outside: Outside) -> None:
    outside.sockets.error = AssertionError("asked")

    assert publish(*(status_fields(order) for order in WAY)) == {"batchItemFailures": []}


def test_messages_go_out_in_the_order_of_the_stream_to_everyone_who_watches(outside: Outside) -> None:
    one, other = make_order(order_id=nth_id(1)), make_order(order_id=nth_id(2))
    outside.watchers.watching = {one.order_id: {"a": 0, "b": 0}, other.order_id: {"b": 0}}
    steps = [
        one,
        other,
        make_order(Status.ROUTING, order_id=one.order_id),
        make_order(Status.ROUTING, order_id=other.order_id),
    ]

    publish(*(status_fields(order) for order in steps))

    assert outside.sockets.sent == [
        notice(steps[0], "a"),
        notice(steps[0], "b"),
        notice(steps[1], "b"),
        notice(steps[2], "a"),
        notice(steps[2], "b"),
        notice(steps[3], "b"),
    ]


def test_who_unsubscribes_hears_no_more(outside: Outside) -> None:
    outside.watchers.orders[ORDER_ID] = WAY[:1]

    publish(
        watch_fields(connection_id="a"),
        watch_fields(connection_id="b"),
        watch_fields("unsubscribe", connection_id="a"),
        status_fields(WAY[1]),
    )

    assert outside.sockets.sent == [notice(WAY[0], "a"), notice(WAY[0], "b"), notice(WAY[1], "b")]


def test_for_what_comes_too_early_the_whole_history_is_sent(outside: Outside) -> None:
    outside.watchers.orders[ORDER_ID] = WAY[:3]
    outside.watchers.watching[ORDER_ID] = {CONNECTION_ID: 0}
    outside.sockets.out_of_order = [notice(WAY[2]).text]

    publish(status_fields(WAY[2]))

    assert outside.sockets.sent == [notice(order) for order in WAY[:3]]


def test_a_connection_that_is_gone_is_forgotten_and_the_others_are_served(outside: Outside) -> None:
    outside.watchers.watching[ORDER_ID] = {"gone": 0, "here": 0}
    outside.sockets.closed = {"gone"}

    response = publish(status_fields(WAY[0]), status_fields(WAY[1]))

    assert response == {"batchItemFailures": []}
    assert outside.sockets.sent == [notice(WAY[0], "here"), notice(WAY[1], "here")]
    assert outside.watchers.watching[ORDER_ID] == {"here": 0}


def test_a_gone_connection_is_forgotten_for_the_order_at_hand_in_its_partition(outside: Outside) -> None:
    outside.watchers.watching = {ORDER_ID: {"gone": 0}, OTHER_ID: {"gone": 0}}
    outside.sockets.closed = {"gone"}

    publish(status_fields(WAY[0]), partition="p2")

    assert outside.watchers.watching == {ORDER_ID: {}, OTHER_ID: {"gone": 0}}
    assert outside.watchers.partitions == ["p2", "p2"]


def test_when_the_connections_can_not_be_reached_the_batch_is_asked_to_wait(outside: Outside) -> None:
    outside.watchers.watching[ORDER_ID] = {CONNECTION_ID: 0}
    outside.sockets.error = RetryableError("@connections can't be reached")

    with pytest.raises(RetryableError, match="@connections"):
        publish(status_fields(WAY[0]))

    assert outside.watchers.watching[ORDER_ID] == {CONNECTION_ID: 0}


@pytest.mark.parametrize("poison", [{}, {"event": "{}"}, {"order_id": ORDER_ID, "sequence": "one", "event": "{}"}])
def test_a_poisoned_record_is_reported_alone_while_the_others_go_out(outside: Outside, poison: dict[str, str]) -> None:
    outside.watchers.watching[ORDER_ID] = {CONNECTION_ID: 0}
    event = records("status", [status_fields(WAY[0]), poison, status_fields(WAY[1])])

    response = lambda_handler(event, None)

    (failure,) = response["batchItemFailures"]
    assert failure["itemIdentifier"] == event["Records"][1]["messageId"]
    assert failure["error"].startswith("ValidationError: ")
    assert outside.sockets.sent == [notice(WAY[0]), notice(WAY[1])]


def test_a_batch_without_records_sends_nothing(outside: Outside) -> None:
    assert publish() == {"batchItemFailures": []}
    assert outside.watchers.partitions == []


def test_a_subscription_that_had_to_wait_comes_whole_in_one_field(outside: Outside) -> None:
    outside.watchers.orders[ORDER_ID] = WAY[:2]
    waited = {"order": json.dumps(watch_fields())}

    assert publish(waited) == {"batchItemFailures": []}
    assert outside.sockets.sent == [notice(WAY[0]), notice(WAY[1])]


def feed_fields(action: str, **fields: str) -> dict[str, str]:
    """Return the fields of an entry about a feed."""
    return {"order_id": "orders:acme", "action": action} | fields


def test_events_of_accounts_that_somebody_follows_go_into_their_feeds_first(outside: Outside) -> None:
    outside.watchers.followed = {"acme"}
    outside.watchers.watching[ORDER_ID] = {CONNECTION_ID: 0}
    outside.sockets.error = RetryableError("@connections can't be reached")
    event = status_fields(WAY[0])

    with pytest.raises(RetryableError):
        publish(event | {"account": "acme"}, event | {"account": "other"}, event)

    assert [step for _, step in outside.feeds.appended["acme"]] == [event["event"]]


def test_entries_about_feeds_are_processed_apart_from_those_about_orders(outside: Outside) -> None:
    outside.watchers.watching[ORDER_ID] = {CONNECTION_ID: 0}
    waited = {"order": json.dumps(feed_fields("more", connection_id="b", subscription="1-0", after="200"))}

    response = publish(
        feed_fields("subscribe", connection_id="a", resume=""),
        status_fields(WAY[0]),
        waited,
        feed_fields("feed", first="1", last="9"),
    )

    assert response == {"batchItemFailures": []}
    of_feed = [message for message in outside.sockets.sent if message.order_id == "orders:acme"]
    assert [(message.connection_id, message.text) for message in of_feed] == [
        ("a", "subscribe"),
        ("b", "more"),
        ("", "feed"),
    ]
    assert notice(WAY[0]) in outside.sockets.sent


def test_what_a_connection_lacks_of_a_feed_is_sent_from_what_is_kept(outside: Outside) -> None:
    outside.sockets.out_of_order = ["subscribe"]
    outside.feeds.kept = [Message("a", "orders:acme", "kept", 1, "1-0")]

    publish(feed_fields("subscribe", connection_id="a"))

    assert outside.sockets.sent == outside.feeds.kept
    assert outside.feeds.ended == []


def test_a_connection_that_is_gone_is_forgotten_by_the_feed(outside: Outside) -> None:
    outside.sockets.closed = {"a"}
    outside.watchers.watching[ORDER_ID] = {"a": 0}

    publish(feed_fields("subscribe", connection_id="a"), status_fields(WAY[0]))

    assert [message.connection_id for message in outside.feeds.forgotten] == ["a"]
    assert outside.watchers.watching[ORDER_ID] == {}


def test_code_of_the_version_before_finds_nothing_to_do_in_an_entry_about_a_feed() -> None:
    entry = msgspec.convert(feed_fields("feed", first="1", last="9"), StatusEntry, strict=False)

    assert (entry.order_id, entry.action, entry.event) == ("orders:acme", "feed", "")


@pytest.mark.parametrize("wanted", [True, False])
def test_what_the_engine_does_is_counted_while_somebody_follows_it(wanted: bool, outside: Outside) -> None:
    outside.tallies.wanted = wanted

    publish(*(status_fields(order) for order in WAY), watch_fields())

    [second] = {int(message_id.partition("-")[0]) // 1000 for message_id in message_ids(records("status", [{}]))}
    assert {at: (each.placed, each.ended) for at, each in outside.tallies.by_second.items()} == (
        {second: (1, 1)} if wanted else {}
    )


def test_what_could_not_be_published_is_not_counted_yet(outside: Outside) -> None:
    outside.tallies.wanted = True
    outside.watchers.error = RetryableError("not now")

    with pytest.raises(RetryableError):
        publish(*(status_fields(order) for order in WAY))

    assert outside.tallies.by_second == {}
