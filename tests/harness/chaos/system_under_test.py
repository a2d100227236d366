"""What the faults are done to: a running system of our own, and the handles on it that a test has and a fault needs."""

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import psutil
import redis

from orderflow.adapters.keys import CHAIN, key
from orderflow.errors import OrderflowError
from tests.harness.chaos.disk import SmallDisk
from tests.harness.chaos.load import Load
from tests.harness.chaos.network import Network
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
    """The system that suffers, and who loads it. `disk` and `network` are there where a fault of the run needs them."""

    system: OwnSystem
    workers: int
    faults_file: Path
    disk: SmallDisk | None = None
    network: Network | None = None
    load: Load | None = None

    @property
    def pollers(self) -> list[str]:
        """The names of the poller processes."""
        return [f"poller-{number}" for number in range(1, self.workers + 1)]

    @property
    def partitions(self) -> list[str]:
        """All partitions, the chain's included; empty while the system is down."""
        return [CHAIN, *(f"p{number}" for number in range(self.system.state.get("partitions", 0)))]

    def process(self, name: str) -> psutil.Process:
        """Return a process of the system by its name; waits for it while it is being started again."""
        found: list[psutil.Process] = []

        def is_there() -> bool:
            pid = self.system.state.get("processes", {}).get(name)
            if pid is None or not psutil.pid_exists(pid):
                return False
            found[:] = [psutil.Process(pid)]
            return found[0].status() != psutil.STATUS_ZOMBIE

        self.wait_until(is_there, f"{name} does not run")
        return found[0]

    def redis(self) -> redis.Redis:
        """Return a client of its Redis, past whatever network faults there are."""
        url = str(self.system.state["redis_url"])
        return redis.Redis.from_url(url, decode_responses=True, socket_timeout=REDIS_TIMEOUT_S)

    def owners(self) -> dict[str, str]:
        """Return who holds the lease of each partition, by the poller's name; empty for one that nobody holds."""
        partitions = self.partitions
        with self.redis() as client:
            holders = client.mget([key(partition, "lease") for partition in partitions])
        return {
            partition: str(holder or "").rpartition("-")[0]
            for partition, holder in zip(partitions, holders, strict=True)
        }

    def said(self, offset: int = 0) -> str:
        """Return what the system has written since it had written `offset` bytes."""
        with self.system.output.open("rb") as output:
            output.seek(offset)
            return output.read().decode(errors="replace")

    def written(self) -> int:
        """Return how many bytes the system has written so far."""
        return self.system.output.stat().st_size

    @staticmethod
    def wait_until(condition: Callable[[], bool], otherwise: str, timeout_s: float = ACT_TIMEOUT_S) -> None:
        """Return when `condition` holds; raises NotInjectedError that says `otherwise` when it does not in time."""
        deadline = time.monotonic() + timeout_s
        while not condition():
            if time.monotonic() > deadline:
                raise NotInjectedError(otherwise)
            time.sleep(POLL_S)
