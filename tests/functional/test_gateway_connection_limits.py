"""The local gateway and more connections than it has room for: refused at once, and room again when others leave."""

import asyncio
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import connect

from local.gateway import time_outs
from local.gateway.connection_limits import MAX_REFUSALS, ConnectionLimits
from tests.support.raw_http import HANDSHAKE_HEADERS, Recorder, read_head, read_to_end, say, statuses
from tests.support.served import Served, served
from tests.support.waiting import eventually

MOST = 5
LAST = b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HANDSHAKE = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS


@pytest.fixture
def gateway() -> Iterator[Served]:
    with served(Recorder(), limits=ConnectionLimits(MOST + 1, MOST)) as gateway:
        yield gateway


@pytest.fixture
def _short_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gateway wait for a client no longer than a test can."""
    for name in ("REQUEST_S", "BODY_S", "REFUSAL_S", "HANDSHAKE_S"):
        monkeypatch.setattr(time_outs, name, 0.3)


def test_a_connection_too_many_is_answered_and_closed_until_another_one_leaves(gateway: Served) -> None:
    with ExitStack() as stack:
        rest = [stack.enter_context(gateway.connect()) for _ in range(MOST)]
        eventually(lambda: gateway.connections == MOST)

        refused = say(gateway, LAST)
        rest[0].close()

        assert statuses(refused) == [503]
        assert b"retry-after: 1" in refused
        assert b'"limit":"MAX_CONNECTIONS_PER_ADDRESS"' in refused
        eventually(lambda: statuses(say(gateway, LAST)) == [202])


def test_sockets_are_counted_for_as_long_as_they_are_open(gateway: Served) -> None:
    with ExitStack() as stack:
        sockets = [stack.enter_context(connect(f"ws://{gateway.address}/")) for _ in range(MOST)]
        with pytest.raises(InvalidStatus) as refused:
            connect(f"ws://{gateway.address}/")
        sockets[0].close()

        assert refused.value.response.status_code == 503
        eventually(lambda: statuses(say(gateway, LAST)) == [202])


@pytest.mark.usefixtures("_short_time_outs")
@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET / HTTP/1.1\r\nHost:",
        b"POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n",
        HANDSHAKE,
        HANDSHAKE + b"Content-Length: 2\r\n\r\n",
        HANDSHAKE + b"Long: " + b"x" * 9_000 + b"\r\n\r\n",
        HANDSHAKE + b"X: y\r\n" * 200 + b"\r\n",
    ],
    ids=["nothing", "half a head", "no body", "half a handshake", "a body", "a long line", "200 headers"],
)
def test_room_that_is_taken_by_nothing_is_free_again_soon(gateway: Served, sent: bytes) -> None:
    with ExitStack() as stack:
        for _ in range(MOST):
            stack.enter_context(gateway.connect()).sendall(sent)

        eventually(lambda: statuses(say(gateway, LAST)) == [202])


def test_many_connections_beyond_the_limits_are_not_served_and_cost_no_files(gateway: Served) -> None:
    with ExitStack() as stack:
        for _ in range(MOST + 2 * MAX_REFUSALS):
            stack.enter_context(gateway.connect())

        eventually(lambda: gateway.connections <= MOST + MAX_REFUSALS)


# ------------------------------------------------------------------------------------------------------ the end


async def answers_late(scope: Scope, receive: Receive, send: Send) -> None:
    await asyncio.sleep(0.3)
    await Recorder()(scope, receive, send)


def test_the_end_comes_in_order_whatever_is_connected(caplog: pytest.LogCaptureFixture) -> None:
    handshakes_that_fail = [b"Content-Length: 2\r\n\r\n", b"X: y\r\n" * 200 + b"\r\n", b"Sec-WebSocket-Key: x\r\n\r\n"]
    halves = [
        b"",
        b"GET",
        b"GET / HTTP/1.1\r\nHost:",
        LAST.replace(b"GET", b"POST")[:-2] + b"Content-Length: 9\r\n\r\n",
    ]
    with ExitStack() as stack:
        gateway = Served(Recorder())
        sockets = [stack.enter_context(connect(f"ws://{gateway.address}/")) for _ in range(3)]
        for sent in [*halves, *(HANDSHAKE + rest for rest in handshakes_that_fail), HANDSHAKE, b"nonsense\r\n\r\n"]:
            stack.enter_context(gateway.connect()).sendall(sent)
        resting = stack.enter_context(gateway.connect())
        resting.sendall(LAST.replace(b"Connection: close\r\n", b""))
        read_head(resting)

        gateway.stop()

        assert read_to_end(resting) == b""
        for socket in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                socket.recv(10)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
    assert [line for line in caplog.records if line.levelname == "ERROR" or line.exc_info] == []


def test_requests_under_way_are_answered_before_the_end() -> None:
    gateway = Served(answers_late)
    with gateway.connect() as client, gateway.connect() as handshaking:
        client.sendall(LAST)
        handshaking.sendall(HANDSHAKE + b"\r\n")
        eventually(lambda: gateway.requests == 2)

        gateway.stop()

        assert statuses(read_to_end(client)) == [202]
        assert statuses(read_to_end(handshaking)) in ([], [500], [503])
