"""The local gateway and HTTP clients that send slowly, or read nothing: each is closed, and it alone."""

import socket
from collections.abc import Iterator
from contextlib import suppress

import pytest
from starlette.types import Receive, Scope, Send

from local.gateway import time_outs
from local.gateway.request_reader import MAX_PIPELINED
from tests.support.served import Served, served
from tests.support.waiting import eventually

SHORT_S = 0.3
REQUEST = b"GET / HTTP/1.1\r\nHost: x\r\n\r\n"
HALF_A_HEAD = b"GET / HTTP/1.1\r\nHost:"
HALF_A_BODY = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nhalf"
ANSWER_BYTES = 100_000


async def answer_at_length(_scope: Scope, receive: Receive, send: Send) -> None:
    while (await receive()).get("more_body"):
        pass
    length = str(ANSWER_BYTES).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
    await send({"type": "http.response.body", "body": b"x" * ANSWER_BYTES})


@pytest.fixture
def gateway() -> Iterator[Served]:
    with served(answer_at_length) as gateway:
        yield gateway


@pytest.fixture
def _short_time_outs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the gateway wait for a client no longer than a test can."""
    monkeypatch.setattr(time_outs, "REQUEST_S", SHORT_S)
    monkeypatch.setattr(time_outs, "BODY_S", SHORT_S)
    monkeypatch.setattr(time_outs, "REFUSAL_S", SHORT_S)
    monkeypatch.setattr(time_outs, "WRITE_S", SHORT_S)


@pytest.mark.usefixtures("_short_time_outs")
@pytest.mark.parametrize(
    ("before", "sent"),
    [(0, b""), (0, HALF_A_HEAD), (2, HALF_A_HEAD), (0, HALF_A_BODY), (2, HALF_A_BODY)],
    ids=["nothing", "half a head", "half a third head", "half a body", "half a third body"],
)
def test_a_request_that_does_not_come_to_its_end_ends_its_connection(gateway: Served, sent: bytes, before: int) -> None:
    if before and not sent:
        pytest.skip("a connection may rest after a request")
    with gateway.connect() as client:
        for _ in range(before):
            client.sendall(REQUEST)
            read_answer(client)
        client.sendall(sent)

        while client.recv(65_536):
            pass
        eventually(lambda: gateway.connections == 0)


@pytest.mark.usefixtures("_short_time_outs")
def test_a_request_that_comes_byte_by_byte_gains_no_time(gateway: Served) -> None:
    with gateway.connect() as client:
        client.settimeout(SHORT_S / 10)  # between two bytes
        sent = 0
        ended = False
        while not ended:
            client.sendall(REQUEST[sent : sent + 1])
            sent += 1
            with suppress(TimeoutError):
                ended = not client.recv(1)

    assert sent < len(REQUEST)


@pytest.mark.usefixtures("_short_time_outs")
def test_a_connection_may_rest_between_two_requests(gateway: Served) -> None:
    with gateway.connect() as client:
        for _ in range(2):
            client.sendall(REQUEST)
            read_answer(client)
            client.settimeout(3 * SHORT_S)
            with pytest.raises(TimeoutError):
                client.recv(1)


@pytest.mark.usefixtures("_short_time_outs")
def test_a_client_that_never_reads_its_answers_is_let_go_of(gateway: Served) -> None:
    with gateway.connect(receive_buffer_bytes=4_096) as client:
        client.sendall(REQUEST * 80)  # answers to these are more than the kernel's buffers hold

        eventually(lambda: gateway.connections == 0)


def test_requests_sent_far_ahead_of_the_answers_are_not_queued_without_end(gateway: Served) -> None:
    with gateway.connect(receive_buffer_bytes=4_096) as client:
        with suppress(OSError):
            client.sendall(REQUEST * 100_000)

        eventually(lambda: gateway.is_closing_all)
        assert gateway.queued_requests <= MAX_PIPELINED


def read_answer(client: socket.socket) -> None:
    received = b""
    while not received.endswith(b"x" * ANSWER_BYTES):
        received += client.recv(65_536)
