"""Asks which launches are announced, again and again, as any client would; when each opens, as far as can be seen."""

import asyncio
import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from local.client.api import Client
from tests.harness.chaos.workload.requests import answer_to

EVERY_S = 0.25


class Announced(NamedTuple):
    """A launch to come: the mint of its token, and what its pool takes."""

    mint: str
    quote: str
    open_slot: int


class LaunchList:
    """The launches that are announced, the next to open first, and how fast slots have passed of late."""

    def __init__(self, now_s: Callable[[], float] = time.monotonic) -> None:
        self.announced: list[Announced] = []
        self._now_s = now_s
        self._slot: int | None = None
        self._asked_at = 0.0
        self._slot_s = 0.0

    def against(self, token: str) -> list[Announced]:
        """Return the launches whose pools take a token."""
        return [launch for launch in self.announced if launch.quote == token]

    def opens_in_s(self, token_in: str, conditions: Mapping[str, Any]) -> float | None:
        """Return in how many seconds, about, the launch opens that an order waits for; None where that is not known."""
        mint = conditions["target"].get("mint")
        awaited = [launch for launch in self.against(token_in) if mint in (None, launch.mint)]
        if not awaited or not self._slot_s or self._slot is None:
            return None
        since_asked_s = self._now_s() - self._asked_at
        return max(0.0, (awaited[0].open_slot - self._slot) * self._slot_s - since_asked_s)

    async def run(self, url: str) -> None:
        """Ask until cancelled."""
        async with Client(url) as client:
            while True:
                await self.ask(client)
                await asyncio.sleep(EVERY_S)

    async def ask(self, client: Client) -> None:
        """Ask once; where no answer comes all stays as it was."""
        answer = await answer_to(client.get("/api/launches?status=announced"))
        if isinstance(answer, str) or answer.status != 200:
            return
        page, now = answer.json(), self._now_s()
        if self._slot is not None and page["slot"] > self._slot:
            self._slot_s = (now - self._asked_at) / (page["slot"] - self._slot)
        self._slot, self._asked_at = page["slot"], now
        launches = [Announced(each["token"]["mint"], each["quote"], each["open_slot"]) for each in page["launches"]]
        self.announced = sorted(launches, key=lambda launch: launch.open_slot)
