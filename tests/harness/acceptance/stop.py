"""Suite: take_profit and stop_loss rest until the reference price comes to their side; one that is there is refused."""

import re
from decimal import Decimal
from typing import Any

from tests.harness.acceptance.trial import Trial
from tests.harness.acceptance.waiting import FAR, cancel, execute, look_up, market_price, rest, sell, written

PURPOSE = "a stop rests at its side of the reference price, fails where it would fire at once, and says which price"
AMOUNT = "0.5"
REASON = re.compile(r"would trigger immediately: reference ([\d.]+) is at or (above|below) ([\d.]+)")


async def run(trial: Trial) -> None:
    """Place both kinds on the side where they rest, and on the one where they would fire."""
    price = await market_price(trial)
    # A take_profit is reached from below, a stop_loss from above.
    for rule, resting, firing, side in (
        ("take_profit", price * FAR, price / FAR, "above"),
        ("stop_loss", price / FAR, price * FAR, "below"),
    ):
        await _rests(trial, rule, written(resting))
        await _would_fire(trial, rule, written(firing), side)
    await _in_the_buyers_words(trial, price)
    await _with_a_limit(trial, written(price / FAR))


async def _rests(trial: Trial, rule: str, at: str) -> None:
    trial.narrator.step(f"a {rule} that the price has not come to rests")
    async with trial.socket() as socket:
        watched = await rest(trial, socket, sell(AMOUNT, rule, trigger_price=at))
        order = await look_up(trial, watched.order_id)
        resting: dict[str, Any] = order.get("resting") or {}
        trial.check("it says which price it waits for", Decimal(at), _number(resting.get("trigger_price")))
        reference = _number(resting.get("reference_price"))
        sides = reference < Decimal(at) if rule == "take_profit" else reference > Decimal(at)
        trial.check("and the price that it compares that with", f"not at {at} yet", reference, reference > 0 and sides)
        await cancel(trial, socket, watched)


async def _would_fire(trial: Trial, rule: str, at: str, side: str) -> None:
    trial.narrator.step(f"a {rule} that would fire at once fails")
    watched = await execute(trial, sell(AMOUNT, rule, trigger_price=at))
    trial.check("it never rests", ["pending", "failed"], watched.statuses)
    said = REASON.fullmatch(str(watched.last["reason"]))
    got = (said[2], Decimal(said[3])) if said else watched.last["reason"]
    trial.check("it says why, and the price", (side, Decimal(at)), got)


async def _in_the_buyers_words(trial: Trial, price: Decimal) -> None:
    trial.narrator.step("a buyer of SOL writes USDC per SOL: the comparison is the other way round")
    order = sell("100", "stop_loss", "USDC", "SOL", trigger_price=written(price / FAR), price_in="token_in")
    watched = await execute(trial, order)
    trial.check("SOL costs more than that: it would fire", ["pending", "failed"], watched.statuses)
    said = REASON.fullmatch(str(watched.last["reason"]))
    trial.check("and says so in the buyer's words", "above", said[2] if said else watched.last["reason"])
    async with trial.socket(narrate=False) as socket:
        dearer = sell("100", "stop_loss", "USDC", "SOL", trigger_price=written(price * FAR), price_in="token_in")
        await cancel(trial, socket, await rest(trial, socket, dearer))


async def _with_a_limit(trial: Trial, at: str) -> None:
    trial.narrator.step("a stop may have a limit, and may have to be met for several slots")
    order = sell(AMOUNT, "stop_loss", trigger_price=at, limit_price=at, trigger_slots=3, max_slippage=0.3)
    async with trial.socket(narrate=False) as socket:
        watched = await rest(trial, socket, order)
        found = await look_up(trial, watched.order_id)
        kept = {name: str(found.get(name)) for name in ("trigger_price", "limit_price", "trigger_slots")}
        trial.check("its record has both", {"trigger_price": at, "limit_price": at, "trigger_slots": "3"}, kept)
        await cancel(trial, socket, watched)


def _number(value: object) -> Decimal:
    return Decimal(str(value or 0))
