"""What a gateway says of requests that are none, and of its own faults: answered, one line of each kind a second."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from starlette.types import Receive, Scope, Send
from websockets.exceptions import ConnectionClosed, InvalidHandshake
from websockets.sync.client import connect

from local.gateway.library_logs import LIBRARIES, handle_library_logs
from orderflow.runtime.http.problems import without_faults
from tests.support.served import Served, served


@contextmanager
def library_logs_handled() -> Iterator[None]:
    """Have the libraries' records handled for a while as the gateway's program does."""
    loggers = [logging.getLogger(name) for name in LIBRARIES]
    before = [(logger.handlers, logger.propagate) for logger in loggers]
    handle_library_logs()
    yield
    for logger, (handlers, propagate) in zip(loggers, before, strict=True):
        logger.handlers, logger.propagate = handlers, propagate


async def fails(scope: Scope, _receive: Receive, _send: Send) -> None:
    raise LookupError(f"not expected of {scope['type']}")


def answer_to(server: Served, request: bytes) -> bytes:
    with server.connect() as client:
        client.sendall(request)
        answer = b""
        while chunk := client.recv(65_536):
            answer += chunk
        return answer


def lines(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, Any]]:
    return [vars(line) for line in caplog.records if line.getMessage() == message]


def test_requests_that_are_none_are_counted_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with served(without_faults(fails, "gateway")) as server, library_logs_handled():
        for _ in range(20):
            assert answer_to(server, b"this is no HTTP\r\n\r\n").startswith(b"HTTP/1.1 400")

    logged = lines(caplog, "refused")
    assert [line["reason"] for line in logged] == ["Bad Request"] * len(logged)
    assert 1 <= len(logged) <= 2
    assert "this is not HTTP/1.1" in logged[0]["detail"]


def test_a_fault_is_a_problem_document_and_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with served(without_faults(fails, "gateway")) as server:
        answers = [answer_to(server, b"GET /x HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n") for _ in range(20)]

    assert all(answer.startswith(b"HTTP/1.1 500") for answer in answers)
    assert all(b"application/problem+json" in answer and b"not expected" not in answer for answer in answers)
    logged = lines(caplog, "fault")
    assert 1 <= len(logged) <= 2
    assert logged[0]["detail"].startswith("GET /x: not expected of http; test_gateway_logs.py:")
    assert [line for line in caplog.records if line.exc_info] == []


def test_a_fault_of_a_socket_closes_it_and_is_one_line(caplog: pytest.LogCaptureFixture) -> None:
    with served(without_faults(fails, "gateway")) as server:
        for _ in range(5):
            with suppress(InvalidHandshake, ConnectionClosed):
                connect(f"ws://{server.address}/x", open_timeout=10).close()

    assert 1 <= len(lines(caplog, "fault")) <= 2
    assert [line for line in caplog.records if line.exc_info] == []
