"""Concurrent calls that share a batch."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from orderflow.adapters import call_batcher
from orderflow.adapters.call_batcher import MAX_BATCH, CallBatcher
from orderflow.errors import OverloadedError


class Trips:
    """Where the calls go: every batch is noted, and comes back when it is let."""

    def __init__(self) -> None:
        self.taken: list[list[int]] = []
        self.under_way = 0
        self.most_at_once = 0
        self.back = asyncio.Event()
        self.back.set()

    async def send(self, items: Sequence[int]) -> list[str]:
        self.taken.append(list(items))
        self.under_way += 1
        self.most_at_once = max(self.most_at_once, self.under_way)
        await self.back.wait()
        self.under_way -= 1
        if -1 in items:
            raise ConnectionError("no way")
        return [f"reply {item}" for item in items]


def with_trips(test: Callable[[Trips, CallBatcher[int, str]], Awaitable[None]]) -> None:
    async def run() -> None:
        trips = Trips()
        await test(trips, CallBatcher(trips.send))

    asyncio.run(run())


async def let_start(tasks: int = 1) -> None:
    """Give what was started a few turns of the loop."""
    for _ in range(5 * tasks):
        await asyncio.sleep(0)


def test_a_lone_call_goes_at_once_and_gets_its_reply() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        assert await together.add(1) == "reply 1"
        assert await together.add(2) == "reply 2"
        assert trips.taken == [[1], [2]]

    with_trips(test)


def test_calls_that_come_at_once_share_a_trip_and_each_gets_its_own_reply() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        replies = await asyncio.gather(*(together.add(number) for number in range(10)))

        assert replies == [f"reply {number}" for number in range(10)]
        assert trips.taken == [list(range(10))]

    with_trips(test)


def test_what_comes_while_a_trip_is_under_way_waits_for_the_next_one() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        trips.back.clear()
        first = asyncio.ensure_future(together.add(1))
        await let_start()
        later = [asyncio.ensure_future(together.add(number)) for number in (2, 3, 4)]
        await let_start()
        assert trips.taken == [[1]]

        trips.back.set()

        assert await asyncio.gather(first, *later) == ["reply 1", "reply 2", "reply 3", "reply 4"]
        assert trips.taken == [[1], [2, 3, 4]]
        assert trips.most_at_once == 1

    with_trips(test)


def test_a_trip_takes_so_many_and_no_more() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        numbers = range(2 * MAX_BATCH + 1)

        replies = await asyncio.gather(*(together.add(number) for number in numbers))

        assert replies == [f"reply {number}" for number in numbers]
        assert [len(batch) for batch in trips.taken] == [MAX_BATCH, MAX_BATCH, 1]
        assert trips.most_at_once == 1

    with_trips(test)


def test_a_trip_that_fails_fails_all_of_its_calls_and_none_of_the_next() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        trips.back.clear()
        lost = [asyncio.ensure_future(together.add(number)) for number in (1, -1)]
        await let_start()
        saved = asyncio.ensure_future(together.add(2))
        await let_start()
        trips.back.set()

        outcomes = await asyncio.gather(*lost, saved, return_exceptions=True)

        assert [type(outcome) for outcome in outcomes] == [ConnectionError, ConnectionError, str]

    with_trips(test)


def test_a_call_that_is_given_up_does_not_take_the_others_with_it() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        trips.back.clear()
        given_up, patient = (asyncio.ensure_future(together.add(number)) for number in (1, 2))
        await let_start()
        given_up.cancel()
        await let_start()
        trips.back.set()

        assert await patient == "reply 2"
        with pytest.raises(asyncio.CancelledError):
            await given_up

    with_trips(test)


def test_a_caller_when_too_many_wait_is_refused_at_once_and_not_later(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(call_batcher, "MAX_WAITING", 3)

    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        trips.back.clear()
        waiting = [asyncio.ensure_future(together.add(number)) for number in (1, 2, 3)]
        await let_start()

        with pytest.raises(OverloadedError, match="MAX_WAITING"):
            await together.add(4)
        trips.back.set()

        assert await asyncio.gather(*waiting) == ["reply 1", "reply 2", "reply 3"]
        assert await together.add(5) == "reply 5"
        assert 4 not in [item for batch in trips.taken for item in batch]

    with_trips(test)


def test_calls_that_failed_no_longer_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(call_batcher, "MAX_WAITING", 1)

    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        for _ in range(3):
            with pytest.raises(ConnectionError):
                await together.add(-1)

        assert await together.add(1) == "reply 1"

    with_trips(test)


def test_callers_of_a_batch_that_is_cancelled_are_cancelled_and_the_next_is_sent() -> None:
    async def test(trips: Trips, together: CallBatcher[int, str]) -> None:
        trips.back.clear()
        before = asyncio.all_tasks()
        callers = [asyncio.ensure_future(together.add(number)) for number in (1, 2)]
        await let_start()
        [sending] = asyncio.all_tasks() - before - set(callers)

        sending.cancel()

        outcomes = await asyncio.gather(*callers, return_exceptions=True)
        assert [type(outcome) for outcome in outcomes] == [asyncio.CancelledError] * 2
        trips.back.set()
        assert await together.add(3) == "reply 3"

    with_trips(test)
