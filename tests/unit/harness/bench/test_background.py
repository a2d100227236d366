"""Work beside a measurement: it ends with it, and its errors are not lost."""

import asyncio

import pytest

from tests.harness.bench.background import background


def test_work_ends_with_its_context_though_it_passes_over_a_cancellation() -> None:
    journal: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(60)
        except asyncio.CancelledError:
            journal.append("passed over")
        await asyncio.sleep(60)

    async def run() -> None:
        async with asyncio.timeout(10), background(work()):
            await asyncio.sleep(0)
            journal.append("measured")

    asyncio.run(run())

    assert journal == ["measured", "passed over"]


def test_what_it_raised_is_raised_at_the_end() -> None:
    async def work() -> None:
        raise ValueError("no Redis")

    async def run() -> None:
        async with background(work()):
            await asyncio.sleep(0)

    with pytest.raises(ValueError, match="no Redis"):
        asyncio.run(run())
