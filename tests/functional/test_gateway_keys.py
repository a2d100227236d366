"""The local gateway where requests and sockets need a key, with an authorizer in memory."""

import asyncio
import json
from collections.abc import Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.gateway import open_keys
from local.gateway.app import gateway_app
from local.gateway.hosts import Hosts
from orderflow.adapters.api_key_copies import TooManyLookupsError
from orderflow.domain.access import Limits
from orderflow.errors import RetryableError
from tests.support.builders import ORDER_ID
from tests.support.fakes.authorizer import FakeAuthorizer
from tests.support.fakes.outside import Outside
from tests.support.http_api import written
from tests.support.raw_http import handshake
from tests.support.served import Served, served
from tests.support.waiting import eventually

PAGE = "https://app.example"
EXECUTE, ORDERS, STATUS = "/api/orders/execute", "/api/orders", "/api/orders/status"
CHECK_S = 0.05
TIMEOUT_S = 10


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    document: Any


@pytest.fixture
def authorizer(monkeypatch: pytest.MonkeyPatch) -> FakeAuthorizer:
    monkeypatch.setattr(open_keys, "CHECK_EVERY_S", CHECK_S)
    return FakeAuthorizer()


@pytest.fixture
def gateway(outside: Outside, authorizer: FakeAuthorizer) -> Iterator[Served]:
    app = gateway_app(10, 10, hosts=Hosts(origins=[PAGE]), authorizer=authorizer, market_by_hand=True)
    with served(app) as gateway:
        yield gateway


def ask(gateway: Served, method: str, path: str, key: str | None = None, body: str = "", **more: str) -> Answered:
    headers = {"content-type": "application/json", **({} if key is None else {"authorization": key}), **more}
    connection = HTTPConnection(gateway.address, timeout=TIMEOUT_S)
    connection.request(method, path, body or None, headers)
    answer = connection.getresponse()
    content = answer.read()
    connection.close()
    is_json = "json" in answer.headers.get("content-type", "")
    return Answered(answer.status, {**answer.headers}, json.loads(content) if is_json else None)


def open_socket(gateway: Served, path: str = STATUS, **headers: str) -> ClientConnection:
    return connect(f"ws://{gateway.address}{path}", additional_headers=headers, open_timeout=TIMEOUT_S)


def refusal(gateway: Served, path: str = STATUS, **headers: str) -> Answered:
    with pytest.raises(InvalidStatus) as error:
        open_socket(gateway, path, **headers)
    answer = error.value.response
    return Answered(answer.status_code, {**answer.headers}, json.loads(answer.body or b"null"))


# ---------------------------------------------------------------------------------------------------- requests


@pytest.mark.parametrize(("method", "path"), [("POST", EXECUTE), ("GET", ORDERS), ("POST", "/api/market/advance")])
@pytest.mark.parametrize("key", [None, "", "  "])
def test_without_a_key_a_request_is_answered_401_and_nobody_is_asked(
    gateway: Served, authorizer: FakeAuthorizer, method: str, path: str, key: str | None
) -> None:
    answer = ask(gateway, method, path, key, written())

    assert answer.status == 401
    assert answer.headers["www-authenticate"] == "Bearer"
    assert authorizer.requests == []


def test_a_key_that_is_not_valid_is_answered_403_with_nothing_about_why(
    gateway: Served, authorizer: FakeAuthorizer
) -> None:
    authorizer.revoked = {"ended"}

    answers = [ask(gateway, "GET", ORDERS, key) for key in ("Bearer x", "Basic x", authorizer.add("ended", "read"))]

    assert [answer.status for answer in answers] == [403] * 3
    assert {answer.document["detail"] for answer in answers} == {"this key is not valid here"}


def test_an_order_is_placed_with_a_key_that_trades(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer
) -> None:
    assert ask(gateway, "POST", EXECUTE, authorizer.add("trader", "read", "trade"), written()).status == 202
    assert len(outside.intake.created) == 1


def test_a_key_that_only_reads_can_not_trade_and_leaves_no_trace(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer
) -> None:
    key = authorizer.add("reader", "read")

    refused = [
        ask(gateway, method, path, key, written())
        for method, path in [
            ("POST", EXECUTE),
            ("POST", "/api/orders/batch"),
            ("POST", "/api/orders/cancel"),
            ("DELETE", f"/api/orders/{ORDER_ID}"),
            ("PATCH", f"/api/orders/{ORDER_ID}"),
        ]
    ]

    assert [(answer.status, answer.document["detail"]) for answer in refused] == [(403, "this key may not trade")] * 5
    assert outside.intake.created == []
    assert ask(gateway, "GET", ORDERS, key).status == 200


def test_slots_pass_by_a_key_that_may_have_them_pass(gateway: Served, authorizer: FakeAuthorizer) -> None:
    may, may_not = authorizer.add("clock", "market"), authorizer.add("trader", "read", "trade")

    answers = [ask(gateway, "POST", "/api/market/advance", key, '{"slots":1}') for key in (may, may_not)]

    assert [answer.status for answer in answers] == [200, 403]


@pytest.mark.parametrize("path", ["/health", "/docs", "/openapi.json", "/docs/favicon.png"])
def test_what_is_public_needs_no_key(gateway: Served, authorizer: FakeAuthorizer, path: str) -> None:
    assert ask(gateway, "GET", path).status == 200
    assert authorizer.requests == []


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/api/nothing", 404), ("PUT", ORDERS, 405), ("GET", "/api/market/advance", 405)],
)
def test_where_no_route_is_no_key_is_looked_at(
    gateway: Served, authorizer: FakeAuthorizer, method: str, path: str, status: int
) -> None:
    assert ask(gateway, method, path, "Bearer x").status == status
    assert authorizer.requests == []


def test_the_authorizer_is_asked_as_api_gateway_asks(gateway: Served, authorizer: FakeAuthorizer) -> None:
    ask(gateway, "GET", f"/api/orders/{ORDER_ID}?x=%20y", "Bearer x", **{"X-Several": "1", "x-several": "2"})

    (event,) = authorizer.requests
    assert (event["version"], event["type"]) == ("2.0", "REQUEST")
    assert event["routeKey"] == event["requestContext"]["routeKey"] == "GET /api/orders/{order_id}"
    assert (event["rawPath"], event["rawQueryString"]) == (f"/api/orders/{ORDER_ID}", "x=%20y")
    assert event["identitySource"] == ["Bearer x"]
    assert event["headers"]["x-several"] == "1,2"
    assert event["requestContext"]["http"]["sourceIp"] == "127.0.0.1"
    assert event["requestContext"]["http"]["method"] == "GET"


@pytest.mark.parametrize(
    ("error", "status", "retry_after"),
    [(TooManyLookupsError(1_200), 429, "2"), (RetryableError("Postgres is unavailable"), 503, "1")],
)
def test_a_key_that_can_not_be_looked_up_now_is_to_be_sent_again(
    gateway: Served, authorizer: FakeAuthorizer, error: Exception, status: int, retry_after: str
) -> None:
    authorizer.error = error

    for answer in (ask(gateway, "GET", ORDERS, "Bearer x"), refusal(gateway, authorization="Bearer x")):
        assert answer.status == status
        assert answer.headers["retry-after"] == retry_after
        assert answer.headers["content-type"] == "application/problem+json"
    assert refusal(gateway).status == status


def test_a_page_of_an_allowed_origin_may_send_its_key_and_read_what_is_left(
    gateway: Served, authorizer: FakeAuthorizer
) -> None:
    asks = {"origin": PAGE, "access-control-request-method": "POST"}
    asks["access-control-request-headers"] = "authorization,content-type"

    before = ask(gateway, "OPTIONS", EXECUTE, **asks)
    after = ask(gateway, "GET", ORDERS, origin=PAGE)

    assert before.status == 200
    assert "authorization" in before.headers["access-control-allow-headers"].lower()
    assert after.status == 401
    assert after.headers["access-control-allow-origin"] == PAGE
    exposed = after.headers["access-control-expose-headers"].lower()
    assert all(name in exposed for name in ("ratelimit", "ratelimit-policy", "retry-after"))
    assert authorizer.requests == []


# ----------------------------------------------------------------------------------------------------- sockets


def test_a_socket_without_a_key_is_answered_401_and_with_a_wrong_one_403(
    gateway: Served, authorizer: FakeAuthorizer
) -> None:
    without, wrong = refusal(gateway), refusal(gateway, authorization="Bearer x")

    assert (without.status, without.headers["www-authenticate"]) == (401, "Bearer")
    assert (wrong.status, wrong.document["detail"]) == (403, "this key is not valid here")
    assert refusal(gateway, f"{STATUS}?key=of_test_x").status == 401


@pytest.mark.parametrize("path", [STATUS, EXECUTE])
def test_a_socket_opens_with_a_key_and_its_frames_are_from_the_keys_account(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer, path: str
) -> None:
    outside.subscriptions.held = {ORDER_ID}

    with open_socket(gateway, path, authorization=authorizer.add("trader", "read")) as socket:
        socket.send('{"action":"ping"}')
        assert json.loads(socket.recv(TIMEOUT_S)) == {"action": "pong"}

    (event,) = authorizer.handshakes
    assert event["requestContext"]["routeKey"] == "$connect"
    assert event["multiValueHeaders"]["authorization"] == ["Bearer trader"]
    assert event["requestContext"]["identity"]["sourceIp"] == "127.0.0.1"


def test_a_ticket_opens_one_socket(gateway: Served, authorizer: FakeAuthorizer) -> None:
    authorizer.add("trader", "read")
    authorizer.tickets["t-1"] = authorizer.callers["Bearer trader"]

    with open_socket(gateway, f"{STATUS}?ticket=t-1"):
        assert refusal(gateway, f"{STATUS}?ticket=t-1").status == 403


def test_an_open_socket_is_closed_when_its_key_ends(gateway: Served, authorizer: FakeAuthorizer) -> None:
    ends, stays = authorizer.add("ends", "read"), authorizer.add("stays", "read")
    with (
        open_socket(gateway, authorization=ends) as first,
        open_socket(gateway, authorization=ends) as second,
        open_socket(gateway, authorization=stays) as other,
    ):
        authorizer.revoked = {"ends"}

        for socket in (first, second):
            assert json.loads(socket.recv(TIMEOUT_S)) == {"error": "key revoked"}
            with pytest.raises(ConnectionClosed) as error:
                socket.recv(TIMEOUT_S)
            assert error.value.rcvd is not None
            assert error.value.rcvd.code == 4403
        other.send('{"action":"ping"}')
        assert json.loads(other.recv(TIMEOUT_S)) == {"action": "pong"}


def test_a_frame_of_a_key_that_has_ended_is_not_served(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_keys, "CHECK_EVERY_S", 3_600)
    outside.subscriptions.held = {ORDER_ID}
    with open_socket(gateway, authorization=authorizer.add("ends", "read")) as socket:
        authorizer.revoked = {"ends"}

        socket.send(ORDER_ID)

        assert json.loads(socket.recv(TIMEOUT_S)) == {"error": "key revoked"}
    assert outside.subscriptions.asked == []


def test_a_socket_stays_open_while_its_key_can_not_be_looked_up(gateway: Served, authorizer: FakeAuthorizer) -> None:
    with open_socket(gateway, authorization=authorizer.add("trader", "read")) as socket:
        authorizer.error = RetryableError("Postgres is unavailable")
        eventually(lambda: len(authorizer.looked_at) >= 2)

        socket.send('{"action":"ping"}')

        assert json.loads(socket.recv(TIMEOUT_S)) == {"action": "pong"}


def test_a_key_that_can_not_be_read_keeps_no_other_from_being_looked_at(
    gateway: Served, authorizer: FakeAuthorizer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    is_good = authorizer.is_good

    async def is_readable_and_good(key_id: str) -> bool:
        if key_id == "odd":
            raise ValueError("limits that nobody can read")
        return await is_good(key_id)

    monkeypatch.setattr(authorizer, "is_good", is_readable_and_good)
    with (
        open_socket(gateway, authorization=authorizer.add("odd", "read")),
        open_socket(gateway, authorization=authorizer.add("ends", "read")) as ends,
    ):
        eventually(lambda: "fault" in [record.getMessage() for record in caplog.records])
        authorizer.revoked = {"ends"}

        assert json.loads(ends.recv(TIMEOUT_S)) == {"error": "key revoked"}


def test_no_key_waits_for_all_the_others_to_be_looked_at(
    gateway: Served, authorizer: FakeAuthorizer, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def is_good(key_id: str) -> bool:
        if key_id != "ends":
            await asyncio.sleep(3_600)  # as good as that, while Redis is unavailable
        return "ends" not in authorizer.revoked

    with ExitStack() as stack:
        *_, ends = [
            stack.enter_context(open_socket(gateway, authorization=authorizer.add(key, "read")))
            for key in ("slow-1", "slow-2", "ends")
        ]
        monkeypatch.setattr(authorizer, "is_good", is_good)
        authorizer.revoked = {"ends"}

        assert json.loads(ends.recv(TIMEOUT_S)) == {"error": "key revoked"}


def test_an_account_opens_as_many_sockets_as_its_key_says(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer
) -> None:
    key = authorizer.add("trader", "read", limits=Limits(sockets=2))
    with open_socket(gateway, authorization=key) as first, open_socket(gateway, authorization=key):
        refused = refusal(gateway, authorization=key)

        assert (refused.status, refused.document["limit"]) == (429, "sockets")
        assert refused.headers["content-type"] == "application/problem+json"
        first.close()
        eventually(lambda: len(outside.account_sockets.open["alice"]) == 1)
        with open_socket(gateway, authorization=key):
            assert len(outside.account_sockets.open["alice"]) == 2


def test_one_that_leaves_during_its_handshake_is_counted_no_longer(
    outside: Outside, gateway: Served, authorizer: FakeAuthorizer
) -> None:
    key = authorizer.add("trader", "read", limits=Limits(sockets=1))
    for _ in range(5):
        with gateway.connect() as client:
            client.sendall(handshake(STATUS, f"Authorization: {key}"))
        eventually(lambda: gateway.connections == 0)

    eventually(lambda: outside.account_sockets.open.get("alice", []) == [])
