"""Work that is kept small: so much at once, a few who wait, the others refused; and what was lately noted."""

import asyncio
import threading

import pytest

from orderflow.errors import OverloadedError
from orderflow.runtime.at_once import AtOnce
from orderflow.runtime.lately import Lately


def test_a_caller_when_too_many_wait_is_refused_and_the_others_are_served() -> None:
    go = threading.Event()
    most_at_once = 0
    running = 0

    def work(number: int) -> int:
        nonlocal running, most_at_once
        running += 1
        most_at_once = max(most_at_once, running)
        assert go.wait(10)
        running -= 1
        return number

    async def run() -> list[int | BaseException]:
        few = AtOnce("MAX_QUOTES", 5, 1)
        asked = [asyncio.create_task(few.run(work, number)) for number in range(8)]
        await asyncio.wait(asked, return_when=asyncio.FIRST_COMPLETED)
        go.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        assert await few.run(work, 99) == 99  # whose turn it is when there is room again
        return outcomes

    outcomes = asyncio.run(run())

    assert outcomes[:5] == [0, 1, 2, 3, 4]
    assert [(type(error), getattr(error, "limit", "")) for error in outcomes[5:]] == [
        (OverloadedError, "MAX_QUOTES")
    ] * 3
    assert most_at_once == 1


def test_accounts_take_turns_and_the_one_that_waits_for_most_is_refused() -> None:
    async def run() -> tuple[list[str], list[object]]:
        go, done = threading.Event(), list[str]()

        def work(account: str) -> None:
            assert go.wait(10)
            done.append(account)

        few = AtOnce("MAX_READS", 4, 1)
        asked = [asyncio.create_task(few.run(work, account, account=account)) for account in "aaaaabcb"]
        await asyncio.wait(asked, return_when=asyncio.FIRST_EXCEPTION)
        go.set()
        outcomes = await asyncio.gather(*asked, return_exceptions=True)
        await few.run(work, "d", account="d")  # there is room again
        return done, list(map(type, outcomes))

    done, outcomes = asyncio.run(run())

    assert done == ["a", "a", "b", "c", "d"]
    refused = OverloadedError
    assert outcomes == [type(None), type(None), refused, refused, refused, type(None), type(None), refused]


@pytest.mark.parametrize("waits", [True, False])
def test_a_caller_that_leaves_takes_no_others_turn_along(waits: bool) -> None:
    async def run() -> list[int]:
        go = threading.Event()
        few = AtOnce("MAX_READS", 3, 1)
        first = asyncio.create_task(few.run(go.wait, 10, account="a"))
        leaves = asyncio.create_task(few.run(lambda: 1, account="b"))
        stays = asyncio.create_task(few.run(lambda: 2, account="c"))
        await asyncio.sleep(0)
        if waits:
            leaves.cancel()
        go.set()
        await first
        leaves.cancel()  # its turn has come by now
        assert await asyncio.wait_for(stays, 10) == 2
        return [await asyncio.wait_for(few.run(lambda: 3, account=account), 10) for account in "abc"]

    assert asyncio.run(run()) == [3, 3, 3]


def test_work_that_fails_makes_room_again() -> None:
    def fail() -> None:
        raise ValueError("no")

    async def run() -> None:
        one = AtOnce("MAX_READS", 1, 1)
        for _ in range(3):
            with pytest.raises(ValueError, match="no"):
                await one.run(fail)

    asyncio.run(run())


def test_what_was_noted_is_known_for_a_moment(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("orderflow.runtime.lately.time.monotonic", lambda: now)
    noted = Lately(1.0, 3)

    noted.note("a")
    assert "a" in noted
    assert "b" not in noted
    now = 101.0
    assert "a" not in noted


def test_of_too_many_the_oldest_is_forgotten() -> None:
    noted = Lately(60.0, 3)

    for name in ("a", "b", "c", "a", "d"):
        noted.note(name)

    assert [name for name in "abcd" if name in noted] == ["a", "c", "d"]
