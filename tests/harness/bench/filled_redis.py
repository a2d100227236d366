"""A Redis in which orders rest far from the market, and a process beside it that works on it alone."""

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import ParamSpec, TypeVar

from local.servers.redis_server import start_redis
from orderflow.runtime.clients import open_redis
from tests.harness.bench.ageing import rewrite_log, used_memory
from tests.harness.bench.far_orders import fill

PARTITIONS = 2
FILLERS = 2
MAXMEMORY = "8gb"

Given = ParamSpec("Given")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class FilledRedis:
    """A Redis with so many `orders` that rest, which take `used_bytes` with all else; `worker` has it as its own."""

    url: str
    pid: int
    orders: int
    used_bytes: int
    worker: Executor

    def run(self, work: Callable[Given, Result], *arguments: Given.args, **more: Given.kwargs) -> Result:
        """Do work of this module's callers in the process beside it, and return its result."""
        return self.worker.submit(work, *arguments, **more).result()


@contextmanager
def filled(orders: int) -> Iterator[FilledRedis]:
    """Start a Redis, have so many orders rest in it, and lend it; its files are removed after."""
    with ExitStack() as stack:
        home = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="orderflow-", ignore_cleanup_errors=True)))
        server = start_redis(home, None, maxmemory=MAXMEMORY)
        stack.callback(server.stop)
        assert server.process is not None
        with workers(server.url, FILLERS) as fillers:
            shares = [orders // FILLERS + (number < orders % FILLERS) for number in range(FILLERS)]
            rested = sum(fillers.map(fill, shares, range(FILLERS)))
        with open_redis(server.url) as client:
            rewrite_log(client)
        worker = stack.enter_context(workers(server.url))
        yield FilledRedis(server.url, server.process.pid, rested, used_memory(server.url), worker)


@contextmanager
def workers(redis_url: str, count: int = 1) -> Iterator[Executor]:
    """Lend processes whose functions have this Redis as their own."""
    settings = {"REDIS_URL": redis_url, "PARTITIONS": str(PARTITIONS), "SPEED": "0", "LOG_LEVEL": "WARNING"}
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=spawn, initializer=_use, initargs=(settings,)) as pool:
        yield pool


def _use(settings: dict[str, str]) -> None:
    os.environ.update(settings)
