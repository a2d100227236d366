"""The system on a Redis Cluster whose primaries are killed in the middle of orders: what was accepted is done, once."""

import asyncio
import signal
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import aiohttp
import pytest

from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import BACK, ORDER, audit, ended, place_many
from tests.support.redis_cluster import Nodes, run_nodes
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]


@pytest.fixture
def nodes() -> Iterator[Nodes]:
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory, run_nodes(Path(directory), replicas=1) as nodes:
        yield nodes


def insist(url: str, count: int) -> list[str]:
    """Post orders, each as often as it takes, under an idempotency key of its own; return their ids."""

    async def post(session: aiohttp.ClientSession, order: dict[str, str]) -> str:
        headers = {"Idempotency-Key": str(uuid4())}
        while True:
            async with session.post(f"{url}/api/orders/execute", json=order, headers=headers) as answer:
                if answer.status == 202:
                    return str((await answer.json())["order_id"])
                assert answer.status == 503, await answer.text()
                await asyncio.sleep(float(answer.headers["Retry-After"]) / 4)

    async def run() -> list[str]:
        async with aiohttp.ClientSession() as session, asyncio.timeout(30):
            return await asyncio.gather(*(post(session, (ORDER, BACK)[number % 2]) for number in range(count)))

    return asyncio.run(run())


@pytest.mark.parametrize("tag", ["{chain}", "{p3}"])
def test_a_primary_killed_in_the_middle_of_orders_loses_and_doubles_nothing(
    new_run: NewRun, nodes: Nodes, tag: str
) -> None:
    run = new_run(REDIS_URL=nodes.url, REDIS_CLUSTER="1", REDIS_MIN_REPLICAS="1", PARTITIONS="8", SPEED="0.5")
    run.start()
    placed = place_many(run.url, 150)
    killed = nodes.primary_of(tag)

    with ThreadPoolExecutor(1) as other:
        killed.kill()
        insisted = other.submit(insist, run.url, 50)
        successor = nodes.primary_of(tag)
        killed.start()  # as the new primary's replica: without one, nothing counts as kept
        placed += insisted.result()

    assert successor is not killed
    eventually(lambda: ended(run.state) == 200, timeout_s=60)
    assert audit(run.state | {"redis_url": nodes.primary_of("{chain}").url}, placed) == []


@pytest.mark.parametrize("tag", ["{chain}", "{p3}"])
def test_what_only_the_killed_primary_had_was_never_relied_on(new_run: NewRun, nodes: Nodes, tag: str) -> None:
    run = new_run(REDIS_URL=nodes.url, REDIS_CLUSTER="1", REDIS_MIN_REPLICAS="1", PARTITIONS="8", SPEED="0.5")
    run.start()
    placed = place_many(run.url, 150)
    killed = nodes.primary_of(tag)
    replica = nodes.replica_of(killed)

    with ThreadPoolExecutor(1) as other:
        nodes.cut_off(replica)
        insisted = other.submit(insist, run.url, 50)
        eventually(lambda: "0 of 1 replicas have what was written" in run.output.read_text())
        killed.kill()
        replica.signal(signal.SIGCONT)
        successor = nodes.primary_of(tag)
        killed.start()
        placed += insisted.result()

    assert successor is replica
    eventually(lambda: ended(run.state) == 200, timeout_s=60)
    assert audit(run.state | {"redis_url": nodes.primary_of("{chain}").url}, placed) == []
