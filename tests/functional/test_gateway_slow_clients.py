"""The local gateway and sockets whose clients read nothing or are gone: each is closed, and it alone."""

import socket
import time
from collections.abc import Iterator
from functools import partial

import pytest
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from functions.watch_order.handler import websocket_api
from local.gateway import time_outs
from local.gateway.connections import MAX_WAITING_FRAMES, POLICY_VIOLATION, Connection, Connections
from local.gateway.websocket import WebSocketApi
from orderflow.runtime.refusals import Refusals
from tests.support.served import Served, served
from tests.support.waiting import eventually

FRAME = "x" * 4_000
SHORT_S = 0.3
UPGRADE = (
    b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


class Front(Connections):
    """WebSockets as the gateway serves them."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[Connection] = []
        self._sockets = WebSocketApi(websocket_api, self, 10, Refusals("gateway"))

    def add(self, connection: Connection) -> None:
        super().add(connection)
        self.open.append(connection)

    def remove(self, connection: Connection) -> None:
        super().remove(connection)
        self.open.remove(connection)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        await self._sockets.serve(WebSocket(scope, receive, send))


@pytest.fixture
def front() -> Front:
    return Front()


@pytest.fixture
def gateway(front: Front) -> Iterator[Served]:
    with served(front) as gateway:
        yield gateway


@pytest.fixture
def _short_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gateway wait for a client no longer than a test can."""
    monkeypatch.setattr(time_outs, "WRITE_S", SHORT_S)
    monkeypatch.setattr(time_outs, "CLOSE_S", SHORT_S)


def reads_nothing(gateway: Served) -> socket.socket:
    """Open a WebSocket whose client takes the handshake's answer and then never reads again."""
    client = gateway.connect(receive_buffer_bytes=4_096)
    client.sendall(UPGRADE)
    assert client.recv(12) == b"HTTP/1.1 101"
    return client


def newest(gateway: Served, front: Front) -> Connection:
    eventually(lambda: gateway.in_loop(lambda: bool(front.open)))
    return gateway.in_loop(lambda: front.open[-1])


def send(gateway: Served, connection: Connection, frames: int) -> None:
    """Send so many frames, a few in each turn of the server's loop, until the connection is cut off."""

    def some() -> bool:
        for _ in range(20):
            connection.send(FRAME)
        return connection.open

    for _ in range(frames // 20):
        if not gateway.in_loop(some):
            return


@pytest.mark.usefixtures("_short_time_outs")
def test_a_socket_whose_client_never_reads_is_cut_off_and_its_memory_released(gateway: Served, front: Front) -> None:
    with reads_nothing(gateway):
        connection = newest(gateway, front)

        # More than the buffers of the kernel, the server and the connection take together.
        send(gateway, connection, 10 * MAX_WAITING_FRAMES)

        assert not connection.open
        # What is left is the word to close.
        assert gateway.in_loop(lambda: connection._frames.qsize()) <= 1
        eventually(lambda: gateway.connections == 0)
        eventually(lambda: gateway.in_loop(lambda: front.open == []))


def test_a_client_that_never_reads_does_not_delay_another_one(gateway: Served, front: Front) -> None:
    with reads_nothing(gateway):
        deaf = newest(gateway, front)
        with connect(f"ws://{gateway.address}") as client:
            listener = newest(gateway, front)
            slowest_s = 0.0

            for number in range(200):
                send(gateway, deaf, 20)
                sent_at = time.monotonic()
                gateway.in_loop(partial(listener.send, f"frame {number}"))
                assert client.recv(10) == f"frame {number}"
                slowest_s = max(slowest_s, time.monotonic() - sent_at)

            assert not deaf.open
            assert slowest_s < 1.0


def test_a_client_that_reads_again_in_time_learns_why_it_was_cut_off(gateway: Served, front: Front) -> None:
    with connect(f"ws://{gateway.address}", max_queue=1, compression=None) as client:
        connection = newest(gateway, front)
        send(gateway, connection, 10 * MAX_WAITING_FRAMES)
        assert not connection.open

        with pytest.raises(ConnectionClosed) as closed:
            read_all(client)

    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == POLICY_VIOLATION


def read_all(client: ClientConnection) -> None:
    while True:
        client.recv(10)


def test_a_few_large_frames_are_too_much_as_well(gateway: Served, front: Front) -> None:
    with reads_nothing(gateway):
        connection = newest(gateway, front)

        for _ in range(100):
            gateway.in_loop(partial(connection.send, "x" * 128 * 1024))

        assert not connection.open


@pytest.mark.usefixtures("_short_time_outs")
def test_a_peer_that_is_gone_without_a_word_is_noticed(front: Front) -> None:
    with served(front, ping_s=SHORT_S) as gateway, reads_nothing(gateway):
        newest(gateway, front)

        # No byte comes from it any more, no pong and no goodbye.
        eventually(lambda: gateway.connections == 0)
        eventually(lambda: gateway.in_loop(lambda: front.open == []))


@pytest.mark.usefixtures("_short_time_outs")
def test_a_peer_that_is_gone_with_something_unsent_is_noticed(front: Front) -> None:
    with served(front, ping_s=1.0) as gateway, reads_nothing(gateway):
        leave_unsent(gateway, newest(gateway, front))

        eventually(lambda: gateway.connections == 0)


@pytest.mark.usefixtures("_short_time_outs")
def test_a_connection_that_we_close_ends_even_if_its_peer_takes_no_notice(front: Front) -> None:
    with served(front, ping_s=1.0) as gateway, reads_nothing(gateway):
        connection = newest(gateway, front)
        leave_unsent(gateway, connection)

        gateway.in_loop(connection.close)

        eventually(lambda: gateway.connections == 0)


def leave_unsent(gateway: Served, connection: Connection) -> None:
    """Send until the kernel has no room for the last bytes; so few that the server does not call the client stalled."""
    while connection.open and not gateway.unsent_bytes:
        gateway.in_loop(partial(connection.send, FRAME * 10))
    assert 0 < gateway.unsent_bytes < 65_536


def test_a_peer_that_answers_pings_stays(front: Front) -> None:
    with served(front, ping_s=0.1) as gateway, connect(f"ws://{gateway.address}", ping_interval=None) as client:
        connection = newest(gateway, front)
        with pytest.raises(TimeoutError):
            client.recv(1.0)

        gateway.in_loop(lambda: connection.send("still here"))

        assert client.recv(10) == "still here"
