"""Suite: an order with two legs rests for both, and is executed by one of them only."""

from decimal import Decimal
from typing import Any

from tests.harness.acceptance.bracket import fired
from tests.harness.acceptance.trial import Trial
from tests.harness.acceptance.waiting import FAR, cancel, execute, look_up, market_price, rest, sell, written

PURPOSE = "an oco rests for two prices at once; whichever comes first executes it, once, over one deposit"
AMOUNT = "0.5"


async def run(trial: Trial) -> None:
    """Place one that rests, ones that can't, and have one be executed."""
    price = await market_price(trial)
    high, low = written(price * FAR), written(price / FAR)
    trial.narrator.step("a take_profit above, a stop_loss below: it rests for both")
    async with trial.socket() as socket:
        legs: dict[str, Any] = {
            "take_profit": {"trigger_price": high},
            "stop_loss": {"trigger_price": low, "max_slippage": 0.3},
        }
        watched = await rest(trial, socket, sell(AMOUNT, "oco", **legs))
        found = await look_up(trial, watched.order_id)
        kept = {leg: (found.get(leg) or {}).get("trigger_price") for leg in legs}
        trial.check(
            "its record has both", {"take_profit": high, "stop_loss": low}, {k: str(v) for k, v in kept.items()}
        )
        await cancel(trial, socket, watched)
    await _refused(trial, high, low)
    await _executed_once(trial, written(price * FAR * FAR), high)


async def _refused(trial: Trial, high: str, low: str) -> None:
    trial.narrator.step("legs that contradict each other, and one that would fire at once")
    crossed = sell(AMOUNT, "oco", take_profit={"trigger_price": low}, stop_loss={"trigger_price": high})
    answer = await trial.post(crossed)
    named = [error["field"] for error in answer.json().get("errors", [])]
    trial.check(
        "a take_profit below the stop_loss is refused", (400, ["take_profit.trigger_price"]), (answer.status, named)
    )
    lower = sell(AMOUNT, "oco", take_profit={"trigger_price": low}, stop_loss={"trigger_price": _half_of(low)})
    watched = await execute(trial, lower)
    trial.check("one whose price is there already fails", ["pending", "failed"], watched.statuses)


async def _executed_once(trial: Trial, high: str, met: str) -> None:
    trial.narrator.step("the exits of a bracket fire at once where a price is met already: by that leg, and once")
    exits = {"take_profit": {"trigger_price": high}, "stop_loss": {"trigger_price": met, "max_slippage": 0.5}}
    async with trial.socket(narrate=False) as socket:
        child = await fired(trial, socket, exits)
    trial.check("it is confirmed", "confirmed", child.statuses[-1])
    trial.check("by its stop_loss", "stop_loss", child.first("triggered")["rule"])
    order = await look_up(trial, child.order_id)
    trial.check("all of it is sold", (order["amount"], "0"), (order["amount_filled"], order["amount_remaining"]))
    again = await trial.cancel(child.order_id)
    ended = (409, "confirmed")
    trial.check("nothing is left to be cancelled", ended, (again.status, again.json().get("order_status")))


def _half_of(price: str) -> str:
    """Return half of a price as clients write it."""
    return written(Decimal(price) / 2)
