"""The local gateway and requests for upgrades: one to WebSocket is made, any other ignored, and a body stays a body."""

import json
import struct

import pytest

from local.gateway import heads, time_outs
from local.gateway.app import gateway_app
from orderflow.adapters.sockets import MAX_MESSAGE_BYTES
from tests.support.raw_http import HANDSHAKE_HEADERS, Recorder, read_head, read_to_end, say, statuses
from tests.support.served import Served, served
from tests.support.waiting import eventually

POST = b"POST /orders HTTP/1.1\r\nHost: localhost\r\n"
SMUGGLED = b"DELETE /smuggled HTTP/1.1\r\nHost: localhost\r\n\r\n"
LENGTH = b"Content-Length: %d\r\n\r\n" % len(SMUGGLED)
CHUNKED = b"%x\r\n%b\r\n0\r\n\r\n" % (len(SMUGGLED), SMUGGLED)
LAST = b"GET /last HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
AS_SENT, IN_TWO, BYTE_BY_BYTE = "as sent", "the head first", "byte by byte"
INVALID_TEXT, MESSAGE_TOO_BIG = 1007, 1009
H2C = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABk\r\n"


def in_parts(request: bytes, how: str) -> list[bytes]:
    if how == BYTE_BY_BYTE:
        return [bytes([byte]) for byte in request]
    head, end, rest = request.partition(b"\r\n\r\n")
    return [head + end, rest] if how == IN_TWO else [request]


@pytest.mark.parametrize("how", [AS_SENT, IN_TWO, BYTE_BY_BYTE])
@pytest.mark.parametrize(
    "headers",
    [
        H2C,
        b"Upgrade: h2c\r\nConnection: upgrade\r\n",
        b"Upgrade: TLS/1.0, HTTP/2.0\r\nConnection: UPGRADE\r\n",
        b"Upgrade: h2c\r\nConnection: keep-alive\r\nConnection: Upgrade\r\n",
        b"Upgrade: h2c\r\nUpgrade: foo\r\nConnection: keep-alive , Upgrade\r\n",
        b"Upgrade: h2c\r\nProxy-Connection: Upgrade\r\n",
        b"Upgrade: h2c\r\n",
        b"Connection: Upgrade\r\n",
        b"Upgrade:\r\nConnection: Upgrade\r\n",
        b"Upgrade: websocket\r\nConnection: Upgrade\r\n",
        b"Upgrade: foo, websocket\r\nConnection: Upgrade\r\n",
        HANDSHAKE_HEADERS,
    ],
)
@pytest.mark.parametrize("body", [LENGTH + SMUGGLED, b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKED])
def test_a_post_that_asks_for_an_upgrade_is_served_with_its_body(
    gateway: Served, app: Recorder, headers: bytes, body: bytes, how: str
) -> None:
    answered = say(gateway, *in_parts(POST + headers + body, how), LAST)

    assert statuses(answered) == [202, 202]
    assert app.requests == [("POST", "/orders", SMUGGLED), ("GET", "/last", b"")]


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "OPTIONS"])
def test_another_upgrade_is_ignored_whatever_the_method(gateway: Served, app: Recorder, method: str) -> None:
    request = b"%b /x?y=1 HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (method.encode(), H2C)

    assert statuses(say(gateway, request + LAST)) == [202, 202]
    assert app.requests == [(method, "/x", b""), ("GET", "/last", b"")]
    assert app.scopes[0]["query_string"] == b"y=1"


def test_an_upgrade_is_ignored_behind_other_requests_and_before_more(gateway: Served, app: Recorder) -> None:
    upgrading = POST + H2C + LENGTH + SMUGGLED

    answered = say(gateway, b"GET /1 HTTP/1.1\r\nHost: localhost\r\n\r\n" + upgrading * 3 + LAST)

    assert statuses(answered) == [202] * 5
    assert [path for _, path, _ in app.requests] == ["/1", "/orders", "/orders", "/orders", "/last"]


def test_http_1_0_has_no_upgrade(gateway: Served, app: Recorder) -> None:
    request = b"GET /x HTTP/1.0\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n"

    assert statuses(say(gateway, request)) == [202]
    assert app.requests == [("GET", "/x", b"")]


@pytest.mark.parametrize("method", ["HEAD", "POST", "OPTIONS"])
def test_only_a_get_opens_a_websocket(gateway: Served, app: Recorder, method: str) -> None:
    request = b"%b /x HTTP/1.1\r\nHost: localhost\r\n%b\r\n" % (method.encode(), HANDSHAKE_HEADERS)

    assert statuses(say(gateway, request + LAST)) == [202, 202]
    assert app.requests == [(method, "/x", b""), ("GET", "/last", b"")]


def test_connect_is_refused_and_ends_the_connection(gateway: Served, app: Recorder) -> None:
    tunnel = b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost:80\r\n" + LENGTH + SMUGGLED

    assert statuses(say(gateway, tunnel + LAST)) == [405]
    assert app.requests == []


@pytest.mark.parametrize(
    ("connection", "upgrade"),
    [
        (b"Connection: keep-alive, Upgrade", b"Upgrade: websocket"),
        (b"connection: UPGRADE", b"UPGRADE: WebSocket"),
        (b"Connection: Upgrade", b"Upgrade: foo, websocket"),
        (b"Connection: keep-alive\r\nConnection: Upgrade", b"Upgrade: h2c\r\nUpgrade: websocket"),
        (b"Connection: Upgrade", b"Upgrade: websocket\r\nContent-Length: 0"),
    ],
)
def test_a_websocket_is_opened_however_the_wish_is_spelt(
    gateway: Served, app: Recorder, connection: bytes, upgrade: bytes
) -> None:
    with gateway.connect() as client:
        client.sendall(
            b"GET /api/x%20y?z=1 HTTP/1.1\r\nHost: localhost\r\n" + connection + b"\r\n" + upgrade + b"\r\n"
            b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
        )

        assert statuses(read_head(client)) == [101]

    assert app.requests == [("WEBSOCKET", "/api/x y", b"")]
    assert app.scopes[0]["query_string"] == b"z=1"


@pytest.mark.parametrize(
    ("target", "headers", "status"),
    [
        (b"/", b"Content-Length: 2\r\n", 400),
        (b"/", b"Transfer-Encoding: chunked\r\n", 400),
        (b"/", b"Long: " + b"x" * 9_000 + b"\r\n", 431),
        (b"/", b"X: y\r\n" * 200, 431),
        (b"/" + b"x" * 9_000, b"", 414),
        (b"/?" + b"x" * 9_000, b"", 414),
        (b"/", b"Sec-WebSocket-Key: another\r\n", 400),
        (b"/", b"Sec-WebSocket-Version: 8\r\n", 400),
    ],
    ids=["body", "chunks", "long line", "200 headers", "long path", "long query", "two keys", "two versions"],
)
def test_a_handshake_that_can_not_be_made_is_answered_and_its_connection_closed(
    gateway: Served, app: Recorder, target: bytes, headers: bytes, status: int
) -> None:
    handshake = b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + headers + b"\r\n"

    with gateway.connect() as client:
        client.sendall(handshake)
        assert statuses(read_to_end(client)) == [status]
        client.close()
        eventually(lambda: gateway.connections == 0)

    assert app.requests == []


@pytest.mark.parametrize(
    ("line_bytes", "headers", "status"), [(8_192, 0, 101), (8_193, 0, 431), (0, 122, 101), (0, 123, 431)]
)
def test_a_handshake_is_taken_up_to_the_bounds_of_its_library(
    gateway: Served, line_bytes: int, headers: int, status: int
) -> None:
    long_line = b"Long: " + b"x" * (line_bytes - len(b"Long: \r\n")) + b"\r\n" if line_bytes else b"Short: y\r\n"
    with gateway.connect() as client:
        client.sendall(
            b"GET / HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + long_line + b"X: y\r\n" * headers + b"\r\n"
        )

        assert statuses(read_head(client)) == [status]


def test_the_longest_target_of_a_request_fits_into_the_line_of_a_handshake(gateway: Served) -> None:
    target = b"/" + b"x" * (heads.MAX_TARGET_BYTES - 1)
    with gateway.connect() as client:
        client.sendall(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n")

        assert statuses(read_head(client)) == [101]


def test_a_handshake_that_only_the_library_refuses_is_answered_and_closed_too(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(heads, "check_handshake", lambda _headers: None)
    handshake = b"GET / HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS

    for unread in (b"X: y\r\n" * 200, b"Long: " + b"x" * 9_000 + b"\r\n", b"Transfer-Encoding: chunked\r\n"):
        assert statuses(say(gateway, handshake + unread + b"\r\n"))[0] >= 400

    eventually(lambda: gateway.connections == 0)


def test_a_handshake_behind_an_unanswered_request_is_refused_in_its_turn(gateway: Served, app: Recorder) -> None:
    handshake = b"GET /socket HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n"

    answered = say(gateway, POST + LENGTH + SMUGGLED + handshake)

    assert statuses(answered) == [202, 400]
    assert app.requests == [("POST", "/orders", SMUGGLED)]


def test_a_handshake_that_the_application_does_not_answer_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(time_outs, "HANDSHAKE_S", 0.3)

    async def silent(_scope: object, receive: object, _send: object) -> None:
        while (await receive())["type"] != "websocket.disconnect":  # type: ignore[operator]
            pass

    with served(silent) as gateway:
        assert say(gateway, b"GET / HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n") == b""
        eventually(lambda: gateway.connections == 0)


def test_a_frame_that_comes_with_the_handshake_is_not_lost(gateway: Served, app: Recorder) -> None:
    frame = bytes([0x81, 0x82, 0, 0, 0, 0]) + b"hi"  # masked with zeros
    handshake = b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n"
    with gateway.connect() as client:
        client.sendall(handshake + frame)

        assert statuses(read_head(client)) == [101]
        eventually(lambda: app.requests == [("WEBSOCKET", "/x", b""), ("FRAME", "/x", b"hi")])


@pytest.mark.parametrize("piece", [b"x" * 1_000, "ä".encode() * 500])
def test_a_client_that_goes_on_with_a_message_that_is_too_large_can_read_why_it_is_closed(
    gateway: Served, app: Recorder, piece: bytes
) -> None:
    def fragment(opcode: int) -> bytes:
        return bytes([opcode, 0x80 | 126]) + struct.pack("!H", len(piece)) + bytes(4) + piece  # masked with zeros

    with gateway.connect() as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n")
        assert statuses(read_head(client)) == [101]
        client.sendall(fragment(1))
        for _ in range(MAX_MESSAGE_BYTES // len(piece) * 40):
            client.sendall(fragment(0))

        assert read_to_end(client)[2:4] == struct.pack("!H", MESSAGE_TOO_BIG)

    assert app.requests == [("WEBSOCKET", "/x", b"")]
    eventually(lambda: gateway.connections == 0)


def test_a_client_that_never_ends_a_message_that_is_too_large_is_cut_off(
    gateway: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time_outs, "REFUSAL_S", 0.3)
    with gateway.connect() as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n")
        assert statuses(read_head(client)) == [101]
        client.sendall(bytes([0x81, 0xFF]) + struct.pack("!Q", MAX_MESSAGE_BYTES * 100) + bytes(4))

        eventually(lambda: gateway.connections == 0)


def test_what_is_no_text_is_refused_whatever_comes_with_it(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    no_text, ping = bytes([0x81, 0x81, 0, 0, 0, 0, 0xFF]), bytes([0x89, 0x80, 0, 0, 0, 0])
    with gateway.connect() as client:
        client.sendall(b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n")
        assert statuses(read_head(client)) == [101]
        client.sendall(no_text + ping)

        assert read_to_end(client).endswith(bytes([0x88, 2]) + struct.pack("!H", INVALID_TEXT))

    eventually(lambda: gateway.connections == 0)
    assert not [record for record in caplog.records if "write()" in record.getMessage() + str(record.exc_info)]


def test_a_message_that_is_too_large_and_comes_with_the_handshake_is_no_fault(caplog: pytest.LogCaptureFixture) -> None:
    too_large = bytes([0x81, 0xFF]) + struct.pack("!Q", MAX_MESSAGE_BYTES + 1) + bytes(4)
    handshake = b"GET /api/orders/status HTTP/1.1\r\nHost: localhost\r\n" + HANDSHAKE_HEADERS + b"\r\n"
    with served(gateway_app(10, 10)) as gateway:
        say(gateway, handshake + too_large)
        eventually(lambda: gateway.connections == 0)

    assert "fault" not in [record.getMessage() for record in caplog.records]


def test_an_unknown_path_is_answered_to_a_handshake_as_to_any_other_request() -> None:
    with served(gateway_app(10, 10)) as gateway:
        for path in (b"/elsewhere", b"/@connections/x", b"/%40connections", b"/api/orders/status/"):
            target = b"GET " + path + b" HTTP/1.1\r\nHost: localhost\r\n"
            answers = [say(gateway, target + more + b"\r\n") for more in (HANDSHAKE_HEADERS, b"Connection: close\r\n")]

            assert [statuses(answer) for answer in answers] == [[404], [404]]
            bodies = [json.loads(answer.partition(b"\r\n\r\n")[2]) for answer in answers]
            assert bodies[0] == bodies[1]
            assert all(b"application/problem+json" in answer for answer in answers)
