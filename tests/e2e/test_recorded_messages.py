"""What every earlier version left in Redis, with orders at every place, taken up by today's system."""

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import aiohttp
import pg8000.native
import pytest
import redis

from orderflow.domain.lifecycle import followers
from orderflow.domain.status import Status
from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import audit
from tests.support.recorded import RecordedOrder, Recording, load, read_recording, recordings
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]


def go_on(recording: Recording, new_run: NewRun, redis_url: str, database_url: str) -> OwnSystem:
    """Start today's system on what was recorded."""
    servers = {"REDIS_URL": redis_url, "DATABASE_URL": database_url}
    market = {"SEED": str(recording.seed), "DROP_RATE": "0", "SPEED": "0"}
    run = new_run(PARTITIONS=str(recording.partitions), **servers, **market)
    run.start()
    return run


def dead_letters(run: OwnSystem, recording: Recording, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "local", "dead-letters", *arguments],
        env=os.environ | {"REDIS_URL": str(run.state["redis_url"]), "PARTITIONS": str(recording.partitions)},
        capture_output=True,
        text=True,
        check=False,
    )
    return done.stdout + done.stderr


async def post_again(url: str, order: RecordedOrder) -> str:
    headers = {"content-type": "application/json", **order.headers}
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{url}/api/orders/execute", data=order.body, headers=headers) as response,
    ):
        assert response.status == 202, await response.text()
        return str((await response.json())["order_id"])


async def show(url: str, order: RecordedOrder) -> list[str]:
    """Return the statuses that the API shows of an order."""
    async with aiohttp.ClientSession() as session, session.get(f"{url}/api/orders/{order.order_id}") as response:
        assert response.status == 200, await response.text()
        return [event["status"] for event in (await response.json())["history"]]


async def watch(url: str, order: RecordedOrder) -> list[str]:
    """Return the statuses that a socket is sent for an order."""
    statuses: list[str] = []
    async with aiohttp.ClientSession() as session, session.ws_connect(f"{url}/api/orders/status") as socket:
        await socket.send_str(order.order_id)
        while not statuses or statuses[-1] not in ("confirmed", "failed"):
            statuses.append(json.loads(await socket.receive_str(timeout=10))["status"])
    return statuses


@pytest.mark.parametrize("path", recordings(), ids=lambda path: path.stem)
def test_what_an_earlier_version_left_is_brought_to_its_end(
    path: Path,
    new_run: NewRun,
    redis_client: redis.Redis,
    redis_url: str,
    database_url: str,
    ledger_connection: pg8000.native.Connection,
) -> None:
    recording = read_recording(path)
    load(redis_client, recording.keys)
    expected = {order.order_id: order.end for order in recording.orders}

    run = go_on(recording, new_run, redis_url, database_url)

    def ends() -> dict[str, str]:
        rows = ledger_connection.run(
            "SELECT order_id::text, status FROM orders WHERE status IN ('confirmed', 'failed')"
        )
        return dict(rows)

    eventually(lambda: ends().keys() == expected.keys())
    assert ends() == expected, run.output.read_text()
    for order in recording.orders:
        statuses = asyncio.run(show(run.url, order))
        assert asyncio.run(watch(run.url, order)) == statuses
        assert (statuses[0], statuses[-1]) == ("pending", order.end)
        # Not always the whole course of today: some were beyond the place of a status that has come in since.
        assert all(after in followers(Status(before)) for before, after in pairwise(statuses))
        if "client_order_id" in order.body or order.headers:
            assert asyncio.run(post_again(run.url, order)) == order.order_id
    assert "ValueError: recorded" in dead_letters(run, recording, "list") == dead_letters(run, recording)
    said = dead_letters(run, recording, "redrive", "--all")
    assert "is on its way to record_order again" in said
    assert "has failed; discard the letter" in said
    eventually(lambda: not audit(run.state, expected, all_confirmed=False))
    assert "record failed" not in run.output.read_text()
