"""A socket that follows all orders of its account: each status once and in order, whatever ends in the middle."""

import asyncio
import json
import signal
from collections.abc import Callable
from os import kill
from typing import Any

import aiohttp

from orderflow.domain.lifecycle import TERMINAL
from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import place_many
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]
TIMEOUT_S = 60


class Follower:
    """A client that subscribes to the channel, and again from where it was when its socket closes."""

    def __init__(self, url: str) -> None:
        self.frames: list[dict[str, Any]] = []
        self.answers: list[dict[str, Any]] = []
        self._url = url.replace("http", "ws", 1) + "/api/orders/status"

    @property
    def last(self) -> int | None:
        """The sequence of the latest event."""
        return self.frames[-1]["sequence"] if self.frames else None

    @property
    def ended(self) -> set[str]:
        """The orders whose ends it has seen."""
        events = [frame["event"] for frame in self.frames]
        return {event["order_id"] for event in events if event["status"] in set(map(str, TERMINAL))}

    async def follow(self) -> None:
        """Read until cancelled."""
        async with aiohttp.ClientSession() as session:
            while True:
                try:
                    async with session.ws_connect(self._url) as socket:
                        await self._read(socket)
                except (aiohttp.ClientError, OSError):
                    await asyncio.sleep(0.05)

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        resume = {} if self.last is None else {"resume": self.last}
        await socket.send_str(json.dumps({"action": "subscribe", "channel": "orders", **resume}))
        async for message in socket:
            frame = json.loads(message.data)
            (self.frames if "event" in frame else self.answers).append(frame)

    async def see_the_ends_of(self, order_ids: list[str]) -> None:
        """Return when it has seen the ends of these orders."""
        async with asyncio.timeout(TIMEOUT_S):
            while not self.ended >= set(order_ids):
                await asyncio.sleep(0.02)


def replace(run: OwnSystem, victim: str) -> None:
    """Kill a process, and wait for the next one of its name."""
    before = run.pid(victim)
    kill(before, signal.SIGKILL)
    eventually(lambda: run.pid(victim) != before)


def steps_by_order(follower: Follower) -> dict[str, list[int]]:
    """Return the sequences of each order's events, as they came."""
    steps: dict[str, list[int]] = {}
    for frame in follower.frames:
        steps.setdefault(frame["event"]["order_id"], []).append(frame["event"]["sequence"])
    return steps


def test_two_sockets_get_every_status_once_while_pollers_and_gateway_are_killed(new_run: NewRun) -> None:
    run = new_run(SPEED="0.5")
    run.start()
    followers = [Follower(run.url), Follower(run.url)]

    async def trade() -> list[str]:
        reading = [asyncio.create_task(follower.follow()) for follower in followers]
        async with asyncio.timeout(TIMEOUT_S):
            while not all(follower.answers for follower in followers):
                await asyncio.sleep(0.02)
        placed = []
        for victim in ("poller-1", "poller-2", "gateway"):
            placed += await asyncio.to_thread(place_many, run.url, 60)
            await asyncio.to_thread(replace, run, victim)
        for follower in followers:
            await follower.see_the_ends_of(placed)
        for task in reading:
            task.cancel()
        return placed

    placed = asyncio.run(trade())

    for follower in followers:
        assert follower.answers[0] == {"channel": "orders", "subscribed": True, "sequence": 0}
        assert [answer.get("error") for answer in follower.answers] == [None] * len(follower.answers)
        assert len(follower.answers) >= 2
        sequences = [frame["sequence"] for frame in follower.frames]
        assert sequences == list(range(1, len(sequences) + 1))
        steps = steps_by_order(follower)
        assert steps.keys() == set(placed)
        assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in steps.values())
    assert followers[0].frames == followers[1].frames


def test_a_resume_of_thousands_of_events_does_not_cut_the_socket_off(new_run: NewRun) -> None:
    run = new_run(SPEED="0")
    run.start()
    first, late = Follower(run.url), Follower(run.url)

    async def trade() -> None:
        reading = asyncio.create_task(first.follow())
        async with asyncio.timeout(TIMEOUT_S):
            while not first.answers:
                await asyncio.sleep(0.02)
        await first.see_the_ends_of(await asyncio.to_thread(place_many, run.url, 800))
        late.frames = first.frames[:1]
        reading_all = asyncio.create_task(late.follow())
        async with asyncio.timeout(TIMEOUT_S):
            while late.last != first.last:
                await asyncio.sleep(0.02)
        reading.cancel()
        reading_all.cancel()

    asyncio.run(trade())

    assert len(first.frames) > 3_500
    assert late.frames == first.frames
    [answer] = late.answers
    assert answer["sequence"] == first.frames[0]["sequence"]
    assert answer["latest"] == first.last
    assert len(first.answers) == 1
