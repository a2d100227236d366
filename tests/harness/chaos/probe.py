"""Measures how long the system takes to work again: fresh orders in, the time until all are confirmed and recorded."""

import asyncio
import time
from contextlib import suppress
from itertools import count

import pg8000.exceptions

from local.client.api import Client
from orderflow.adapters.keys import partition_of
from tests.harness.chaos.evidence import ledger_connection
from tests.harness.chaos.load import ATTEMPT_TIMEOUT_S, LOST, Load
from tests.harness.chaos.system_under_test import SystemUnderTest

POLL_S = 0.05
BACK_OFF_S = (0.1,)
GIVE_UP_S = 30.0

_RECORDED = "SELECT count(*) FROM orders WHERE order_id = ANY(CAST(:ids AS uuid[])) AND status = 'confirmed'"


class Prober:
    """Posts an order to every partition and follows them to their ends."""

    def __init__(self, subject: SystemUnderTest, load: Load, partitions: int) -> None:
        self._subject = subject
        self._load = load
        self._partitions = partitions
        self._numbers = count(1)

    async def recovered(self, since: float) -> float | None:
        """Return how many seconds after `since` (on the monotonic clock) orders posted now were confirmed.

        Confirmed by the API, one of every partition, and then in the ledger too. None when that did not come about.
        """
        names = [f"p{number}" for number in range(self._partitions)]
        with suppress(TimeoutError):
            async with asyncio.timeout(GIVE_UP_S), Client(self._subject.system.url) as client:
                order_ids = await asyncio.gather(*(self._confirm_one(client, name) for name in names))
                while not await asyncio.to_thread(self._recorded, order_ids):
                    await asyncio.sleep(POLL_S)
                return time.monotonic() - since
        return None

    async def replaced(self, names: tuple[str, ...], offset: int, since: float) -> float | None:
        """Return how many seconds after `since` the runner had started every one of `names` again, by its own word."""
        while time.monotonic() < since + GIVE_UP_S:
            said = self._subject.said(offset)
            if all(f"{name} runs again" in said for name in names):
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
                if answer.status == 200 and (status := str(answer.json()["status"])) in ("confirmed", "failed"):
                    return status
            await asyncio.sleep(POLL_S)

    def _recorded(self, order_ids: list[str]) -> bool:
        with (
            suppress(pg8000.exceptions.InterfaceError, pg8000.exceptions.DatabaseError, OSError, KeyError),
            ledger_connection(str(self._subject.system.state["database_url"])) as connection,
        ):
            [[found]] = connection.run(_RECORDED, ids=list(order_ids)) or [[0]]
            return int(found) == len(order_ids)
        return False
