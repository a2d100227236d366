"""The local gateway's bounds on requests and sockets: what is beyond is refused at once, and only for as long."""

import asyncio
import json
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from threading import Event

import pytest
from urllib3 import HTTPConnectionPool, HTTPResponse
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from local.gateway.app import gateway_app
from local.gateway.connections import Connections
from local.gateway.management import management_app
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.sockets import LocalGatewaySockets, Message
from orderflow.domain.order import OrderId
from tests.support.fakes.front_door import FakeIntake
from tests.support.fakes.outside import Outside
from tests.support.http_api import written
from tests.support.management_api import SECRET
from tests.support.served import Served, served
from tests.support.waiting import eventually

MAX_REQUESTS, MAX_SOCKETS = 3, 2
STATUS_PATH = "/api/orders/status"


class SlowIntake(FakeIntake):
    """Keeps its orders waiting until it is let on."""

    def __init__(self) -> None:
        super().__init__()
        self.waiting = 0
        self.on = Event()

    async def create(self, new: NewOrder) -> OrderId | Conflict:
        self.waiting += 1
        while not self.on.is_set():
            await asyncio.sleep(0.01)
        self.waiting -= 1
        return await super().create(new)


@pytest.fixture
def gateway(outside: Outside) -> Iterator[Served]:
    with served(gateway_app(MAX_REQUESTS, MAX_SOCKETS)) as gateway:
        yield gateway


@pytest.fixture
def http(gateway: Served) -> Iterator[HTTPConnectionPool]:
    with pool(gateway) as http:
        yield http


def pool(gateway: Served) -> HTTPConnectionPool:
    host, _, port = gateway.address.partition(":")
    return HTTPConnectionPool(host, int(port), maxsize=10, retries=False, timeout=20)


def post(http: HTTPConnectionPool) -> HTTPResponse:
    answer = http.request(
        "POST", "/api/orders/execute", body=written().encode(), headers={"content-type": "application/json"}
    )
    assert isinstance(answer, HTTPResponse)
    return answer


def assert_refused(status: int, headers: dict[str, str], body: bytes, limit: str) -> None:
    assert status == 503
    assert headers["retry-after"] == "1"
    assert headers["content-type"] == "application/problem+json"
    problem = json.loads(body)
    assert (problem["status"], problem["limit"]) == (503, limit)
    assert limit in problem["detail"]


def test_one_request_too_many_is_refused_and_later_ones_are_served_again(
    outside: Outside, http: HTTPConnectionPool
) -> None:
    outside.intake = slow = SlowIntake()
    with ThreadPoolExecutor(MAX_REQUESTS) as threads:
        served_ones: list[Future[HTTPResponse]] = [threads.submit(post, http) for _ in range(MAX_REQUESTS)]
        eventually(lambda: slow.waiting == MAX_REQUESTS)

        refused = post(http)
        slow.on.set()

        assert [one.result().status for one in served_ones] == [202] * MAX_REQUESTS
    assert_refused(refused.status, lowered(refused), refused.data, "MAX_REQUESTS")
    assert post(http).status == 202


def test_statuses_come_in_whatever_the_clients_do(outside: Outside) -> None:
    outside.intake = slow = SlowIntake()
    connections = Connections()
    with (
        served(gateway_app(MAX_REQUESTS, MAX_SOCKETS, connections)) as gateway,
        served(management_app(connections, SECRET)) as management,
        pool(gateway) as http,
        ThreadPoolExecutor(MAX_REQUESTS) as threads,
    ):
        for _ in range(MAX_REQUESTS):
            threads.submit(post, http)
        eventually(lambda: slow.waiting == MAX_REQUESTS)

        sent = LocalGatewaySockets.at(f"http://{management.address}", SECRET).send([Message("gone", "", "{}")])
        slow.on.set()

    assert len(sent.gone) == 1


def test_requests_whose_body_is_missing_hold_nobody_up(outside: Outside, gateway: Served) -> None:
    half = b"POST /api/orders/execute HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
    with ExitStack() as stack:
        for _ in range(10 * MAX_REQUESTS):
            stack.enter_context(gateway.connect()).sendall(half)
        eventually(lambda: gateway.connections == 10 * MAX_REQUESTS)
        http = stack.enter_context(pool(gateway))

        assert [post(http).status for _ in range(MAX_REQUESTS)] == [202] * MAX_REQUESTS


def test_health_is_answered_whatever_the_clients_do(outside: Outside, http: HTTPConnectionPool) -> None:
    outside.intake = slow = SlowIntake()
    with ThreadPoolExecutor(MAX_REQUESTS) as threads:
        for _ in range(MAX_REQUESTS):
            threads.submit(post, http)
        eventually(lambda: slow.waiting == MAX_REQUESTS)

        answer = http.request("GET", "/health")
        refused = http.request("GET", "/health/x")
        slow.on.set()

    assert "limit" not in answer.json()
    assert refused.json()["limit"] == "MAX_REQUESTS"


def test_a_client_that_goes_in_the_middle_of_its_request_is_no_error(
    gateway: Served, http: HTTPConnectionPool, caplog: pytest.LogCaptureFixture
) -> None:
    with gateway.connect() as client:
        client.sendall(
            b"POST /api/orders/execute HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
            b"Content-Length: 100\r\n\r\n{"
        )
        eventually(lambda: gateway.connections == 1)

    eventually(lambda: gateway.connections == 0)
    assert caplog.records == []
    assert post(http).status == 202


def test_one_socket_too_many_is_refused_until_another_one_leaves(gateway: Served) -> None:
    url = f"ws://{gateway.address}{STATUS_PATH}"
    with connect(url), connect(url) as other:
        with pytest.raises(InvalidStatus) as refused:
            connect(url)
        other.close()

        eventually(lambda: can_connect(url))

    response = refused.value.response
    headers = {name.lower(): value for name, value in response.headers.raw_items()}
    assert_refused(response.status_code, headers, bytes(response.body or b""), "MAX_SOCKETS")


def test_refusals_are_logged_in_one_line_with_their_number(gateway: Served, caplog: pytest.LogCaptureFixture) -> None:
    url = f"ws://{gateway.address}{STATUS_PATH}"

    def logged() -> list[int]:
        return [vars(line)["count"] for line in caplog.records if vars(line).get("reason") == "MAX_SOCKETS"]

    with connect(url), connect(url):
        for _ in range(20):
            with pytest.raises(InvalidStatus):
                connect(url)
        eventually(lambda: sum(logged()) == 20)

    assert logged()[0] == 1  # at once
    assert len(logged()) <= 3
    assert [line for line in caplog.records if line.name.startswith("uvicorn")] == []


def can_connect(url: str) -> bool:
    try:
        with connect(url):
            return True
    except InvalidStatus:
        return False


def lowered(answer: HTTPResponse) -> dict[str, str]:
    return {name.lower(): value for name, value in answer.headers.items()}
