"""What may wait for the gateway's clients, each of them and all together."""

from typing import cast

import pytest
from starlette.websockets import WebSocket

from local.gateway import connections
from local.gateway.connections import FAIR_SHARE, MAX_WAITING_FRAMES, Backlog, Connection, Connections

FRAME = "x" * 4_096
FRAMES_OF_A_SHARE = FAIR_SHARE // len(FRAME)


class FakeWebSocket:
    """One that nobody reads from: nothing is ever written to it here."""

    client = None
    headers: dict[str, str] = {}  # noqa: RUF012 - never changed


def connect(backlog: Backlog | None = None) -> Connection:
    return Connection(cast("WebSocket", FakeWebSocket()), backlog)


def send(connection: Connection, frames: int) -> None:
    for _ in range(frames):
        connection.send(FRAME)


def test_a_client_may_let_so_many_frames_wait_and_not_one_more() -> None:
    connection = connect()

    send(connection, MAX_WAITING_FRAMES)
    assert connection.open
    send(connection, 1)

    assert not connection.open


def test_when_too_much_waits_for_all_the_slow_ones_are_cut_off_and_the_others_stay(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(connections, "MAX_WAITING_IN_ALL", 10 * FAIR_SHARE)
    backlog = Backlog()
    quick, *slow = (connect(backlog) for _ in range(4))

    for _ in range(3 * FRAMES_OF_A_SHARE):
        for connection in slow:
            send(connection, 1)
    assert all(connection.open for connection in slow)
    send(quick, FRAMES_OF_A_SHARE)
    for connection in slow:
        send(connection, FRAMES_OF_A_SHARE)

    assert quick.open
    assert not all(connection.open for connection in slow)
    assert backlog.characters <= 10 * FAIR_SHARE


def test_what_waited_for_a_client_that_has_left_waits_no_longer() -> None:
    backlog = Backlog()
    known = Connections()
    left, cut_off = connect(backlog), connect(backlog)
    known.add(left)
    send(left, 10)
    send(cut_off, MAX_WAITING_FRAMES)
    assert backlog.characters == (10 + MAX_WAITING_FRAMES) * len(FRAME)

    known.remove(left)
    send(cut_off, 1)

    assert backlog.characters == 0


def test_frames_are_counted_those_of_former_connections_too_and_once() -> None:
    known, first, second = Connections(), connect(), connect()
    for connection in (first, second):
        known.add(connection)
    first.touch()
    first.touch()
    second.touch()
    second.frames_out = 5

    known.remove(first)
    known.remove(first)

    assert known.frames() == (3, 5)
