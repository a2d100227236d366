"""The system that faults are injected into, and what a fault needs of it: its processes, its Redis, its output."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from local.settings import ROOT
from local.template import read_template
from orderflow.adapters.keys import key
from orderflow.errors import OrderflowError
from orderflow.event_source.mapping import partitions_of
from tests.harness.chaos.nemesis.disk import SmallDisk
from tests.harness.chaos.nemesis.network import Network
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.own_system import OwnSystem

ACT_TIMEOUT_S = 30.0
POLL_S = 0.02
REDIS_TIMEOUT_S = 3.0


class NotInjectedError(OrderflowError):
    """A fault did not take hold, though this machine should be able to have it."""


class NotPossibleHereError(OrderflowError):
    """This machine does not allow a fault; the message says what it lacks."""


@dataclass(slots=True)
class SystemUnderTest:
    """A system of our own, and the load on it. `disk` and `network` are there where a fault of the run needs them."""

    own_system: OwnSystem
    workers: int
    faults_file: Path
    disk: SmallDisk | None = None
    network: Network | None = None
    load: OpenLoop | None = None

    @property
    def url(self) -> str:
        """Where its API is."""
        return self.own_system.url

    @property
    def database_url(self) -> str:
        """Where its ledger is. Raises KeyError while the system is down."""
        return str(self.own_system.state["database_url"])

    @property
    def partition_count(self) -> int:
        """How many partitions its orders are in; 0 while the system is down."""
        return int(self.own_system.state.get("partitions", 0))

    @property
    def pollers(self) -> list[str]:
        """The names of the poller processes."""
        return [f"poller-{number}" for number in range(1, self.workers + 1)]

    @property
    def partitions(self) -> list[str]:
        """All partitions; while the system is down only those that functions have of their own."""
        return partitions_of(read_template(ROOT / "template.yaml").event_sources, self.partition_count)

    def process(self, name: str) -> psutil.Process:
        """Return a process of the system by its name; waits for it while it is being started again."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            pid = self.own_system.state.get("processes", {}).get(name)
            if pid is None or not psutil.pid_exists(pid):
                return False
            found[:] = [psutil.Process(pid)]
            return found[0].status() != psutil.STATUS_ZOMBIE

        self.wait_until(is_there, f"{name} does not run")
        return found[0]

    def redis(self) -> redis.Redis:
        """Return a client of its Redis, past whatever network faults there are."""
        url = str(self.own_system.state["redis_url"])
        return redis.Redis.from_url(url, decode_responses=True, socket_timeout=REDIS_TIMEOUT_S)

    def lease_holders(self) -> dict[str, str]:
        """Return the name of the poller that holds the lease of each partition; empty where none does."""
        partitions = self.partitions
        with self.redis() as client:
            holders = client.mget([key(partition, "lease") for partition in partitions])
        return {
            partition: str(holder or "").rpartition("-")[0]
            for partition, holder in zip(partitions, holders, strict=True)
        }

    def output_since(self, offset: int) -> str:
        """Return what the system wrote after its first `offset` bytes."""
        with self.own_system.output.open("rb") as output:
            output.seek(offset)
            return output.read().decode(errors="replace")

    def output_size(self) -> int:
        """Return how many bytes the system has written so far."""
        return self.own_system.output.stat().st_size

    @staticmethod
    def wait_until(condition: Callable[[], bool], otherwise: str, timeout_s: float = ACT_TIMEOUT_S) -> None:
        """Return when `condition` holds; raises NotInjectedError that says `otherwise` when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise NotInjectedError(otherwise)
            time.sleep(POLL_S)
