"""Measures how long the system takes to work again after a fault, and checks that this was short.

The measure is taken from outside: fresh orders, one of every partition, and the time until all are confirmed.
"""

import asyncio
import time
from collections.abc import Sequence
from contextlib import suppress
from itertools import count

import pg8000.exceptions

from local.client.api import Client
from orderflow.adapters.keys import order_partitions, partition_of
from orderflow.domain.lifecycle import TERMINAL
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import ledger_connection
from tests.harness.chaos.history.fault_record import FaultRecord
from tests.harness.chaos.system_under_test import SystemUnderTest
from tests.harness.chaos.workload.open_loop import OpenLoop
from tests.harness.chaos.workload.requests import ATTEMPT_TIMEOUT_S, LOST

POLL_S = 0.05
BACK_OFF_S = (0.1,)
RECOVERY_BOUND_S = 10.0
GIVE_UP_S = 30.0

_RECORDED = "SELECT count(*) FROM orders WHERE order_id = ANY(CAST(:ids AS uuid[])) AND status = 'confirmed'"


def injected(faults: Sequence[FaultRecord]) -> Invariant:
    """Every fault that this machine can have was injected."""
    tried = [fault for fault in faults if not fault.is_note]
    failed = [f"{fault.name} at {fault.at_s:.1f} s: {fault.problem}" for fault in tried if fault.problem is not None]
    return Invariant("faults were injected", len(tried), failed)


def recovered(faults: Sequence[FaultRecord]) -> Invariant:
    """Every fault was over within the bound."""
    invariant = Invariant(f"recovery within {RECOVERY_BOUND_S:.0f} s")
    for fault in faults:
        if fault.problem is not None:
            continue
        invariant.checked += 1
        if fault.recovered_s is None:
            invariant.violations.append(f"{fault.name} ({fault.target}) at {fault.at_s:.1f} s: never recovered")
        elif fault.recovered_s > RECOVERY_BOUND_S:
            invariant.violations.append(
                f"{fault.name} ({fault.target}) at {fault.at_s:.1f} s: recovered only after {fault.recovered_s:.1f} s"
            )
    return invariant


class RecoveryProbe:
    """Posts an order to every partition and follows them to their ends."""

    def __init__(self, system: SystemUnderTest, load: OpenLoop, partitions: int) -> None:
        self._system = system
        self._load = load
        self._partitions = partitions
        self._numbers = count(1)

    async def recovered(self, since: float) -> float | None:
        """Return how many seconds after `since` (on the monotonic clock) orders posted now were confirmed.

        Confirmed by the API, one of every partition, and then in the ledger too. None when that did not happen.
        """
        names = order_partitions(self._partitions)
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S), Client(self._system.url) as client:
                order_ids = await asyncio.gather(*(self._confirm_one(client, name) for name in names))
                while not await asyncio.to_thread(self._recorded, order_ids):
                    await asyncio.sleep(POLL_S)
                return time.monotonic() - since
        return None

    async def replaced(self, names: tuple[str, ...], offset: int, since: float) -> float | None:
        """Return how many seconds after `since` the runner wrote that every one of `names` runs again."""
        while time.monotonic() < since + GIVE_UP_S:
            output = self._system.output_since(offset)
            if all(f"{name} runs again" in output for name in names):
                return time.monotonic() - since
            await asyncio.sleep(POLL_S)
        return None

    async def _confirm_one(self, client: Client, partition: str) -> str:
        """Return an order of a partition, once it is confirmed; which partition an order gets is seen by its id."""
        while True:
            post = self._load.new_post(f"probe-{next(self._numbers)}")
            await self._load.place(client, post, BACK_OFF_S)
            for order_id in post.order_ids:
                is_there = partition_of(order_id, self._partitions) == partition
                if is_there and await self._ending(client, order_id) == "confirmed":
                    return order_id

    async def _ending(self, client: Client, order_id: str) -> str:
        while True:
            with suppress(*LOST):
                async with asyncio.timeout(ATTEMPT_TIMEOUT_S):
                    answer = await client.get(f"/api/orders/{order_id}")
                if answer.status == 200 and (status := str(answer.json()["status"])) in TERMINAL:
                    return status
            await asyncio.sleep(POLL_S)

    def _recorded(self, order_ids: list[str]) -> bool:
        with (
            suppress(pg8000.exceptions.InterfaceError, pg8000.exceptions.DatabaseError, OSError, KeyError),
            ledger_connection(self._system.database_url) as connection,
        ):
            [[found]] = connection.run(_RECORDED, ids=list(order_ids)) or [[0]]
            return int(found) == len(order_ids)
        return False
