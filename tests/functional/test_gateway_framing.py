"""The local gateway and requests whose end could be read in two ways, or that have none: refused, with what follows."""

import gc
import json
import socket
import tracemalloc
from contextlib import suppress

import pytest

from local.gateway.heads import MAX_HEAD_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from tests.support.raw_http import Recorder, read_head, read_to_end, say, statuses
from tests.support.served import Served
from tests.support.waiting import eventually

GET = b"GET / HTTP/1.1\r\nHost: localhost\r\n"
POST = b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = b"DELETE /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n" % len(SMUGGLED)
IN_CHUNKS = b"Transfer-Encoding: chunked\r\n"
MIB = 1024 * 1024


@pytest.mark.parametrize(
    "request_bytes",
    [
        POST + LENGTH + IN_CHUNKS + b"\r\n0\r\n\r\n",
        POST + IN_CHUNKS + LENGTH + b"\r\n0\r\n\r\n",
        POST + b"Content-Length: 0\r\n" + LENGTH + b"\r\n",
        POST + LENGTH + LENGTH + b"\r\n",
        POST + b"Content-Length: 5, 5\r\n\r\nhello",
        POST + b"Content-Length: +5\r\n\r\nhello",
        POST + b"Content-Length: -1\r\n\r\n",
        POST + b"Content-Length: 0x5\r\n\r\nhello",
        POST + b"Content-Length:\r\n\r\n",
        POST + b"Content-Length: 99999999999999999999999\r\n\r\n",
        POST + b"Content-Length : 5\r\n\r\nhello",
        POST + b" Content-Length: 5\r\n\r\nhello",
        POST + b"X: y\r\n Content-Length: 5\r\n\r\nhello",
        POST + b"X: y\r\n\tfolded\r\n\r\n",
        POST + b"X: y\nContent-Length: 5\r\n\r\nhello",
        POST + b"X: y\rContent-Length: 5\r\n\r\nhello",
        POST + b"X: y\x00z\r\n\r\n",
        POST + b"X\r\n\r\n",
        POST + b": y\r\n\r\n",
        b"POST / HTTP/1.1\nHost: localhost\n\n",
        POST + b"\n",
        POST + b"Transfer-Encoding: identity\r\n\r\n",
        POST + b"Transfer-Encoding: xchunked\r\n\r\n",
        POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST / HTTP/1.0\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + IN_CHUNKS + b"\r\n3\nabc\r\n0\r\n\r\n",
        POST + IN_CHUNKS + b"\r\n3\r\nabcd\r\n0\r\n\r\n",
        POST + IN_CHUNKS + b"\r\n3\r\nabc0\r\n\r\n",
        POST + IN_CHUNKS + b"\r\nx\r\n\r\n",
        POST + IN_CHUNKS + b"\r\n-3\r\nabc\r\n0\r\n\r\n",
        POST + IN_CHUNKS + b"\r\nffffffffffffffffff\r\n",
        b"GET x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /x#y HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /x?limit=1# HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET ftp://localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http://ann@localhost/ HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET http:///x HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /\xc3\xa4 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.1 x\r\nHost: localhost\r\n\r\n",
        b"GET / HTTP/1.7\r\nHost: localhost\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"WHAT / HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused_and_nothing_behind_it_is_read(
    gateway: Served, app: Recorder, request_bytes: bytes
) -> None:
    answered = say(gateway, request_bytes + SMUGGLED + LAST)

    assert statuses(answered) == [400]
    assert app.requests == []
    assert json.loads(answered.partition(b"\r\n\r\n")[2])["status"] == 400


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501),
        (POST + b"Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 501),
        (b"GET / HTTP/2.0\r\nHost: localhost\r\n\r\n", 505),
    ],
)
def test_what_this_server_can_not_do_is_refused(
    gateway: Served, app: Recorder, request_bytes: bytes, status: int
) -> None:
    assert statuses(say(gateway, request_bytes + LAST)) == [status]
    assert app.requests == []


def test_a_refusal_comes_behind_the_answers_to_the_requests_before_it(gateway: Served, app: Recorder) -> None:
    good = POST + LENGTH + b"\r\n" + SMUGGLED

    answered = say(gateway, good + good + POST + LENGTH + IN_CHUNKS + b"\r\n" + LAST)

    assert statuses(answered) == [202, 202, 400]
    assert app.requests == [("POST", "/orders", SMUGGLED)] * 2


def test_nothing_is_read_behind_a_request_that_is_the_last(gateway: Served, app: Recorder) -> None:
    assert statuses(say(gateway, LAST + SMUGGLED + POST)) == [202]
    assert app.requests == [("GET", "/last", b"")]


@pytest.mark.parametrize("method", [b"GET", b"HEAD", b"DELETE", b"OPTIONS"])
def test_a_body_is_a_body_whatever_the_method(gateway: Served, app: Recorder, method: bytes) -> None:
    request = method + b" /x HTTP/1.1\r\nHost: localhost\r\n" + LENGTH + b"\r\n" + SMUGGLED

    assert statuses(say(gateway, request + LAST)) == [202, 202]
    assert app.requests == [(method.decode(), "/x", SMUGGLED), ("GET", "/last", b"")]


def test_trailers_are_no_headers(gateway: Served, app: Recorder) -> None:
    request = POST + IN_CHUNKS + b"\r\n2;a=b\r\nhi\r\n0\r\nHost: evil\r\nIdempotency-Key: k\r\n\r\n"

    assert statuses(say(gateway, request + LAST)) == [202, 202]
    assert app.requests[0] == ("POST", "/orders", b"hi")
    assert app.scopes[0]["headers"] == [(b"host", b"localhost"), (b"transfer-encoding", b"chunked")]


def test_a_target_with_a_host_replaces_the_host_header(gateway: Served, app: Recorder) -> None:
    say(gateway, b"GET http://other:99/x%20y?z HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")

    scope = app.scopes[0]
    assert (scope["path"], scope["raw_path"], scope["query_string"]) == ("/x y", b"/x%20y", b"z")
    assert (b"host", b"other:99") in scope["headers"]


@pytest.mark.parametrize(("method", "answered_status"), [(b"POST", 202), (b"PUT", 202)])
def test_a_client_that_waits_for_the_word_to_go_on_gets_it_before_its_body(
    gateway: Served, app: Recorder, method: bytes, answered_status: int
) -> None:
    with gateway.connect() as client:
        client.sendall(method + b" / HTTP/1.1\r\nHost: localhost\r\nExpect: 100-Continue\r\nContent-Length: 2\r\n\r\n")
        assert read_head(client) == b"HTTP/1.1 100 Continue\r\n\r\n"
        client.sendall(b"hi" + LAST)

        assert statuses(read_to_end(client)) == [answered_status, 202]
    assert app.requests[0] == (method.decode(), "/", b"hi")


def test_the_word_to_go_on_comes_behind_the_answers_before_it(gateway: Served) -> None:
    waiting = POST + b"Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    with gateway.connect() as client:
        client.sendall(GET + b"\r\n" + waiting)
        received = b""
        while b"100 Continue" not in received:
            received += client.recv(65_536)
        client.sendall(b"hi" + LAST)

        assert statuses(received + read_to_end(client)) == [202, 100, 202, 202]


def test_a_client_is_not_asked_for_a_body_that_is_too_large(gateway: Served) -> None:
    waiting = POST + b"Expect: 100-continue\r\nContent-Length: %d\r\n\r\n" % (MAX_BODY_BYTES + 1)

    assert statuses(say(gateway, waiting)) == [413]


def test_a_client_that_has_said_all_gets_its_answer(gateway: Served) -> None:
    with gateway.connect() as client:
        client.sendall(POST + LENGTH + b"\r\n" + SMUGGLED)
        client.shutdown(socket.SHUT_WR)

        assert statuses(read_to_end(client)) == [202]


# -------------------------------------------------------------------------------------------------- bounds on size


def head_of(size: int) -> bytes:
    """Return a head of so many bytes in two headers."""
    rest = size - len(GET) - len(b"X: \r\nY: \r\n\r\n")
    return GET + b"X: " + b"x" * (rest // 2) + b"\r\nY: " + b"y" * (rest - rest // 2) + b"\r\n\r\n"


def test_a_head_of_64_kib_is_served_and_a_larger_one_refused(gateway: Served) -> None:
    assert statuses(say(gateway, head_of(MAX_HEAD_BYTES - 100), LAST)) == [202, 202]
    assert statuses(say(gateway, head_of(MAX_HEAD_BYTES + 100))) == [431]


@pytest.mark.parametrize(
    ("start", "more", "status"),
    [
        (GET + b"X: ", b"x" * MIB, 431),
        (GET + b"X: ", b" " * MIB, 431),
        (GET + b"X", b"x" * MIB, 431),
        (GET, b"X: y\r\n" * (MIB // 6), 431),
        (GET, b"X:\r\n" * (MIB // 4), 431),
        (b"GET /", b"x" * MIB, 414),
        (b"GET /?", b"x" * MIB, 414),
        (b"", b"\r\n" * (MIB // 2), 431),
        (POST + IN_CHUNKS + b"\r\n1;", b"x" * MIB, 431),
        (POST + IN_CHUNKS + b"\r\n", b"1;xxxxxxxxxxxxxxxxxxxxxxxxxxx\r\ny\r\n" * (MIB // 32), 431),
        (POST + IN_CHUNKS + b"\r\n0\r\nX: ", b"x" * MIB, 431),
        (POST + IN_CHUNKS + b"\r\n0\r\n", b"X: y\r\n" * (MIB // 6), 431),
        (POST + IN_CHUNKS + b"\r\n", b"1\r\ny\r\n" * (MIB // 6), 413),
        (POST + IN_CHUNKS + b"\r\n", b"fff\r\n" + b"y" * 4095 + b"\r\n", 413),
        (POST + b"Content-Length: 100000000\r\n\r\n", b"x" * MIB, 413),
        (POST + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 100000000\r\n\r\n", b"x" * MIB, 413),
    ],
    ids=[
        "a value", "blanks", "a name", "headers", "empty headers", "a path", "a query", "empty lines", "an extension",
        "extensions", "a trailer", "trailers", "tiny chunks", "chunks", "a body", "a body behind an upgrade",
    ],
)  # fmt: skip
def test_what_has_no_end_is_refused_early_and_the_client_can_read_that_when_it_has_sent_all(
    gateway: Served, app: Recorder, start: bytes, more: bytes, status: int
) -> None:
    with gateway.connect() as client:
        client.sendall(start)
        for _ in range(100):
            client.sendall(more)

        assert statuses(read_to_end(client)) == [status]
    assert app.requests == []


def test_more_headers_than_anybody_needs_are_refused(gateway: Served) -> None:
    few, many = (GET + b"X: y\r\n" * number + b"\r\n" for number in (MAX_HEADERS - 10, MAX_HEADERS))

    assert statuses(say(gateway, few, LAST)) == [202, 202]
    assert statuses(say(gateway, many)) == [431]


def test_a_long_url_is_served_and_a_longer_one_refused(gateway: Served) -> None:
    longest = b"/" + b"x" * (MAX_TARGET_BYTES - 1)

    assert statuses(say(gateway, b"GET " + longest + b" HTTP/1.1\r\nHost: x\r\n\r\n", LAST)) == [202, 202]
    assert statuses(say(gateway, b"GET " + longest + b"x HTTP/1.1\r\nHost: x\r\n\r\n")) == [414]


def test_the_largest_body_is_served_in_one_piece_and_in_the_smallest_chunks(gateway: Served, app: Recorder) -> None:
    body = b"x" * MAX_BODY_BYTES
    whole = POST + b"Content-Length: %d\r\n\r\n" % len(body) + body
    chunks = POST + IN_CHUNKS + b"\r\n" + b"1\r\nx\r\n" * len(body) + b"0\r\n\r\n"

    assert statuses(say(gateway, whole, chunks, LAST)) == [202, 202, 202]
    assert [body for _, _, body in app.requests] == [body, body, b""]


def test_a_client_that_never_stops_sending_is_let_go_of(gateway: Served) -> None:
    with gateway.connect() as client, suppress(OSError):
        client.sendall(GET + b"X: ")
        while True:
            client.sendall(b"x" * MIB)

    eventually(lambda: gateway.connections == 0)


def test_heads_without_end_take_no_memory(gateway: Served) -> None:
    tracemalloc.start()
    try:
        clients = [gateway.connect() for _ in range(50)]
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        for client in clients:
            client.sendall(GET + b"X: ")
            for _ in range(4):
                client.sendall(b"x" * MIB)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        for client in clients:
            client.close()

    assert peak - before < 50 * 4 * MAX_HEAD_BYTES


def test_nothing_of_a_request_is_kept_when_its_client_has_left(gateway: Served) -> None:
    gc.disable()  # what is left then is collected at some time, and until then grows with each client
    tracemalloc.start()
    try:
        eventually(lambda: gateway.connections == 0)
        before, _ = tracemalloc.get_traced_memory()
        for _ in range(50):
            with gateway.connect() as client:
                client.sendall(GET + b"a:b\r\n" * (MAX_HEADERS - 10))
                eventually(lambda: gateway.connections == 1)
        eventually(lambda: gateway.connections == 0)
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
        gc.enable()

    assert after - before < 2 * MIB
