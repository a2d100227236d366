"""What a socket may send to the local gateway: frames of a size, so many a second, and text."""

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.gateway import frame_rate_limit
from local.gateway.app import gateway_app
from orderflow.adapters.subscriptions import MAX_SUBSCRIPTIONS
from tests.support.builders import nth_id
from tests.support.fakes.outside import Outside
from tests.support.served import served
from tests.support.waiting import eventually

TIMEOUT_S = 20
PING = '{"action":"ping"}'
PONG = {"action": "pong"}


@pytest.fixture
def client(outside: Outside) -> Iterator[ClientConnection]:
    with (
        served(gateway_app(10, 10)) as gateway,
        connect(f"ws://{gateway.address}/api/orders/status") as client,
    ):
        yield client


def receive(client: ClientConnection) -> Any:
    return json.loads(client.recv(TIMEOUT_S))


def closed_with(client: ClientConnection) -> int:
    """Read to the end of a socket, and return the code with which the gateway closed it."""
    with suppress(ConnectionClosed):
        while True:
            client.recv(TIMEOUT_S)
    assert client.close_code is not None
    return client.close_code


def test_as_many_subscriptions_as_a_socket_may_have_can_be_sent_at_once(
    outside: Outside, client: ClientConnection
) -> None:
    ids = [nth_id(number) for number in range(MAX_SUBSCRIPTIONS)]
    outside.subscriptions.held = set(ids)

    for order_id in ids:
        client.send(order_id)
    client.send(PING)

    assert receive(client) == PONG  # and no refusal before it
    assert [asked.order_id for asked in outside.subscriptions.asked] == ids


def test_a_frame_too_many_is_refused_in_a_frame_and_later_ones_pass(
    client: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_rate_limit, "BURST", 3)

    for _ in range(4):
        client.send(PING)
    answers = [receive(client) for _ in range(4)]
    eventually(lambda: ping(client) == PONG)

    assert answers[:3] == [PONG] * 3
    assert answers[3]["error"] == "too many requests"
    assert answers[3]["limit"] == "50 frames a second"
    assert 0 < answers[3]["retry_after_ms"] <= 21


def ping(client: ClientConnection) -> Any:
    client.send(PING)
    return receive(client)


def test_a_client_that_does_not_mind_refusals_is_closed_and_served_no_more(
    outside: Outside, client: ClientConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frame_rate_limit, "BURST", 1)
    monkeypatch.setattr(frame_rate_limit, "FRAMES_PER_S", 0.001)

    for number in range(frame_rate_limit.MAX_REFUSALS + 50):
        client.send(nth_id(number))

    assert closed_with(client) == 1008
    assert len(outside.subscriptions.asked) == 1
    eventually(lambda: len(outside.subscriptions.left) == 1)


def test_a_binary_frame_closes_the_socket_as_on_api_gateway(client: ClientConnection) -> None:
    client.send(b"\x00\x01")

    assert closed_with(client) == 1003
