"""How many sockets an account may have open, through watch_order's Lambda handler."""

import json
from typing import Any

import pytest
import redis

from functions.watch_order.handler import lambda_handler
from orderflow.adapters.account_sockets import AccountSocket
from orderflow.domain.access import Caller, Limits
from orderflow.errors import RetryableError
from orderflow.runtime.access import context_of
from tests.support.builders import read_event
from tests.support.fakes.outside import Outside

pytestmark = pytest.mark.usefixtures("_event_loop")

MOST = 2


@pytest.fixture(autouse=True)
def _looked_at_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    from functions.watch_order import account_limit
    from orderflow.runtime.lately import Lately

    monkeypatch.setattr(account_limit, "_lately", Lately(account_limit.LOOK_EVERY_S, 100))


def happen(name: str, connection_id: str, account: str = "alice") -> dict[str, Any]:
    """Let a socket of an account open or close and return the function's answer."""
    event = read_event(f"watch_order.{name}")
    caller = Caller(account, frozenset({"read"}), f"key-of-{account}", Limits(sockets=MOST))
    event["requestContext"] |= {"connectionId": connection_id, "authorizer": context_of(caller)}
    answer: dict[str, Any] = lambda_handler(event, None)
    return answer


def statuses(*connections: str) -> list[int]:
    return [happen("connect", connection)["statusCode"] for connection in connections]


def test_an_account_opens_so_many_sockets_and_one_more_when_one_is_closed(outside: Outside) -> None:
    assert statuses("a", "b", "c") == [200, 200, 429]

    happen("disconnect", "a")

    assert statuses("d", "e") == [200, 429]
    assert happen("connect", "f", "bob")["statusCode"] == 200


def test_one_socket_too_many_is_answered_with_the_limit(outside: Outside) -> None:
    statuses("a", "b")

    answer = happen("connect", "c")

    assert answer["headers"]["content-type"] == "application/problem+json"
    assert json.loads(answer["body"]) | {"type": ""} == {
        "type": "",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "the account alice has as many sockets open as it may have; close one",
        "limit": "sockets",
    }


def test_sockets_that_no_gateway_has_are_counted_no_longer(outside: Outside) -> None:
    statuses("a", "b")
    outside.sockets.closed = {"a", "b"}  # their gateway was killed

    assert statuses("c", "d") == [200, 200]
    assert outside.account_sockets.open["alice"] == [AccountSocket("alice", "key-of-alice", name) for name in "cd"]


def test_sockets_are_looked_at_once_a_second_however_many_are_refused(outside: Outside) -> None:
    statuses("a", "b")

    assert statuses("c", "d", "e") == [429] * 3
    assert outside.sockets.looked_at == ["a", "b"]


@pytest.mark.parametrize("error", [redis.ConnectionError("refused"), RetryableError("too many wait")])
def test_a_socket_opens_while_nobody_can_count(outside: Outside, error: Exception) -> None:
    outside.account_sockets.error = error

    assert statuses("a", "b", "c") == [200] * 3
    assert happen("disconnect", "a")["statusCode"] == 200


def test_a_socket_opens_while_the_gateway_can_not_be_asked_for_others(outside: Outside) -> None:
    statuses("a", "b")
    outside.sockets.error = RetryableError("@connections can't be reached")

    assert statuses("c") == [200]


def test_without_keys_nobody_counts(outside: Outside) -> None:
    assert lambda_handler(read_event("watch_order.connect"), None)["statusCode"] == 200
    assert outside.account_sockets.open == {}
