"""What is logged of refusals: at once, then as one line, and not one line for each."""

import asyncio

import pytest

from orderflow.runtime import refusals
from orderflow.runtime.refusals import Refusals

SHORT_S = 0.05


@pytest.fixture(autouse=True)
def _short_intervals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "LINE_EVERY_S", SHORT_S)


def logged(caplog: pytest.LogCaptureFixture, reason: str) -> list[tuple[int, str]]:
    lines = [vars(line) for line in caplog.records]
    return [(line["count"], line["detail"]) for line in lines if line.get("reason") == reason]


async def all_logged(refused: Refusals) -> None:
    """Return when nothing is left to log."""
    async with asyncio.timeout(10):
        while refused._next_line:
            await asyncio.sleep(SHORT_S / 10)


def test_the_first_is_logged_at_once_and_the_others_together_soon_after(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        refused = Refusals("a-door")
        for number in range(1_000):
            refused.note("MAX_LAG", f"number {number}")
        refused.note("MAX_MEMORY", "redis")

        assert logged(caplog, "MAX_LAG") == [(1, "number 0")]
        await all_logged(refused)

    asyncio.run(run())

    assert logged(caplog, "MAX_LAG") == [(1, "number 0"), (999, "number 999")]
    assert logged(caplog, "MAX_MEMORY") == [(1, "redis")]


def test_after_a_quiet_time_the_next_is_logged_at_once_again(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        refused = Refusals("a-door")
        refused.note("MAX_LAG", "one")
        await all_logged(refused)

        refused.note("MAX_LAG", "two")

        assert logged(caplog, "MAX_LAG") == [(1, "one"), (1, "two")]

    asyncio.run(run())


def test_a_loop_that_ended_before_it_logged_holds_nothing_back_for_good(caplog: pytest.LogCaptureFixture) -> None:
    refused = Refusals("a-door")

    async def note() -> None:
        refused.note("MAX_LAG", "early")
        refused.note("MAX_LAG", "early")

    async def note_until_logged() -> None:
        async with asyncio.timeout(10):
            while len(logged(caplog, "MAX_LAG")) < 2:
                refused.note("MAX_LAG", "late")
                await asyncio.sleep(SHORT_S / 10)

    asyncio.run(note())
    asyncio.run(note_until_logged())

    (first, _), (second, detail) = logged(caplog, "MAX_LAG")
    assert first == 1
    assert second >= 2
    assert detail == "late"


def test_refusals_are_counted_as_a_metric_where_a_namespace_is_set(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")

    async def run() -> None:
        Refusals("another-door").note("MAX_LAG", "p0:route")

    asyncio.run(run())

    assert '"refused":[1.0]' in capsys.readouterr().out


def test_a_client_can_not_begin_a_line_of_its_own(caplog: pytest.LogCaptureFixture) -> None:
    async def run() -> None:
        Refusals("door").note("unavailable", "gone\n12:00:00.000 ERROR forged\x1b[2J\u2028\ud800" + "x" * 9_000)

    asyncio.run(run())

    ((_, detail),) = logged(caplog, "unavailable")
    assert detail.startswith(r"gone\n12:00:00.000 ERROR forged\x1b[2J\u2028\ud800xxx")
    assert len(detail) < 1_000
