"""Processes that end or hang in the middle of orders: nothing lost, nothing doubled, and on it goes."""

import asyncio
import json
import signal
from collections.abc import Callable
from os import kill
from urllib.request import urlopen

import aiohttp
import pytest

from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import ORDER, audit, ended, place_many
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]


def post(url: str) -> tuple[int, str | None]:
    async def run() -> tuple[int, str | None]:
        async with aiohttp.ClientSession() as session, session.post(f"{url}/api/orders/execute", json=ORDER) as answer:
            return answer.status, answer.headers.get("Retry-After")

    return asyncio.run(run())


def test_a_restart_in_the_middle_of_200_orders_loses_and_doubles_nothing(new_run: NewRun) -> None:
    run = new_run(SPEED="1")
    run.start()
    placed = place_many(run.url, 200)

    status = run.stop(signal.SIGINT)
    run.start()

    assert status == 0
    eventually(lambda: ended(run.state) == 200)
    assert audit(run.state, placed) == []


def test_the_runner_killed_in_the_middle_of_200_orders_loses_and_doubles_nothing(new_run: NewRun) -> None:
    run = new_run(SPEED="0.5")
    run.start()
    placed = place_many(run.url, 200)

    run.stop(signal.SIGKILL)
    run.start()

    eventually(lambda: ended(run.state) == 200)
    assert audit(run.state, placed) == []


@pytest.mark.parametrize("victim", ["poller-1", "gateway", "redis", "postgres"])
def test_a_killed_process_comes_back_and_the_orders_under_way_with_it(new_run: NewRun, victim: str) -> None:
    run = new_run(SPEED="0.3")
    run.start()
    placed = place_many(run.url, 100)
    before = run.pid(victim)

    kill(before, signal.SIGKILL)

    eventually(lambda: run.pid(victim) != before)
    eventually(lambda: ended(run.state) == 100)
    eventually(lambda: post(run.url)[0] == 202)
    eventually(lambda: ended(run.state) == 101)
    assert audit(run.state, placed) == []
    assert f"{victim} was ended by SIGKILL" in run.output.read_text()


def test_without_redis_an_order_is_refused_until_it_is_back(new_run: NewRun) -> None:
    run = new_run(SPEED="0")
    run.start()
    frozen = run.pid("redis")

    kill(frozen, signal.SIGSTOP)
    refused = post(run.url)
    kill(frozen, signal.SIGCONT)

    assert refused == (503, "1")
    eventually(lambda: post(run.url)[0] == 202)
    eventually(lambda: ended(run.state) >= 1)


def test_without_postgres_trading_goes_on_and_the_ledger_catches_up(new_run: NewRun) -> None:
    run = new_run(SPEED="0")
    run.start()
    frozen = run.pid("postgres")

    kill(frozen, signal.SIGSTOP)
    placed = place_many(run.url, 20)
    last = placed[-1]

    def confirmed() -> bool:
        with urlopen(f"{run.url}/api/orders/{last}") as answer:
            return bool(json.load(answer)["status"] == "confirmed")

    eventually(confirmed)
    kill(frozen, signal.SIGCONT)

    eventually(lambda: ended(run.state) == 20)
    assert audit(run.state, placed) == []
