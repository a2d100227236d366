"""Faults of the servers: no memory left, a full disk, leases that vanish from Redis."""

import signal
import time
from random import Random

from orderflow.adapters.keys import key
from orderflow.adapters.leases import LEASE_MS, MEMBERS
from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.system_under_test import NotPossibleHereError, SystemUnderTest

SPARE_BYTES = 64 * 1024
DEATH_RATE = 0.5
STEALS = 10
BETWEEN_STEALS_S = 0.4


def redis_out_of_memory(system: SystemUnderTest, _random: Random) -> Fault:
    """Return a Redis that has next to no memory left and refuses every command that would need more."""

    def limit(more: bool) -> None:
        with system.redis() as client:
            used = int(client.info("memory")["used_memory"])
            client.config_set("maxmemory", used + SPARE_BYTES if more else 0)

    return Fault("redis", lambda: limit(True), lambda: limit(False))


def postgres_disk_full(system: SystemUnderTest, random: Random) -> Fault:
    """Return a full disk for Postgres; every other time it is killed and has to start on the full disk."""
    disk, dies = system.disk, random.random() < DEATH_RATE
    if disk is None:
        raise NotPossibleHereError("a disk of its own for Postgres needs the right to mount")

    def inject() -> None:
        disk.fill()
        if dies:
            system.process("postgres").send_signal(signal.SIGKILL)

    return Fault("postgres, which dies" if dies else "postgres", inject, disk.empty, ("postgres",) if dies else ())


def lease_stolen(system: SystemUnderTest, random: Random) -> Fault:
    """Return leases that vanish or change hands again and again, so that two pollers work on one partition.

    The poller that lost a lease notices at its next renewal; until then both work.
    """

    def inject() -> None:
        with system.redis() as client:
            for _ in range(STEALS):
                members = sorted(client.zrange(MEMBERS, 0, -1))
                for partition in system.partitions:
                    thief = random.choice([None, *members])
                    if thief is None:
                        client.delete(key(partition, "lease"))
                    else:
                        client.set(key(partition, "lease"), thief, px=LEASE_MS)
                time.sleep(BETWEEN_STEALS_S)

    return Fault("every partition", inject)


KINDS = {
    "redis-out-of-memory": Kind("Redis without memory (maxmemory, noeviction)", redis_out_of_memory, 4.0, True),
    "postgres-disk-full": Kind("a full disk for Postgres", postgres_disk_full, 6.0),
    "lease-stolen": Kind("leases deleted and handed to others, two holders at once", lease_stolen, takes_s=4.0),
}
