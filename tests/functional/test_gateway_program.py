"""The gateway's program: no client can take all connections, and it ends in order whatever is connected."""

import os
import resource
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.support.ports import free_port
from tests.support.programs import Program
from tests.support.raw_http import HANDSHAKE_HEADERS, read_to_end, statuses
from tests.support.waiting import eventually

FILES = 300
GET = b"GET /docs HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
HANDSHAKE = b"GET /api/orders/status HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS
BAD_HANDSHAKES = [
    HANDSHAKE + b"Content-Length: 2\r\n\r\n",
    HANDSHAKE + b"Long: " + b"x" * 9_000 + b"\r\n\r\n",
    HANDSHAKE + b"X: y\r\n" * 200 + b"\r\n",
]
HALVES = [b"", b"GET / HTTP", HANDSHAKE, GET[:-2] + b"Content-Length: 9\r\n\r\nhalf"]


class Gateway:
    """A gateway process that may open few files. It needs no servers for what is asked of it here."""

    def __init__(self, log: Path, **settings: str) -> None:
        self.port = free_port()
        self.log = log
        environment = {**os.environ, "REDIS_URL": "redis://127.0.0.1:1", "PORT": str(self.port), **settings}
        few_files = partial(resource.setrlimit, resource.RLIMIT_NOFILE, (FILES, FILES))
        self.process = Program([sys.executable, "-m", "local.gateway"], environment, log, few_files).start()
        eventually(self.serves)

    def connect(self) -> socket.socket:
        """Open a connection."""
        client = socket.create_connection(("127.0.0.1", self.port), timeout=20)
        client.settimeout(20)
        return client

    def answer(self) -> list[int]:
        """Ask for a page on a connection of its own, and return the answer's status."""
        with self.connect() as client:
            client.sendall(GET)
            return statuses(read_to_end(client))

    def serves(self) -> bool:
        """Return whether a new client is served."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            return self.answer() == [200]
        except OSError:
            return False


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Gateway]]:
    programs: list[Gateway] = []

    def new(**settings: str) -> Gateway:
        programs.append(Gateway(tmp_path / "gateway.log", **settings))
        return programs[-1]

    yield new
    for program in programs:
        program.process.kill()
        program.process.wait()


def test_handshakes_that_fail_leave_the_door_open(start: Callable[..., Gateway]) -> None:
    program = start()
    with ExitStack() as stack:
        for number in range(2 * FILES):
            stack.enter_context(program.connect()).sendall(BAD_HANDSHAKES[number % len(BAD_HANDSHAKES)])

        eventually(program.serves)


def test_a_crowd_of_one_address_leaves_room_for_others(start: Callable[..., Gateway]) -> None:
    program = start(MAX_CONNECTIONS_PER_ADDRESS="50")
    with ExitStack() as stack:
        for _ in range(50):
            stack.enter_context(program.connect())
        eventually(lambda: program.answer() == [503])
        other = stack.enter_context(socket.socket())
        other.settimeout(20)
        other.bind(("127.0.0.2", 0))

        other.connect(("127.0.0.1", program.port))
        other.sendall(GET)

        assert statuses(read_to_end(other)) == [200]


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_ends_in_order_whatever_is_connected(start: Callable[..., Gateway], number: signal.Signals) -> None:
    program = start()
    with ExitStack() as stack:
        url = f"ws://127.0.0.1:{program.port}/api/orders/status"
        sockets = [stack.enter_context(connect(url)) for _ in range(3)]
        for sent in (*HALVES, *BAD_HANDSHAKES, b"nonsense\r\n\r\n"):
            stack.enter_context(program.connect()).sendall(sent)

        program.process.send_signal(number)

        for client in sockets:
            with pytest.raises(ConnectionClosed) as closed:
                client.recv(20)
            assert closed.value.rcvd is not None
            assert closed.value.rcvd.code == 1012
        assert program.process.wait(20) in (-number, 128 + number)
    assert "Traceback" not in program.log.read_text()
