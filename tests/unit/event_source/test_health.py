"""What the event source answers about its health: well as long as it renews its leases."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection

import pytest

from orderflow.errors import ConfigurationError
from orderflow.event_source.health import FRESH_S, HealthServer
from orderflow.event_source.prometheus import Exposition
from orderflow.event_source.source import EventSource


class StillSource(EventSource):
    """An event source that does nothing but say when it last renewed its leases, and which."""

    def __init__(self, renewed_at: float) -> None:
        self.renewed_at = renewed_at

    @property
    def partitions(self) -> list[str]:
        return ["chain", "p1"]


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server(clock: Clock) -> Iterator[HealthServer]:
    opened = HealthServer(StillSource(renewed_at=clock.now), 0, clock)
    yield opened
    opened.close()


def ask(server: HealthServer, path: str = "/health") -> tuple[int, dict[str, object]]:
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", path)
    with connection.getresponse() as answer:
        return answer.status, json.loads(answer.read())


def test_it_is_well_as_long_as_it_renews_its_leases(server: HealthServer, clock: Clock) -> None:
    clock.now += FRESH_S

    assert ask(server) == (200, {"status": "ok", "partitions": ["chain", "p1"]})


def test_it_is_not_well_once_it_has_not_renewed_them_for_long(server: HealthServer, clock: Clock) -> None:
    clock.now += FRESH_S + 0.1

    assert ask(server) == (503, {"status": "leases not renewed for 15 s"})


def test_it_is_not_well_before_it_has_ever_reached_redis(clock: Clock) -> None:
    server = HealthServer(StillSource(renewed_at=float("-inf")), 0, clock)

    status, _ = ask(server)
    server.close()

    assert status == 503


def test_nothing_else_is_to_be_had(server: HealthServer) -> None:
    assert ask(server, "/")[0] == 404


def test_there_are_metrics_where_it_is_given_a_scrape(clock: Clock) -> None:
    def scrape(accept: str) -> Exposition:
        return Exposition(f"for {accept}".encode(), "text/plain; version=1.0.0")

    server = HealthServer(StillSource(renewed_at=clock.now), 0, clock, scrape)
    connection = HTTPConnection("127.0.0.1", server.port, timeout=10)
    connection.request("GET", "/metrics", headers={"Accept": "text/plain"})
    answer = connection.getresponse()
    body = answer.read()
    server.close()

    assert (answer.status, answer.headers["content-type"]) == (200, "text/plain; version=1.0.0")
    assert body == b"for text/plain"


def test_without_a_scrape_there_are_none(server: HealthServer) -> None:
    assert ask(server, "/metrics")[0] == 404


def test_a_port_that_is_taken_is_named(server: HealthServer) -> None:
    with pytest.raises(ConfigurationError, match=f"^HEALTH_PORT={server.port} can't be used: Address already in use$"):
        HealthServer(StillSource(renewed_at=0), server.port)
