"""What the event source says of what waits: measured in Redis, published as embedded metrics."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from orderflow.adapters.keys import key
from orderflow.adapters.stream_lag import PartitionLag, StreamLag, measure
from orderflow.event_source.lag import publish, publish_lags
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.source import EventSource
from orderflow.venues.mock.keys import CHAIN
from tests.support.redis_servers import on_single_and_cluster
from tests.support.waiting import eventually

METRICS = "orderflow.event_source.lag"


def waiting(name: str, entries: int, age_ms: int) -> StreamLag:
    return StreamLag(name, entries, age_ms)


def metrics(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines() if '"_aws"' in line]


@on_single_and_cluster
def test_what_waits_is_counted_and_the_oldest_dated(client: redis.Redis) -> None:
    for milliseconds in (5_000, 7_000):
        client.xadd(key("p0", "route"), {"order": "{}"}, id=f"{milliseconds}-0")
    client.zadd(key("p0", "timers"), {"build 1 {}": 8_400, "build 1 []": 8_500, "build 1 ''": 9_500})
    client.zadd(key("p0", "resting"), {"an order": 1, "another": 2})
    client.xadd(key("p0", "dead"), {"order": "{}"})

    lag = measure(client, "p0", ["route", "build"], 9_000)

    assert lag == PartitionLag(
        [waiting("route", 2, 4_000), waiting("build", 0, 0)], timers=3, dead_letters=1, timers_late_ms=600, resting=2
    )


def test_an_entry_of_a_clock_that_is_ahead_is_not_younger_than_new(client: redis.Redis) -> None:
    client.xadd(key("p0", "route"), {"order": "{}"}, id="5000-0")
    client.zadd(key("p0", "timers"), {"build 1 {}": 5_000})

    lag = measure(client, "p0", ["route"], 4_990)

    assert lag.streams == [waiting("route", 1, 0)]
    assert lag.timers_late_ms == 0


def test_the_worst_of_each_stream_and_of_all_is_published(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")

    publish(
        [
            PartitionLag([waiting("route", 7, 100), waiting("status", 1, 900)], 4, 1, timers_late_ms=30, resting=2),
            PartitionLag([waiting("route", 3, 800), waiting("status", 2, 200)], 5, 0, timers_late_ms=70, resting=3),
        ]
    )

    route, status, everything = metrics(capsys)
    assert (route["service"], route["stream"], route["lag"], route["age_ms"]) == ("event_source", "route", [7], [800])
    assert (status["stream"], status["lag"], status["age_ms"]) == ("status", [2], [900])
    assert (everything["lag"], everything["age_ms"]) == ([7], [900])
    assert (everything["timers"], everything["dead_letters"]) == ([9], [1])
    assert (everything["timers_late_ms"], everything["resting"]) == ([70], [5])
    dimensions = [line["_aws"]["CloudWatchMetrics"][0]["Dimensions"] for line in (route, everything)]
    assert [sorted(names) for [names] in dimensions] == [["service", "stream"], ["service"]]
    assert "stream" not in everything


class OwningSource(EventSource):
    """An event source that says which partitions it owns."""

    def __init__(self, *partitions: str) -> None:
        self._names = list(partitions)

    @property
    def partitions(self) -> list[str]:
        return self._names


def test_only_what_an_event_source_owns_is_published_again_and_again(
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    in_thread: Callable[..., Any],  # after what it needs, so that it ends before that is removed
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    monkeypatch.setattr(f"{METRICS}.PUBLISH_S", 0.01)
    mappings = [
        EventSourceMapping(function="route_order", stream="route"),
        EventSourceMapping(function="produce_block", stream="transactions", scope="chain"),
    ]
    for partition, stream in (("p0", "route"), ("p1", "route"), (CHAIN, "transactions"), (CHAIN, "route")):
        client.xadd(key(partition, stream), {"order": "{}"})
    client.xadd(key("p1", "route"), {"order": "{}"})
    seen: list[dict[str, Any]] = []

    in_thread(lambda stop: publish_lags(client, OwningSource("p0", CHAIN), mappings, stop))

    def has_published_twice() -> bool:
        seen.extend(metrics(capsys))
        return len(seen) >= 6

    eventually(has_published_twice)
    assert [(line.get("stream"), line["lag"]) for line in seen[:3]] == [
        ("route", [1]),
        ("transactions", [1]),
        (None, [1]),
    ]
    assert seen[3]["stream"] == "route"


def test_one_that_owns_nothing_says_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    publish([])

    assert capsys.readouterr().out == ""


def test_one_that_owns_partitions_without_streams_of_its_own_measures_their_timers(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")

    publish([PartitionLag([], timers=2, dead_letters=1)])

    [line] = metrics(capsys)
    assert (line["timers"], line["dead_letters"], "lag" in line) == ([2], [1], False)
