"""Programs in which a thread fails by a bug: the process must end, to be started again, and never stand still."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import redis

from orderflow.runtime.stopping import THREAD_FAILED
from tests.support.lambda_api import LambdaApi
from tests.support.ports import free_port

EVENT_SOURCE = "orderflow.event_source.__main__"
POLLER = "local.run.poller"
BINDINGS = [
    {"function": "build_order", "lambda": "build", "stream": "build"},
    {"function": "publish_status", "lambda": "publish", "stream": "status", "ordered": True},
]

PROGRAM = """
import importlib, sys

def fail(*arguments, **named):
    raise ZeroDivisionError("injected")

module, name, attribute, program = sys.argv[1:]
holder = importlib.import_module(module)
for part in name.split("."):
    holder = getattr(holder, part) if part else holder
setattr(holder, attribute, fail)
importlib.import_module("orderflow.event_source.lag").PUBLISH_S = 0.1
main = importlib.import_module(program).main
sys.exit(main("one") if program == "local.run.poller" else main())
"""

THREADS = {
    "what takes turns": ("orderflow.adapters.streams", "Streams", "turn"),
    "what waits for entries and timers": ("orderflow.adapters.streams", "Streams", "wait"),
    "what takes up what was left": ("orderflow.adapters.streams", "Streams", "deliveries"),
    "what publishes the lag": ("orderflow.event_source.lag", "", "measure"),
    "what answers how it is": ("http.server", "ThreadingHTTPServer", "service_actions"),
}
HEARTBEAT = {
    "what renews the leases": ("orderflow.adapters.leases", "Leases", "hold"),
    "what says that it lives": ("orderflow.adapters.leases", "Leases", "members"),
}


def run_until_it_ends(fault: tuple[str, str, str], program: str, log: Path, **settings: str) -> tuple[int, str]:
    unset = ("LOG_FORMAT", "LOG_LEVEL", "ORDERFLOW_PARENT_WATCHDOG", "INVOKER")
    environment = {name: value for name, value in os.environ.items() if name not in unset} | {
        "EVENT_SOURCES": json.dumps(BINDINGS),
        "PARTITIONS": "1",
        "HEALTH_PORT": str(free_port()),
        "POWERTOOLS_METRICS_NAMESPACE": "Orderflow",
        "AWS_REGION": "eu-central-1",
        "AWS_ACCESS_KEY_ID": "x",
        "AWS_SECRET_ACCESS_KEY": "x",
        **settings,
    }
    with log.open("wb") as output:
        ended = subprocess.run(
            [sys.executable, "-c", PROGRAM, *fault, program],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
            timeout=60,
        )
    return ended.returncode, log.read_text(encoding="utf-8")


@pytest.mark.parametrize("program", [EVENT_SOURCE, POLLER])
@pytest.mark.parametrize("thread", THREADS)
def test_a_thread_that_fails_takes_its_process_with_it(
    client: redis.Redis, redis_url: str, tmp_path: Path, thread: str, program: str
) -> None:
    with LambdaApi({}) as api:
        settings = {"REDIS_URL": redis_url, "LAMBDA_ENDPOINT": api.url, "INVOKE": "lambda"}
        status, said = run_until_it_ends(THREADS[thread], program, tmp_path / "log", **settings)

    assert status == THREAD_FAILED
    assert "thread failed" in said
    assert "Traceback (most recent call last)" in said
    assert "ZeroDivisionError: injected" in said


@pytest.mark.parametrize("program", [EVENT_SOURCE, POLLER])
@pytest.mark.parametrize("thread", HEARTBEAT)
def test_so_does_the_thread_that_holds_the_leases(
    client: redis.Redis, redis_url: str, tmp_path: Path, thread: str, program: str
) -> None:
    with LambdaApi({}) as api:
        settings = {"REDIS_URL": redis_url, "LAMBDA_ENDPOINT": api.url, "INVOKE": "lambda"}
        status, said = run_until_it_ends(HEARTBEAT[thread], program, tmp_path / "log", **settings)

    assert status == 1
    assert "process failed" in said
    assert "ZeroDivisionError: injected" in said


def test_what_watches_over_time_outs_in_a_poller_takes_it_along_too(
    client: redis.Redis, redis_url: str, tmp_path: Path
) -> None:
    fault = ("orderflow.event_source.invoke", "InProcess", "_watch")
    status, said = run_until_it_ends(fault, POLLER, tmp_path / "log", REDIS_URL=redis_url, INVOKE="here")

    assert status == THREAD_FAILED
    assert "thread_name=time-outs" in said


def test_so_does_a_thread_of_the_gateway(redis_url: str, tmp_path: Path) -> None:
    fault = ("local.run.parent_watchdog", "", "_wait_for_end")
    settings = {"REDIS_URL": redis_url, "PORT": str(free_port()), "ORDERFLOW_PARENT_WATCHDOG": "stdin"}
    status, said = run_until_it_ends(fault, "local.gateway.__main__", tmp_path / "log", **settings)

    assert status == THREAD_FAILED
    assert "thread_name=parent-watchdog" in said
