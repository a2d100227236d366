"""`python -m tests.harness bench floors`: what an order's parts cost alone, with nothing of ours around them.

Below these no version gets without other commands, other rows or another server. Processor time, in microseconds: that
of the server alone, and where it says so that of its client.
"""

import asyncio
import os
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine, Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, cast

import redis
import uvloop
from msgspec.structs import replace
from rich.console import Console
from uuid_utils import uuid7

from local.client.api import UnreachableError
from local.servers.postgres_server import start_postgres
from local.servers.redis_server import start_redis
from local.servers.server_process import Server
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_documents import OrderDocument
from orderflow.adapters.messages import name_of
from orderflow.adapters.postgres import connect
from orderflow.domain.order import Order, step_of
from orderflow.migrate import migrate
from orderflow.runtime.clients import open_redis
from tests.harness.bench.posting import OrderConnection
from tests.harness.bench.processor_time import family_s
from tests.harness.bench.watching import StatusConnection, Watch
from tests.harness.tables import table_of_figures
from tests.support.builders import encode
from tests.support.order_steps import pending, step_document, way_of
from tests.support.ports import HOST, free_port
from tests.support.programs import Program

ORDERS_AT_ONCE = 100
ROUNDS = 50
CONNECTIONS = 50
REQUESTS = 10_000
START_TIMEOUT_S = 30.0
BODY = b'{"token_in":"SOL","token_out":"USDC","amount":"1.5","order_type":"market","max_slippage":0.05}'

_Reply = list[tuple[str, list[tuple[str, dict[str, str]]]]]
Taken = tuple[Order, str, str]
"""An order after one of its steps, with that step as JSON and the name by which messages name it."""


@dataclass(frozen=True, slots=True)
class Floor:
    """A part of an order's way: µs of processor time of what serves it, and of its client."""

    part: str
    server_us: float
    client_us: float


def run_floors(rounds: int = ROUNDS, requests: int = REQUESTS) -> list[Floor]:
    """Measure every part, one after the other."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        home = Path(directory)
        return [*_redis(home, rounds), *_postgres(home, rounds), *_bare_server(home, requests)]


def show(floors: Sequence[Floor], console: Console) -> None:
    """Print them for a person."""
    table = table_of_figures("µs of processor time", "server", "client")
    for floor in floors:
        table.add_row(floor.part, f"{floor.server_us:,.1f}", f"{floor.client_us:,.1f}")
    console.print(table)


def _redis(home: Path, rounds: int) -> Iterator[Floor]:
    """Measure what an order's steps and messages are in Redis, without scripts, in pipelines of many orders."""
    with _stopped(start_redis(home, None)) as server, open_redis(server.url) as client:
        client.xgroup_create("stage", "stage", mkstream=True)
        way = [(order, encode(step_of(order)), name_of(order.order_id, order.sequence)) for order in way_of(pending())]
        parts = {
            "Redis: 5 steps of an order: HSET, XADD": partial(_steps, client, way),
            "Redis: 5 messages by stream: XADD, XREADGROUP, XACK": partial(_messages, client, way),
            "Redis: 4 messages by timer: ZADD, ZREM": partial(_timers, client, way),
        }
        for part, put in parts.items():
            yield _floor(part, _pid(server), rounds * ORDERS_AT_ONCE, partial(_again, put, rounds))


def _steps(client: redis.Redis, way: Sequence[Taken]) -> None:
    pipeline = client.pipeline(transaction=False)
    for number in range(ORDERS_AT_ONCE):
        for order, step, _ in way:
            state: dict[Any, Any] = {"sequence": order.sequence, "status": str(order.status)}
            pipeline.hset(f"order:{number}", mapping={**state, f"step:{order.sequence}": step})
            pipeline.xadd("status", {"order_id": order.order_id, **state, "event": step})
    pipeline.delete("status")
    pipeline.execute()


def _messages(client: redis.Redis, way: Sequence[Taken]) -> None:
    for _, _, name in way:
        pipeline = client.pipeline(transaction=False)
        for _ in range(ORDERS_AT_ONCE):
            pipeline.xadd("stage", {"attempt": 1, "order": name})
        pipeline.execute()
        [(_, entries)] = cast("_Reply", client.xreadgroup("stage", "owner", {"stage": ">"}, count=ORDERS_AT_ONCE))
        client.xack("stage", "stage", *(entry_id for entry_id, _ in entries))
        client.xtrim("stage", maxlen=0, approximate=False)


def _timers(client: redis.Redis, way: Sequence[Taken]) -> None:
    for number, (_, _, name) in enumerate(way[:-1]):
        pipeline = client.pipeline(transaction=False)
        members = [f"build {number} {place} {name}" for place in range(ORDERS_AT_ONCE)]
        for place, member in enumerate(members):
            pipeline.zadd("timers", {member: place})
        for member in members:
            pipeline.zrem("timers", member)
        pipeline.execute()


def _postgres(home: Path, rounds: int) -> Iterator[Floor]:
    """Measure the ledger's own statements: all steps of many orders in one transaction, as under load."""
    with _stopped(start_postgres(home, None)) as server:
        migrate(server.url)
        way, every = way_of(pending()), rounds * ORDERS_AT_ONCE
        documents = [step_document(replace(step, order_id=str(uuid7()))) for _ in range(every) for step in way]
        at_once = ORDERS_AT_ONCE * len(way)
        batches = [documents[start : start + at_once] for start in range(0, len(documents), at_once)]
        with closing(Ledger(partial(connect, server.url))) as ledger:
            ledger.write(batches.pop())
            part = f"Postgres: an order's rows, {ORDERS_AT_ONCE} orders a transaction"
            yield _floor(part, _pid(server), len(batches) * ORDERS_AT_ONCE, partial(_write, ledger, batches))


def _write(ledger: Ledger, batches: Sequence[Sequence[OrderDocument]]) -> None:
    for batch in batches:
        ledger.write(batch)


def _bare_server(home: Path, requests: int) -> Iterator[Floor]:
    """Measure the gateway's server with an application that does nothing."""
    port = free_port()
    command = [sys.executable, "-m", "tests.harness.bench.bare_server", str(port)]
    program = Program(command, os.environ, home / "bare_server.log")
    process = program.start()
    url = f"http://{HOST}:{port}"
    try:
        uvloop.run(_wait_for(url))
        parts = {"HTTP: a POST and its bare answer": _post, "WebSocket: a text and 5 statuses": _watch}
        for part, ask in parts.items():
            uvloop.run(ask(url, requests // 4))
            yield _floor(part, process.pid, requests, partial(_run, ask, url, requests))
    finally:
        program.stop()


async def _wait_for(url: str) -> None:
    async with asyncio.timeout(START_TIMEOUT_S):
        while True:
            try:
                (await OrderConnection.open(url)).close()
            except UnreachableError:
                await asyncio.sleep(0.02)
            else:
                return


async def _post(url: str, requests: int) -> None:
    connections = [await OrderConnection.open(url) for _ in range(CONNECTIONS)]

    async def post(connection: OrderConnection) -> None:
        for _ in range(requests // CONNECTIONS):
            await connection.post(BODY)
        connection.close()

    await asyncio.gather(*map(post, connections))


async def _watch(url: str, requests: int) -> None:
    def nothing(watch: Watch) -> None:
        return

    connections = [await StatusConnection.open(url, nothing, set()) for _ in range(CONNECTIONS)]

    async def watch(connection: StatusConnection) -> None:
        for number in range(requests // CONNECTIONS):
            await connection.watch(f"{number:036}").ended
        connection.close()

    await asyncio.gather(*map(watch, connections))


def _run(ask: Callable[[str, int], Coroutine[Any, Any, None]], url: str, requests: int) -> None:
    uvloop.run(ask(url, requests))


def _again(work: Callable[[], None], times: int) -> None:
    for _ in range(times):
        work()


def _floor(part: str, pid: int, orders: int, work: Callable[[], object]) -> Floor:
    server_before, client_before = family_s(pid), time.process_time()
    work()
    client_s, server_s = time.process_time() - client_before, family_s(pid) - server_before
    return Floor(part, server_s / orders * 1e6, client_s / orders * 1e6)


@contextmanager
def _stopped(server: Server) -> Iterator[Server]:
    try:
        yield server
    finally:
        server.stop()


def _pid(server: Server) -> int:
    assert server.process is not None
    return server.process.pid
