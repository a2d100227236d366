"""watch_order through its Lambda handler, with API Gateway's WebSocket events."""

import json
from typing import Any

import pytest
import redis

from functions.watch_order.frames import USAGE
from functions.watch_order.handler import lambda_handler
from orderflow.adapters.channels import ChannelRequest
from orderflow.adapters.public import public_event
from orderflow.adapters.sockets import Message
from orderflow.adapters.subscriptions import MAX_SUBSCRIPTIONS, Added, Outcome, Subscription
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import event_of
from orderflow.errors import RetryableError
from tests.support.builders import CONNECTION_ID, ORDER_ID, encode, make_order, read_event
from tests.support.fakes.outside import Outside

pytestmark = pytest.mark.usefixtures("_event_loop")

DONE = {"statusCode": 200, "body": ""}
"""An answer that API Gateway sends nothing to the client for."""


def send(frame: str) -> dict[str, Any]:
    """Send a frame and return the function's answer."""
    answer: dict[str, Any] = lambda_handler(read_event("watch_order.default") | {"body": frame}, None)
    return answer


def frame_of(answer: dict[str, Any]) -> Any:
    """Return the frame that an answer sends to the client."""
    assert answer["statusCode"] == 200
    return json.loads(answer["body"])


def test_anyone_may_come(outside: Outside) -> None:
    assert lambda_handler(read_event("watch_order.connect"), None) == DONE


def test_a_connection_that_goes_takes_its_subscriptions_with_it(outside: Outside) -> None:
    assert lambda_handler(read_event("watch_order.disconnect"), None) == DONE
    assert outside.subscriptions.left == outside.followers.left == [CONNECTION_ID]


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), RetryableError("too many wait")])
def test_a_connection_may_go_whatever_is_unavailable(outside: Outside, error: Exception) -> None:
    outside.subscriptions.error = error

    assert lambda_handler(read_event("watch_order.disconnect"), None) == DONE


def test_an_order_id_subscribes_the_connection_that_sent_it(outside: Outside) -> None:
    outside.subscriptions.held = {ORDER_ID}

    answer = lambda_handler(read_event("watch_order.default"), None)

    assert answer == DONE
    assert outside.subscriptions.asked == [Subscription(ORDER_ID, CONNECTION_ID, "subscribe")]
    assert outside.sockets.sent == []


@pytest.mark.parametrize(
    "frame",
    [
        f" {ORDER_ID}\n",
        ORDER_ID.upper(),
        ORDER_ID.replace("-", ""),
        f'{{"action":"subscribe","order_id":"{ORDER_ID}"}}',
        f'{{"order_id":"{ORDER_ID.upper()}","action":"subscribe"}}',
        f'"{ORDER_ID}"',
        f' "{ORDER_ID.upper()}"\r\n',
        f'"\\n{ORDER_ID} "',
        f"\ufeff{ORDER_ID}",
        f'\ufeff"{ORDER_ID}"',
        f'\ufeff {{"action":"subscribe","order_id":" {ORDER_ID}\\n"}}',
    ],
)
def test_an_order_may_be_named_in_several_ways(outside: Outside, frame: str) -> None:
    outside.subscriptions.held = {ORDER_ID}

    assert send(frame) == DONE
    assert outside.subscriptions.asked == [Subscription(ORDER_ID, CONNECTION_ID, "subscribe")]


def test_unsubscribing_is_acknowledged(outside: Outside) -> None:
    outside.subscriptions.held = {ORDER_ID}

    answer = send(f'{{"action":"unsubscribe","order_id":"{ORDER_ID}"}}')

    assert frame_of(answer) == {"order_id": ORDER_ID, "unsubscribed": True}
    assert outside.subscriptions.asked == [Subscription(ORDER_ID, CONNECTION_ID, "unsubscribe")]


def test_unsubscribing_from_an_order_that_has_left_redis_is_acknowledged_too(outside: Outside) -> None:
    answer = send(f'{{"action":"unsubscribe","order_id":"{ORDER_ID}"}}')

    assert frame_of(answer) == {"order_id": ORDER_ID, "unsubscribed": True}
    assert outside.sockets.sent == []


@pytest.mark.parametrize("frame", [ORDER_ID, '{"action":"ping"}'])
def test_a_frame_that_no_authorizer_has_seen_is_a_fault_and_asks_for_nothing(outside: Outside, frame: str) -> None:
    event = read_event("watch_order.default") | {"body": frame}
    del event["requestContext"]["authorizer"]

    answer = lambda_handler(event, None)

    assert answer["statusCode"] == 500
    assert outside.subscriptions.asked == []


@pytest.mark.parametrize("frame", [ORDER_ID, '{"action":"subscribe","channel":"orders"}'])
def test_a_key_that_may_not_read_is_sent_no_status(outside: Outside, frame: str) -> None:
    outside.subscriptions.held = {ORDER_ID}
    event = read_event("watch_order.default") | {"body": frame}
    event["requestContext"]["authorizer"]["permissions"] = "trade"

    answer = lambda_handler(event, None)

    assert frame_of(answer) == {"error": "this key may not read"}
    assert outside.subscriptions.asked == []


def test_the_ledger_is_asked_for_the_accounts_own_order(outside: Outside) -> None:
    outside.ledger.histories[ORDER_ID] = [event_of(make_order(status)) for status in COURSE]
    outside.ledger.owners[ORDER_ID] = "desk-1"
    event = read_event("watch_order.default")
    event["requestContext"]["authorizer"]["account"] = "desk-1"

    others, own = send(ORDER_ID), lambda_handler(event, None)

    assert frame_of(others) == {"order_id": ORDER_ID, "error": "unknown order"}
    assert own == DONE
    assert len(outside.sockets.sent) == len(COURSE)
    assert [each.account for each in outside.subscriptions.asked] == ["local", "desk-1"]


def test_a_ping_is_answered_with_a_pong(outside: Outside) -> None:
    assert frame_of(send('{"action":"ping"}')) == {"action": "pong"}
    assert outside.subscriptions.asked == []


def test_an_order_that_nobody_knows_is_said_to_be_unknown(outside: Outside) -> None:
    assert frame_of(send(ORDER_ID)) == {"order_id": ORDER_ID, "error": "unknown order"}


@pytest.mark.parametrize(
    "text",
    ["hello", "x" * 1_000, "01a20477-0e28-7d4b-9a3f", "ä€", "0x12", ORDER_ID + "x", ORDER_ID.replace("0", "\uff10")],
)
def test_what_is_no_order_id_is_an_unknown_order_and_asked_of_nobody(outside: Outside, text: str) -> None:
    assert frame_of(send(text)) == {"order_id": text[:64], "error": "unknown order"}
    assert outside.subscriptions.asked == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "\ufeff",
        "5",
        "-1.5e3",
        "9" * 1_000,
        "true",
        "null",
        f'["{ORDER_ID}"]',
        '"5"',
        "{",
        "[]",
        '"text"',
        '{"action":"buy"}',
        '{"action":5}',
        '{"x":' * 10_000,
        "[" * 100_000,
    ],
)
def test_garbage_is_answered_with_an_error_that_says_how_to_ask(outside: Outside, text: str) -> None:
    frame = frame_of(send(text))

    assert list(frame) == ["error"]
    assert frame["error"].endswith(USAGE)
    assert outside.subscriptions.asked == []


def test_a_subscription_without_an_order_is_of_an_unknown_one(outside: Outside) -> None:
    assert frame_of(send('{"action":"subscribe"}')) == {"order_id": "", "error": "unknown order"}


def test_an_order_that_has_left_redis_is_answered_from_the_ledger_in_full(outside: Outside) -> None:
    history = [event_of(make_order(status)) for status in COURSE]
    outside.ledger.histories[ORDER_ID] = history

    answer = send(ORDER_ID)

    assert answer == DONE
    assert outside.sockets.sent == [Message(CONNECTION_ID, ORDER_ID, public_event(encode(event))) for event in history]


def test_a_client_that_left_before_its_history_came_is_no_error(outside: Outside) -> None:
    outside.ledger.histories[ORDER_ID] = [event_of(make_order())]
    outside.sockets.closed = {CONNECTION_ID}

    assert send(ORDER_ID) == DONE


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), redis.TimeoutError("slow"), OSError("reset")])
def test_when_redis_is_unavailable_the_client_is_asked_to_send_it_again(outside: Outside, error: Exception) -> None:
    outside.subscriptions.error = error

    answer = send(ORDER_ID)

    assert frame_of(answer) == {"order_id": ORDER_ID, "error": "unavailable right now; send it again"}


def test_when_the_ledger_is_unavailable_the_client_is_asked_to_send_it_again(outside: Outside) -> None:
    outside.ledger.error = RetryableError("Postgres is unavailable")

    answer = send(ORDER_ID)

    assert frame_of(answer) == {"order_id": ORDER_ID, "error": "unavailable right now; send it again"}


def test_when_the_sockets_are_unavailable_the_client_is_asked_to_send_it_again(outside: Outside) -> None:
    outside.ledger.histories[ORDER_ID] = [event_of(make_order())]
    outside.sockets.error = RetryableError("@connections can't be reached")

    answer = send(ORDER_ID)

    assert frame_of(answer) == {"order_id": ORDER_ID, "error": "unavailable right now; send it again"}


def test_a_ping_needs_neither_redis_nor_the_ledger(outside: Outside) -> None:
    outside.subscriptions.error = redis.ConnectionError("refused")
    outside.ledger.error = RetryableError("Postgres is unavailable")

    assert frame_of(send('{"action":"ping"}')) == {"action": "pong"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[1]", "not an array"),
        ("7", "not a number"),
        ("true", "not true or false"),
        ("null", "not null"),
        ('"buy"', "not another text in quotation marks"),
        ('{"action":"buy"}', "unknown action 'buy'"),
        ('{"action":"subscribe","order_id":7}', "Expected `str | null`, got `int` - at `$.order_id`"),
        ('{"order_id":"x"}', "missing required field `action`"),
    ],
)
def test_an_error_names_what_is_wrong_with_a_frame(outside: Outside, text: str, said: str) -> None:
    assert said in frame_of(send(text))["error"]


def test_a_ping_may_name_no_order_in_the_words_of_a_typed_client(outside: Outside) -> None:
    assert frame_of(send('{"action":"ping","order_id":null}')) == {"action": "pong"}


def test_a_connection_that_watches_too_many_orders_is_answered_so(outside: Outside) -> None:
    outside.subscriptions.added = Added(Outcome.TOO_MANY)

    assert frame_of(send(ORDER_ID)) == {
        "order_id": ORDER_ID,
        "error": "too many subscriptions",
        "limit": MAX_SUBSCRIPTIONS,
    }


def test_the_ledger_is_asked_for_an_order_once_a_second(outside: Outside) -> None:
    outside.ledger.histories[ORDER_ID] = [event_of(make_order())]
    send(ORDER_ID)
    outside.subscriptions.added = Added(Outcome.AGAIN, 420)

    answer = send(ORDER_ID)

    assert frame_of(answer) == {
        "order_id": ORDER_ID,
        "error": "too many requests",
        "limit": "one answer a second and order",
        "retry_after_ms": 420,
    }
    assert [asked.order_id for asked in outside.subscriptions.answered_by_ledger] == [ORDER_ID]
    assert len(outside.sockets.sent) == 1


def test_a_channel_is_asked_for_with_the_account_of_the_socket(outside: Outside) -> None:
    frame = {"action": "subscribe", "channel": "orders", "resume": 7}
    event = read_event("watch_order.default") | {"body": json.dumps(frame)}
    event["requestContext"]["authorizer"] = {"account": "acme", "permissions": "read"}

    assert lambda_handler(event, None) == DONE
    assert send('{"action":"subscribe","channel":"orders"}') == DONE
    assert outside.channels.asked == [
        ChannelRequest("orders", "acme", CONNECTION_ID, "subscribe", 7),
        ChannelRequest("orders", "local", CONNECTION_ID, "subscribe"),
    ]


def test_leaving_a_channel_is_acknowledged(outside: Outside) -> None:
    answer = send('{"action":"unsubscribe","channel":"orders"}')

    assert frame_of(answer) == {"channel": "orders", "unsubscribed": True}
    assert outside.channels.asked == [ChannelRequest("orders", "local", CONNECTION_ID, "unsubscribe")]


@pytest.mark.parametrize(
    ("added", "said"),
    [
        (Added(Outcome.TOO_MANY), {"error": "too many subscriptions", "limit": MAX_SUBSCRIPTIONS}),
        (
            Added(Outcome.AGAIN, 420),
            {"error": "too many requests", "limit": "one answer a second and channel", "retry_after_ms": 420},
        ),
    ],
)
def test_a_channel_that_is_asked_for_too_often_is_refused(outside: Outside, added: Added, said: dict[str, Any]) -> None:
    outside.channels.added = added

    assert frame_of(send('{"action":"subscribe","channel":"orders"}')) == {"channel": "orders"} | said


def test_a_channel_can_not_be_had_while_redis_is_unavailable(outside: Outside) -> None:
    outside.channels.error = redis.ConnectionError("refused")

    answer = frame_of(send('{"action":"subscribe","channel":"orders"}'))

    assert answer == {"channel": "orders", "error": "unavailable right now; send it again"}


@pytest.mark.parametrize(
    ("frame", "problem"),
    [
        ({"channel": "markets"}, "unknown channel 'markets'"),
        ({"channel": "market", "resume": 3}, "resume goes with the channel orders"),
        ({"channel": "orders", "order_id": ORDER_ID}, "either order_id or channel"),
        ({"order_id": ORDER_ID, "resume": 3}, "resume goes with the channel orders"),
        ({"channel": "orders", "resume": -1}, "Expected `int` >= 0"),
        ({"channel": "orders", "resume": 2**60}, "Expected `int` <= "),
        ({"channel": "orders", "resume": "3"}, "Expected `int | null`, got `str`"),
        ({"channel": 3}, "Expected `str`, got `int`"),
    ],
)
def test_a_frame_about_a_channel_that_can_not_be_is_answered_with_its_problem(
    outside: Outside, frame: dict[str, Any], problem: str
) -> None:
    answer = frame_of(send(json.dumps({"action": "subscribe"} | frame)))

    assert answer["error"].startswith(problem)
    assert answer["error"].endswith(USAGE)
    assert outside.channels.asked == []


def send_as(permissions: str, frame: dict[str, str]) -> dict[str, Any]:
    """Send a frame on a socket that was opened by a key with these permissions."""
    event = read_event("watch_order.default") | {"body": json.dumps(frame)}
    event["requestContext"]["authorizer"] = {"account": "acme", "permissions": permissions}
    answer: dict[str, Any] = lambda_handler(event, None)
    return answer


@pytest.mark.parametrize(("channel", "permission"), [("market", "read"), ("engine", "admin")])
def test_reports_are_followed_by_who_may_see_them(outside: Outside, channel: str, permission: str) -> None:
    assert send_as(permission, {"action": "subscribe", "channel": channel}) == DONE
    left = send_as(permission, {"action": "unsubscribe", "channel": channel})

    assert frame_of(left) == {"channel": channel, "unsubscribed": True}
    assert outside.followers.asked == [
        (channel, CONNECTION_ID, "subscribe"),
        (channel, CONNECTION_ID, "unsubscribe"),
    ]
    assert outside.channels.asked == []


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
@pytest.mark.parametrize(
    ("channel", "permissions", "refusal"),
    [
        ("market", "admin,trade", {"error": "this key may not read"}),
        ("engine", "read,trade", {"channel": "engine", "error": "this key may not see the engine"}),
    ],
)
def test_reports_are_refused_to_a_key_that_may_not_see_them(
    outside: Outside, action: str, channel: str, permissions: str, refusal: dict[str, str]
) -> None:
    assert frame_of(send_as(permissions, {"action": action, "channel": channel})) == refusal
    assert outside.followers.asked == []


def test_reports_that_too_many_follow_are_refused(outside: Outside) -> None:
    outside.followers.added = Added(Outcome.TOO_MANY)

    refusal = {"channel": "market", "error": "too many followers", "limit": 5_000}
    assert frame_of(send('{"action":"subscribe","channel":"market"}')) == refusal


def test_reports_can_not_be_had_while_redis_is_unavailable(outside: Outside) -> None:
    outside.followers.error = redis.ConnectionError("refused")

    answer = frame_of(send('{"action":"subscribe","channel":"engine"}'))

    assert answer == {"channel": "engine", "error": "unavailable right now; send it again"}


def test_who_followed_reports_may_go_while_redis_is_unavailable(outside: Outside) -> None:
    outside.followers.error = redis.ConnectionError("refused")

    assert lambda_handler(read_event("watch_order.disconnect"), None) == DONE
