"""Suite: a trailing stop follows the highest reference price, and waits for its activation price where it has one."""

import asyncio
import time
from decimal import Decimal
from typing import Any

from tests.harness.acceptance.trial import Trial
from tests.harness.acceptance.waiting import FAR, cancel, look_up, market_price, rest, sell, written

PURPOSE = "a trailing stop rests below the highest reference price, from when it is active"
AMOUNT = "0.5"
TRAIL_BPS = 5000
NEAR = Decimal("0.001")
TICK_TIMEOUT_S = 60
"""A slot is 40 s at the slowest SPEED that there is."""


async def run(trial: Trial) -> None:
    """Place one that is active at once, and one that is not yet."""
    await _active(trial)
    await _not_active(trial)


async def _active(trial: Trial) -> None:
    trial.narrator.step(f"{TRAIL_BPS} basis points below the highest price")
    async with trial.socket() as socket:
        watched = await rest(trial, socket, sell(AMOUNT, "trailing_stop", trail_bps=TRAIL_BPS))
        resting = await _at_the_next_tick(trial, watched.order_id)
        highest, reference = (_number(resting.get(name)) for name in ("watermark", "reference_price"))
        # It follows in steps, and the price goes on.
        near = reference > 0 and abs(highest / reference - 1) < Decimal("0.1")
        trial.check("its watermark is about the reference price", f"near {reference}", highest, near)
        stop, expected = _number(resting.get("trigger_price")), highest * (10_000 - TRAIL_BPS) / 10_000
        trial.check("it fires that far below", expected, stop, abs(stop - expected) <= expected * NEAR)
        await cancel(trial, socket, watched)


async def _at_the_next_tick(trial: Trial, order_id: str) -> dict[str, Any]:
    """Return how an order rests once the market has gone on, which it follows from then on; or after all that time."""
    deadline = time.monotonic() + TICK_TIMEOUT_S
    while True:
        resting: dict[str, Any] = (await look_up(trial, order_id)).get("resting") or {}
        if resting.get("watermark") is not None or time.monotonic() >= deadline:
            return resting
        await asyncio.sleep(0.05)


async def _not_active(trial: Trial) -> None:
    trial.narrator.step("with an activation price that is not reached")
    starts_at = written(await market_price(trial) * FAR)
    order = sell(AMOUNT, "trailing_stop", trail_bps=TRAIL_BPS, activation_price=starts_at, trigger_slots=2)
    async with trial.socket(narrate=False) as socket:
        watched = await rest(trial, socket, order)
        resting: dict[str, Any] = (await look_up(trial, watched.order_id)).get("resting") or {}
        nothing = (None, None)
        trial.check("it follows nothing yet", nothing, (resting.get("watermark"), resting.get("trigger_price")))
        await cancel(trial, socket, watched)


def _number(value: object) -> Decimal:
    return Decimal(str(value or 0))
