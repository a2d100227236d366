"""`python -m orderflow.event_source`, for real: from Redis to Lambda's API and back, and what it says when it can't."""

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest
import redis

from orderflow.adapters.keys import key
from orderflow.adapters.partition_count import PARTITION_COUNT_KEY
from tests.support.kept_metrics import Scraped
from tests.support.lambda_api import LambdaApi
from tests.support.waiting import eventually

BINDINGS = [{"function": "build_order", "lambda": "orderflow-BuildOrder-X1", "stream": "build", "batch_size": 10}]
Start = Callable[..., "Program"]


class Program:
    """The program in the background, its output in a file."""

    def __init__(self, output: Path, **settings: str) -> None:
        self._output = output
        unset = ("REDIS_URL", "POWERTOOLS_METRICS_NAMESPACE", "LOG_FORMAT", "LOG_LEVEL", "AWS_DEFAULT_REGION")
        environment = {name: value for name, value in os.environ.items() if name not in unset} | {
            "EVENT_SOURCES": json.dumps(BINDINGS),
            "PARTITIONS": "1",
            "HEALTH_PORT": "0",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "x",
            "AWS_SECRET_ACCESS_KEY": "x",
            **settings,
        }
        with output.open("wb") as file:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "orderflow.event_source"], env=environment, stdout=file, stderr=file
            )

    @property
    def said(self) -> str:
        return self._output.read_text()

    @property
    def _port(self) -> str:
        return "".join(self.said.partition("health_port=")[2].split()[:1])

    def scrape(self) -> Scraped:
        """Return its answer to GET /metrics."""
        with urlopen(f"http://127.0.0.1:{self._port}/metrics") as answer:
            return Scraped(answer.read().decode())

    @property
    def health(self) -> int:
        """The status with which it answers GET /health; 0 for none."""
        if not (port := self._port):
            return 0
        try:
            with urlopen(f"http://127.0.0.1:{port}/health") as answer:
                return int(answer.status)
        except HTTPError as error:
            with error:
                return error.code


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    started: list[Program] = []

    def start_program(**settings: str) -> Program:
        started.append(Program(tmp_path / f"{len(started)}.log", **settings))
        return started[-1]

    yield start_program
    for program in started:
        with suppress(ProcessLookupError):
            program.process.kill()
        program.process.wait(10)


def add_orders(client: redis.Redis, count: int) -> None:
    for number in range(count):
        client.xadd(key("p0", "build"), {"order": f"order {number}"})


def test_records_reach_their_function_by_its_name_and_are_gone_once_it_has_answered(
    client: redis.Redis, redis_url: str, start: Start
) -> None:
    seen: list[str] = []

    def build_order(event: Any) -> dict[str, Any]:
        seen.extend(record["data"]["order"] for record in event["Records"])
        return {"batchItemFailures": []}

    with LambdaApi({"orderflow-BuildOrder-X1": build_order}) as api:
        add_orders(client, 25)
        program = start(REDIS_URL=redis_url, LAMBDA_ENDPOINT=api.url)

        eventually(lambda: len(seen) == 25 and client.xlen(key("p0", "build")) == 0)
        scraped = program.scrape()

    assert scraped.value("orderflow_records_total", service="build_order") == 25
    assert scraped.value("orderflow_elapsed_seconds_count", service="build_order") == 3  # of 10 at most
    assert scraped.by("orderflow_lag", "partition", stream="build") == {"p0": 0}
    assert scraped.value("orderflow_partitions") == 1
    assert seen == [f"order {number}" for number in range(25)]
    assert program.health == 200


def test_a_function_that_lambda_does_not_have_is_named_and_waited_for(
    client: redis.Redis, redis_url: str, start: Start
) -> None:
    with LambdaApi({}) as api:
        add_orders(client, 1)
        program = start(REDIS_URL=redis_url, LAMBDA_ENDPOINT=api.url)

        eventually(lambda: "Function not found: orderflow-BuildOrder-X1" in program.said)
        api.functions = {"orderflow-BuildOrder-X1": lambda _event: None}
        eventually(lambda: client.xlen(key("p0", "build")) == 0)

    assert "batch waits" in program.said
    assert client.xlen(key("p0", "dead")) == 0


def test_asked_to_end_it_finishes_the_batch_under_way_and_begins_no_other(
    client: redis.Redis, redis_url: str, start: Start
) -> None:
    begun, finish = threading.Semaphore(0), threading.Event()

    def build_order(_event: Any) -> None:
        begun.release()
        assert finish.wait(30)

    with LambdaApi({"orderflow-BuildOrder-X1": build_order}) as api:
        add_orders(client, 20)
        program = start(REDIS_URL=redis_url, LAMBDA_ENDPOINT=api.url)
        assert begun.acquire(timeout=30)

        program.process.send_signal(signal.SIGTERM)
        # Longer than a lease that nobody renews would last.
        with pytest.raises(subprocess.TimeoutExpired):
            program.process.wait(5)
        held = client.exists(key("p0", "lease"))
        finish.set()

        assert program.process.wait(10) == 0
    assert held
    assert not begun.acquire(blocking=False)
    assert client.xlen(key("p0", "build")) == 10
    assert not client.exists(key("p0", "lease"))


def test_without_redis_it_is_not_well_and_goes_on_when_redis_is_there(
    client: redis.Redis, redis_url: str, start: Start, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "redis.sock"
    with LambdaApi({"orderflow-BuildOrder-X1": lambda _event: None}) as api:
        program = start(REDIS_URL=f"unix://{elsewhere}", LAMBDA_ENDPOINT=api.url)
        eventually(lambda: "redis is unavailable" in program.said)
        before = program.health

        elsewhere.symlink_to(redis_url.removeprefix("unix://"))

        eventually(lambda: program.health == 200)
    assert before == 503


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"EVENT_SOURCES": ""}, "EVENT_SOURCES is not set: which function reads which stream?"),
        ({"EVENT_SOURCES": "[]"}, "EVENT_SOURCES can't be used: it is empty, or binds a function to a stream twice"),
        ({"EVENT_SOURCES": json.dumps(BINDINGS * 2)}, "EVENT_SOURCES can't be used: it is empty, or binds a function"),
        ({"EVENT_SOURCES": "[{"}, "EVENT_SOURCES can't be used: "),
        ({"EVENT_SOURCES": '[{"function":"a","stream":"b"}]'}, "missing required field `lambda` - at `$[0]`"),
        (
            {"EVENT_SOURCES": '[{"function":"a","lambda":"b","stream":"c","batchSize":1}]'},
            "unknown field `batchSize` - at `$[0]`",
        ),
        ({"PARTITIONS": "many"}, "PARTITIONS='many' can't be used"),
        ({"HEALTH_PORT": "70000"}, "HEALTH_PORT='70000' can't be used"),
        ({"LAMBDA_ENDPOINT": "nowhere"}, "Lambda can't be reached: Invalid endpoint: nowhere"),
        ({"AWS_REGION": "", "AWS_CONFIG_FILE": os.devnull}, "Lambda can't be reached: "),
        ({"REDIS_URL": "redis://:sec/ret@host"}, "REDIS_URL is not a URL that can be used"),
        ({"REDIS_URL": "redis://127.0.0.1:1", "REDIS_CLUSTER": "1"}, "Redis can't be reached: "),
    ],
)
def test_what_can_not_be_used_is_named_in_a_sentence(start: Start, settings: dict[str, str], said: str) -> None:
    program = start(**settings)

    assert program.process.wait(30) == 1
    assert said in program.said
    assert "Traceback" not in program.said
    assert "sec" not in program.said


def test_another_number_of_partitions_than_redis_is_used_with_ends_it_in_a_sentence(
    client: redis.Redis, redis_url: str, start: Start
) -> None:
    client.set(PARTITION_COUNT_KEY, 4)
    with LambdaApi({"orderflow-BuildOrder-X1": lambda _event: None}) as api:
        add_orders(client, 1)
        program = start(REDIS_URL=redis_url, LAMBDA_ENDPOINT=api.url, PARTITIONS="2")

        assert program.process.wait(30) == 1

    assert (
        "PARTITIONS=2 can't be used with this Redis: its orders lie in 4 partitions. Use PARTITIONS=4" in program.said
    )
    assert "Traceback" not in program.said
    assert client.xlen(key("p0", "build")) == 1
