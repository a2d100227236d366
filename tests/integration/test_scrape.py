"""What a scrape measures of the partitions in Redis, and what it leaves out when Redis does not answer."""

import pytest
import redis

from orderflow.adapters.keys import key
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.event_source.scrape import measure_all, scrape_of
from orderflow.event_source.source import EventSource
from orderflow.runtime.metrics import DIRECTORY
from tests.support.kept_metrics import Scraped
from tests.support.ports import free_port

MAPPINGS = [
    EventSourceMapping(function="route_order", stream="route"),
    EventSourceMapping(function="produce_block", stream="transactions", scope="chain"),
]


class HoldingSource(EventSource):
    """An event source that holds some partitions, and renewed their leases at some time."""

    def __init__(self, *partitions: str, renewed_at: float = float("inf")) -> None:
        self._names = list(partitions)
        self.renewed_at = renewed_at

    @property
    def partitions(self) -> list[str]:
        return self._names


@pytest.fixture
def recorder(monkeypatch: pytest.MonkeyPatch) -> PrometheusRecorder:
    monkeypatch.delenv(DIRECTORY, raising=False)
    return PrometheusRecorder()


def scraped(recorder: PrometheusRecorder, client: redis.Redis, source: EventSource) -> Scraped:
    return Scraped(scrape_of(recorder, client, source, MAPPINGS)("").body.decode())


def test_an_event_source_shows_the_partitions_that_it_holds_and_no_others(
    recorder: PrometheusRecorder, client: redis.Redis
) -> None:
    for partition, entries in (("p0", 3), ("p1", 5)):
        for _ in range(entries):
            client.xadd(key(partition, "route"), {"order": "{}"})
    client.zadd(key("p0", "resting"), {"an order": 1})
    client.xadd(key("chain", "dead"), {"order": "{}"})

    seen = scraped(recorder, client, HoldingSource("p0", "chain"))

    assert seen.by("orderflow_lag", "stream", partition="p0") == {"route": 3}
    assert seen.by("orderflow_lag", "stream", partition="chain") == {"transactions": 0}
    assert seen.by("orderflow_lag", "partition") == {"p0": 3, "chain": 0}
    assert seen.by("orderflow_resting", "partition") == {"p0": 1, "chain": 0}
    assert seen.by("orderflow_dead_letters", "partition") == {"p0": 0, "chain": 1}
    assert seen.value("orderflow_partitions") == 2
    assert seen.value("orderflow_store_up", store="redis") == 1


def test_where_redis_does_not_answer_the_scrape_says_so_and_shows_what_was_counted(
    recorder: PrometheusRecorder,
) -> None:
    recorder.record("records", ("route_order",), 4)
    client = redis.Redis(port=free_port())

    seen = scraped(recorder, client, HoldingSource("p0"))

    assert seen.value("orderflow_store_up", store="redis") == 0
    assert seen.by("orderflow_lag", "partition") == {}
    assert seen.value("orderflow_records_total", service="route_order") == 4


def test_an_event_source_whose_leases_are_not_renewed_does_not_know_redis(
    recorder: PrometheusRecorder, client: redis.Redis
) -> None:
    seen = scraped(recorder, client, HoldingSource(renewed_at=float("-inf")))

    assert seen.value("orderflow_store_up", store="redis") == 0


def test_after_a_time_out_no_other_partition_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def time_out(_client: redis.Redis, partition: str, _streams: list[str], _now_ms: int) -> None:
        asked.append(partition)
        raise redis.TimeoutError

    monkeypatch.setattr("orderflow.event_source.scrape.measure", time_out)

    assert measure_all(redis.Redis(), ["p0", "p1"], MAPPINGS) == {}
    assert asked == ["p0"]
