"""The local gateway and the names it is called by, and the pages that call it: what is not its own is refused."""

import json
import tracemalloc
from collections.abc import Iterator

import pytest
from starlette.types import ASGIApp

from local.gateway.app import WEBSOCKET_PATHS, gateway_app
from local.gateway.hosts import HostCheck, Hosts
from orderflow.runtime.http.problems import ProblemError
from tests.support.raw_http import HANDSHAKE_HEADERS, Recorder, read_head, say, statuses
from tests.support.served import Served, served

LAST = b"Connection: close\r\nContent-Length: 0\r\n\r\n"


@pytest.fixture(scope="module")
def gateway(recorder: Recorder) -> Iterator[Served]:
    with served(HostCheck(recorder, Hosts())) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def open_gateway(recorder: Recorder) -> Iterator[Served]:
    """Lend one that is bound to all addresses, with hosts and origins added by its settings."""
    hosts = Hosts("0.0.0.0", ["Gateway", "orders.example:443"], ["https://app.example", "http://localhost:5173/"])  # noqa: S104
    with served(HostCheck(recorder, hosts)) as gateway:
        yield gateway


def ask(server: Served, host: str, method: str = "GET", *lines: str, version: str = "1.1") -> int:
    """Send a request with a Host header, and more lines, and return the status."""
    headers = [f"Host: {host}", *lines]
    head = "\r\n".join([f"{method} /x HTTP/{version}", *headers, ""]).encode("latin-1")
    [status] = statuses(say(server, head + LAST))
    return status


def upgrade(server: Served, *lines: str, path: str = "/x") -> int:
    """Send a WebSocket's handshake with header lines and return the status."""
    head = "\r\n".join([f"GET {path} HTTP/1.1", *lines, ""]).encode("latin-1")
    with server.connect() as client:
        client.sendall(head + HANDSHAKE_HEADERS + b"\r\n")
        [status] = statuses(read_head(client))
        return status


OWN = ["localhost", "LocalHost:3000", "localhost.", "127.0.0.1", "127.0.0.1:80", "[::1]:3000", "[::1]", "[0:0::1]:1"]
FOREIGN = ["evil.example", "evil.example:3000", "localhost.evil.example", "127.0.0.1.evil.example", "evil", "10.0.0.1"]
MALFORMED = [
    "",
    "a b",
    "local\thost",
    "localhost:x",
    "localhost:",
    "[::1",
    "::1",
    "a/b",
    "a@localhost",
    "localhost,evil",
]


@pytest.mark.parametrize("host", [*OWN, "host.docker.internal:3000"])
def test_a_request_to_a_name_of_this_machine_is_served(gateway: Served, host: str) -> None:
    assert ask(gateway, host) == ask(gateway, host, "POST") == 202
    assert upgrade(gateway, f"Host: {host}") == 101


@pytest.mark.parametrize("host", FOREIGN)
def test_a_request_to_another_name_is_refused_as_misdirected(gateway: Served, app: Recorder, host: str) -> None:
    assert ask(gateway, host) == ask(gateway, host, "POST") == 421
    assert upgrade(gateway, f"Host: {host}") == 421
    assert app.requests == []


@pytest.mark.parametrize("host", MALFORMED)
def test_a_request_whose_host_can_not_be_read_is_bad(gateway: Served, app: Recorder, host: str) -> None:
    assert ask(gateway, host) == upgrade(gateway, f"Host: {host}") == 400
    assert app.requests == []


def test_strangers_can_not_fill_the_memory_with_long_hosts() -> None:
    hosts = Hosts()
    tracemalloc.start()
    for number in range(200):
        host = f"{number}".ljust(60_000, "x").encode()
        with pytest.raises(ProblemError):
            hosts.check({"type": "http", "method": "GET", "http_version": "1.1", "headers": [(b"host", host)]})
    kept, _ = tracemalloc.get_traced_memory()
    tracemalloc.stop()

    assert kept < 1_000_000


def test_a_request_has_one_host(gateway: Served, app: Recorder) -> None:
    twice = "localhost\r\nHost: localhost"

    assert ask(gateway, twice) == upgrade(gateway, f"Host: {twice}") == 400
    assert statuses(say(gateway, b"GET / HTTP/1.1\r\n" + LAST)) == [400]
    assert upgrade(gateway, "X: y") == 400
    assert app.requests == []


def test_http_1_0_needs_no_host(gateway: Served) -> None:
    assert statuses(say(gateway, b"GET / HTTP/1.0\r\n\r\n")) == [202]
    assert ask(gateway, "evil.example", version="1.0") == 421


def test_the_host_of_a_url_counts_and_not_the_header(gateway: Served, app: Recorder) -> None:
    assert statuses(say(gateway, b"GET http://evil.example/ HTTP/1.1\r\nHost: localhost\r\n" + LAST)) == [421]
    assert statuses(say(gateway, b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n" + LAST)) == [202]


def test_a_refusal_is_a_problem_document_and_leaves_the_connection(gateway: Served) -> None:
    request = b"GET /x HTTP/1.1\r\nHost: evil.example\r\n\r\n"
    answered = say(gateway, request + b"GET /x HTTP/1.1\r\nHost: localhost\r\n" + LAST)

    head, _, body = answered.partition(b"HTTP/1.1 202")[0].partition(b"\r\n\r\n")
    assert statuses(answered) == [421, 202]
    assert b"application/problem+json" in head
    assert json.loads(body)["detail"] == "evil.example is not a host of this gateway (ALLOWED_HOSTS)"


# ----------------------------------------------------------------------------------------- beyond the loopback


@pytest.mark.parametrize("host", [*OWN, "10.0.0.1:3000", "[fd00::1]:3000", "gateway:3000", "orders.EXAMPLE"])
def test_beyond_the_loopback_every_address_and_the_named_hosts_are_served(open_gateway: Served, host: str) -> None:
    assert ask(open_gateway, host) == 202


@pytest.mark.parametrize("host", ["evil.example", "gateway.evil.example", "10.0.0.1.evil.example", "example"])
def test_beyond_the_loopback_another_name_is_refused_as_well(open_gateway: Served, host: str) -> None:
    assert ask(open_gateway, host) == 421


def test_a_name_that_is_bound_is_served(recorder: Recorder) -> None:
    with served(HostCheck(recorder, Hosts("orders.lan"))) as gateway:
        assert ask(gateway, "orders.lan:3000") == 202


def test_any_host_and_origin_can_be_allowed(recorder: Recorder) -> None:
    with served(HostCheck(recorder, Hosts(hosts=["*"], origins=["*"]))) as gateway:
        assert ask(gateway, "evil.example", "POST", "Origin: https://other.example") == 202
        assert upgrade(gateway, "Host: evil.example", "Origin: null") == 101


# ------------------------------------------------------------------------------------------------------ origins

SAME = [
    ("localhost:3000", "http://localhost:3000"),
    ("127.0.0.1:3000", "http://127.0.0.1:3000"),
    ("[::1]:3000", "http://[::1]:3000"),
    ("localhost:3000", "http://127.0.0.1:3000"),
    ("localhost", "http://localhost"),
    ("localhost", "https://localhost"),
    ("localhost:80", "http://LOCALHOST"),
]
OTHER = [
    "http://evil.example",
    "http://localhost:3001",
    "http://localhost",
    "https://localhost",
    "http://localhost.evil.example:3000",
    "http://evil.example:3000",
    "http://10.0.0.1:3000",
    "http://host.docker.internal:3000",
    "chrome-extension://abc",
    "ftp://localhost:3000",
    "localhost:3000",
    "null",
    "",
    "http://localhost:x",
    "http://[::1:3000",
]


@pytest.mark.parametrize(("host", "origin"), SAME)
def test_the_gateways_own_pages_may_do_everything(gateway: Served, host: str, origin: str) -> None:
    assert ask(gateway, host, "POST", f"Origin: {origin}") == 202
    assert upgrade(gateway, f"Host: {host}", f"Origin: {origin}") == 101


@pytest.mark.parametrize("origin", OTHER)
def test_other_pages_may_change_nothing_and_open_no_socket(gateway: Served, app: Recorder, origin: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert ask(gateway, "localhost:3000", method, f"Origin: {origin}") == 403
    assert upgrade(gateway, "Host: localhost:3000", f"Origin: {origin}") == 403
    assert app.requests == []


def test_one_origin_of_two_does_not_speak_for_the_other(gateway: Served, app: Recorder) -> None:
    two = ("Origin: http://localhost:3000", "Origin: http://evil.example")

    assert ask(gateway, "localhost:3000", "POST", *two) == ask(gateway, "localhost:3000", "POST", *two[::-1]) == 403
    assert upgrade(gateway, "Host: localhost:3000", *two) == 400
    assert app.requests == []


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS"])
def test_other_pages_may_ask_for_what_they_can_not_read(gateway: Served, method: str) -> None:
    assert ask(gateway, "localhost:3000", method, "Origin: http://evil.example") == 202


@pytest.mark.parametrize("origin", ["https://app.example", "HTTPS://APP.example", "http://localhost:5173"])
def test_pages_that_the_settings_name_may_do_everything(open_gateway: Served, origin: str) -> None:
    assert ask(open_gateway, "gateway:3000", "POST", f"Origin: {origin}") == 202
    assert upgrade(open_gateway, "Host: gateway:3000", f"Origin: {origin}") == 101


@pytest.mark.parametrize("origin", ["http://app.example", "https://app.example:444", "http://10.0.0.1:3000", "null"])
def test_pages_that_the_settings_do_not_name_may_not(open_gateway: Served, origin: str) -> None:
    assert ask(open_gateway, "gateway:3000", "POST", f"Origin: {origin}") == 403


def test_a_page_at_an_address_is_another_one_unless_it_is_the_one_that_is_asked(open_gateway: Served) -> None:
    assert ask(open_gateway, "10.0.0.1:3000", "POST", "Origin: http://10.0.0.1:3000") == 202
    assert ask(open_gateway, "10.0.0.1:3000", "POST", "Origin: http://10.0.0.2:3000") == 403


# ------------------------------------------------------------------------------------------------ the gateway itself


@pytest.mark.parametrize("path", [*WEBSOCKET_PATHS, "/elsewhere"])
def test_every_path_of_the_gateway_is_behind_the_check(path: str) -> None:
    app: ASGIApp = gateway_app(10, 10)
    with served(app) as gateway:
        assert upgrade(gateway, "Host: evil.example", path=path) == 421
        assert upgrade(gateway, "Host: localhost", "Origin: http://evil.example", path=path) == 403
        for target in (path, "/health", "/docs", "/api/tokens", "/@connections"):
            request = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nOrigin: http://evil.example\r\n".encode()
            assert statuses(say(gateway, request + LAST)) == [403]
            assert statuses(say(gateway, request.replace(b"localhost", b"evil.example") + LAST)) == [421]


@pytest.mark.parametrize("method", [b"POST", b"DELETE", b"PATCH"])
def test_a_browser_lets_the_pages_that_the_settings_name_send_orders_and_change_them(method: bytes) -> None:
    wish = b"Access-Control-Request-Method: %b\r\nAccess-Control-Request-Headers: content-type\r\n" % method
    asks = b"OPTIONS /api/orders/x HTTP/1.1\r\nHost: localhost\r\n" + wish
    with served(gateway_app(10, 10, hosts=Hosts(origins=["https://app.example"]))) as gateway:
        allowed = say(gateway, asks + b"Origin: https://app.example\r\n" + LAST)
        other = say(gateway, asks + b"Origin: https://evil.example\r\n" + LAST)

    assert statuses(allowed) == [200]
    assert b"access-control-allow-origin: https://app.example\r\n" in allowed
    assert statuses(other) == [400]
    assert b"access-control-allow-origin" not in other
