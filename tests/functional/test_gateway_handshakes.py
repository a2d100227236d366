"""Handshakes whose clients do not wait for the answer: they leave before it, or go on."""

import asyncio
import struct
import threading
from collections.abc import Iterator, Mapping
from contextlib import suppress
from socket import SO_LINGER, SOL_SOCKET
from typing import Any

import pytest

from local.gateway.app import gateway_app
from local.gateway.websocket_protocol import MAX_EARLY_BYTES
from tests.support.fakes.authorizer import FakeAuthorizer
from tests.support.fakes.outside import Outside
from tests.support.raw_http import handshake, say, statuses
from tests.support.served import Served, served
from tests.support.waiting import eventually

STATUS = "/api/orders/status"
TIMEOUT_S = 10


@pytest.fixture
def authorizer() -> FakeAuthorizer:
    return FakeAuthorizer()


@pytest.fixture
def gateway(outside: Outside, authorizer: FakeAuthorizer) -> Iterator[Served]:
    with served(gateway_app(10, 10, authorizer=authorizer)) as gateway:
        yield gateway


@pytest.mark.parametrize("key", ["wrong", "trader"])
def test_one_that_leaves_before_its_handshake_is_answered_is_no_fault(
    gateway: Served,
    authorizer: FakeAuthorizer,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    key: str,
) -> None:
    authorizer.add("trader", "read")
    authorize_socket, asked, gone = authorizer.authorize_socket, threading.Event(), threading.Event()

    async def answer_late(event: Mapping[str, Any]) -> dict[str, Any]:
        asked.set()
        await asyncio.to_thread(gone.wait, TIMEOUT_S)
        return await authorize_socket(event)

    monkeypatch.setattr(authorizer, "authorize_socket", answer_late)
    with gateway.connect() as client:
        client.setsockopt(SOL_SOCKET, SO_LINGER, struct.pack("ii", 1, 0))  # a reset, at once
        client.sendall(handshake(STATUS, f"Authorization: Bearer {key}"))
        assert asked.wait(TIMEOUT_S)
    eventually(lambda: gateway.connections == 0)
    gone.set()
    eventually(lambda: gateway.requests == 0)

    assert authorizer.handshakes
    assert "fault" not in [record.getMessage() for record in caplog.records]


@pytest.mark.parametrize("early", [b"GET /api/orders HTTP/1.1\r\n\r\n", bytes([0x89, 0x80, 0, 0, 0, 0]), b"\xff" * 9])
def test_a_refusal_comes_first_whatever_its_client_sends_with_the_handshake(
    gateway: Served, caplog: pytest.LogCaptureFixture, early: bytes
) -> None:
    for lines, status in (((), 401), (("Authorization: Bearer wrong",), 403)):
        assert statuses(say(gateway, handshake(STATUS, *lines) + early)) == [status]

    assert "fault" not in [record.getMessage() for record in caplog.records]


def test_a_client_that_goes_on_before_its_handshake_is_answered_is_cut_off(
    gateway: Served, authorizer: FakeAuthorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Event()

    async def admit(*_arguments: object) -> None:
        asked.set()
        await asyncio.sleep(3_600)

    monkeypatch.setattr(authorizer, "authorize_socket", admit)
    with gateway.connect() as client:
        client.sendall(handshake(STATUS, "Authorization: Bearer trader"))
        assert asked.wait(TIMEOUT_S)
        with suppress(ConnectionError):
            for _ in range(2 * MAX_EARLY_BYTES // 1024):
                client.sendall(b"x" * 1024)

        eventually(lambda: gateway.connections == 0)
