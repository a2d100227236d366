"""Suite: an order that rests expires when its time is over, and can't be cancelled or changed any more."""

from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal

from tests.harness.acceptance.trial import Trial
from tests.harness.acceptance.waiting import (
    FAR,
    cancel,
    execute,
    follow,
    look_up,
    market_price,
    place,
    rest,
    sell,
    written,
)

PURPOSE = "an order expires when its client said, in any zone, and nothing of it is filled after that"
AMOUNT = "0.5"
SECONDS = 1
LATE_S = 5.0
"""How long after its time an order may be found expired: the engine is notified by a timer."""


async def run(trial: Trial) -> None:
    """Let orders expire, by a time from now and by a time of the clock."""
    far = written(await market_price(trial) * FAR)
    await _in_seconds(trial, far)
    await _at_a_time(trial, far)
    await _before_its_time(trial, far)


async def _in_seconds(trial: Trial, far: str) -> None:
    trial.narrator.step(f"an order that is good for {SECONDS} s")
    async with trial.socket() as socket:
        watched = await place(trial, socket, sell(AMOUNT, "limit", limit_price=far, expires_in=SECONDS))
        await follow(trial, socket, watched)
    trial.check("it rests, and expires", ["pending", "open", "expired"], watched.statuses)
    expires_at = datetime.fromisoformat(str(watched.first("open")["expires_at"]))
    made_at, ended_at = (
        datetime.fromisoformat(str(each["timestamp"])) for each in (watched.frames[0].content, watched.last)
    )
    good_for = expires_at - made_at
    near = abs(good_for - timedelta(seconds=SECONDS)) < timedelta(seconds=1)
    trial.check(f"its time is {SECONDS} s after it was made", f"about {SECONDS} s", good_for, near)
    late_s = (ended_at - expires_at).total_seconds()
    trial.check("it ends then, not before", f"0 to {LATE_S} s after", f"{late_s} s", 0 <= late_s <= LATE_S)
    trial.check("nothing of it is filled", ("0", "0"), (watched.last["amount_filled"], watched.last["amount_out"]))
    answer = await trial.cancel(watched.order_id)
    ended = (409, "expired")
    trial.check("it can't be cancelled any more", ended, (answer.status, answer.json().get("order_status")))


async def _at_a_time(trial: Trial, far: str) -> None:
    trial.narrator.step("an order that is good until a time, in another zone")
    at = datetime.now(timezone(timedelta(hours=2))) + timedelta(seconds=SECONDS)
    order = sell(AMOUNT, "stop_loss", trigger_price=written(1 / Decimal(far)), expires_at=at.isoformat())
    watched = await execute(trial, order)
    trial.check("it rests, and expires", ["pending", "open", "expired"], watched.statuses)
    expected = at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    trial.check("its time is the same moment", expected, watched.first("open")["expires_at"])
    trial.check("so it is when it is looked up", expected, (await look_up(trial, watched.order_id)).get("expires_at"))


async def _before_its_time(trial: Trial, far: str) -> None:
    trial.narrator.step("an order that is good for a year can be cancelled before")
    order = sell(AMOUNT, "limit", limit_price=far, expires_in=365 * 24 * 3600)
    async with trial.socket(narrate=False) as socket:
        await cancel(trial, socket, await rest(trial, socket, order))
