"""GET /metrics of the management API, for scrapers that know the secret; and what of requests is recorded for it."""

from collections.abc import Iterator
from contextlib import closing
from http.client import HTTPConnection

import pytest
import redis

from functions.authorize_request import authorizer
from local.gateway.app import gateway_app
from local.gateway.connections import Connections
from local.gateway.management import management_app
from local.gateway.measured import RequestTimes
from local.gateway.metrics import scrape_of
from local.settings import LocalSettings
from orderflow.adapters.sockets import SECRET_HEADER
from orderflow.errors import RetryableError
from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.runtime.metrics import DIRECTORY, Distribution
from orderflow.venues.mock.venue import MockVenue
from tests.support.fakes.outside import Outside
from tests.support.kept_metrics import Scraped, kept_metrics
from tests.support.management_api import SECRET
from tests.support.served import served
from tests.support.waiting import eventually

BEARER = {"Authorization": f"Bearer {SECRET}"}


def get(address: str, path: str, headers: dict[str, str] | None = None, method: str = "GET") -> tuple[int, str]:
    with closing(HTTPConnection(address, timeout=20)) as connection:
        connection.request(method, path, headers=headers or {})
        answer = connection.getresponse()
        return answer.status, answer.read().decode()


def distributions(times: RequestTimes) -> list[tuple[tuple[str, ...], Distribution]]:
    return [(labels, each) for labels, each in times.values().of if isinstance(each, Distribution)]


def counted(times: RequestTimes) -> dict[tuple[str, ...], int]:
    return {labels: sum(each.counts) for labels, each in distributions(times)}


@pytest.fixture
def management(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.delenv(DIRECTORY, raising=False)
    connections, times = Connections(), RequestTimes()
    times.add("GET", "/health", 200, 0.25)
    app = management_app(connections, SECRET, scrape_of(PrometheusRecorder(), connections, times, LocalSettings()))
    with served(app) as server:
        yield server.address


@pytest.mark.parametrize("headers", [BEARER, {"authorization": f"bearer  {SECRET} "}, {SECRET_HEADER: SECRET}])
def test_a_scraper_with_the_secret_is_answered(management: str, headers: dict[str, str]) -> None:
    status, text = get(management, "/metrics", headers)

    assert status == 200
    scraped = Scraped(text)
    assert scraped.value("orderflow_request_seconds_sum", method="GET", route="/health", status="200") == 0.25
    assert scraped.value("orderflow_sockets") == 0
    assert scraped.by("orderflow_frames_total", "direction") == {"in": 0, "out": 0}
    assert scraped.by("orderflow_store_up", "store") == {"redis": 1, "postgres": 1}


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer "},
        {"Authorization": f"Bearer {SECRET[:-1]}"},
        {"Authorization": f"Basic {SECRET}"},
        {"Authorization": SECRET},
        BEARER | {SECRET_HEADER: "another"},
        BEARER | {"Origin": "null"},
    ],
)
def test_anyone_else_is_not(management: str, headers: dict[str, str]) -> None:
    assert get(management, "/metrics", headers)[0] == 403


def test_it_is_only_read(management: str) -> None:
    assert get(management, "/metrics", BEARER, "POST")[0] == 405


def test_a_store_that_does_not_answer_is_down_and_the_rest_is_shown(management: str, outside: Outside) -> None:
    outside.ledger.error = RetryableError("Postgres can't be reached")

    scraped = Scraped(get(management, "/metrics", BEARER)[1])

    assert scraped.by("orderflow_store_up", "store") == {"redis": 1, "postgres": 0}
    assert scraped.value("orderflow_sockets") == 0


def test_nothing_is_asked_of_a_redis_that_does_not_answer(
    management: str, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert Scraped(get(management, "/metrics", BEARER)[1]).value("orderflow_slot") is not None
    asked: list[str] = []
    outside.redis_health.error = redis.TimeoutError("no answer")

    def slot(_venue: MockVenue) -> int:
        asked.append("slot")
        return 0

    monkeypatch.setattr(MockVenue, "slot", slot)

    def down() -> bool:
        asked.clear()
        return Scraped(get(management, "/metrics", BEARER)[1]).value("orderflow_store_up", store="redis") == 0

    eventually(down)
    assert asked == [], "each wait would be longer than a scraper's"


def test_the_clients_port_has_no_metrics(outside: Outside) -> None:
    with served(gateway_app(10, 10)) as gateway:
        assert get(gateway.address, "/metrics", BEARER)[0] == 404


def test_each_request_is_measured_by_its_route_and_status(outside: Outside) -> None:
    times = RequestTimes()
    with served(gateway_app(10, 10, times=times)) as gateway:
        for path in ("/health", "/api/orders/1", "/api/orders/2", "/api/orders/execute", "/nowhere", "/else/where"):
            get(gateway.address, path)
        get(gateway.address, "/health", {"Host": "evil.example"})
        eventually(lambda: sum(counted(times).values()) >= 7)

    assert counted(times) == {
        ("GET", "/health", "200"): 1,
        ("GET", "/api/orders/{order_id}", "404"): 2,
        ("GET", "/api/orders/execute", "426"): 1,
        ("GET", "none", "404"): 2,
        ("GET", "none", "421"): 1,
    }
    assert all(0 < each.sum_s < 20 for _, each in distributions(times))


def test_a_request_without_its_key_is_measured_by_its_route_too(outside: Outside) -> None:
    times = RequestTimes()
    with served(gateway_app(10, 10, authorizer=authorizer, times=times)) as gateway:
        get(gateway.address, "/api/orders")
        eventually(lambda: bool(counted(times)))

    assert counted(times) == {("GET", "/api/orders", "401"): 1}


def test_a_limit_that_was_hit_is_counted_by_its_name(outside: Outside) -> None:
    with kept_metrics() as kept, served(gateway_app(0, 10)) as gateway:
        get(gateway.address, "/api/tokens")
        eventually(lambda: ("refused", "gateway", "MAX_REQUESTS") in kept.values)
