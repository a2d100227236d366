"""Suite: a limit is filled at once where the market meets it, rests where not, and never receives an atom less."""

from decimal import Decimal
from typing import Any

from tests.harness.acceptance.trial import ATTEMPTS_TO_CONFIRM, Trial
from tests.harness.acceptance.waiting import (
    FAR,
    Watched,
    cancel,
    execute,
    fewest_atoms,
    look_up,
    market_price,
    rest,
    sell,
    written,
)

PURPOSE = "a limit fills at the market's better price, rests while the market is worse, and is exact to the atom"
AMOUNT, ATOMS = "0.5", 500_000_000
SOL_DECIMALS, USDC_DECIMALS = 9, 6
MORE_THAN_THERE_IS = "40000"


async def run(trial: Trial) -> None:
    """Place limits that are met, limits that are not, and such as may not rest."""
    await _met(trial)
    await _far(trial)
    await _all_or_nothing(trial)
    await _what_there_is(trial)


async def _met(trial: Trial) -> None:
    trial.narrator.step("a limit below the market's price is filled at once, at the market's price")
    price = await market_price(trial)
    limit = written(price * Decimal("0.95"))
    watched = await execute(trial, sell(AMOUNT, "limit", limit_price=limit))
    _check_filled(trial, watched, fewest_atoms(ATOMS, limit, SOL_DECIMALS, USDC_DECIMALS))
    paid = Decimal(str(watched.last["execution_price"] or 0))
    trial.check("at the market's price, not at its own", f"near {price:.2f}", paid, paid > price * Decimal("0.97"))
    order = await look_up(trial, watched.order_id)
    trial.check("all of it is filled", (AMOUNT, "0"), (order["amount_filled"], order["amount_remaining"]))
    received = sum(int(fill["amount_out"]) for fill in order["fills"] if fill["token_out"] == "USDC")
    trial.check("its fills come to what it received", str(received), watched.last["amount_out"])


async def _far(trial: Trial) -> None:
    trial.narrator.step("a limit far above the market's price rests, and says why")
    price = await market_price(trial)
    limit = written(price * FAR)
    least = fewest_atoms(ATOMS, limit, SOL_DECIMALS, USDC_DECIMALS)
    async with trial.socket() as socket:
        watched = await rest(trial, socket, sell(AMOUNT, "limit", limit_price=limit))
        trial.check("its status says the least that it may yield", str(least), watched.last["minimum_out"])
        resting: dict[str, Any] = (await look_up(trial, watched.order_id)).get("resting") or {}
        trial.check("so does the order", str(least), resting.get("minimum_out"))
        yields = int(resting.get("would_yield") or 0)
        trial.check("with what it would yield now", f"more than 0, less than {least}", yields, 0 < yields < least)
        distance = Decimal(str(resting.get("distance_bps") or 0))
        trial.check("and how far that is from it", "more than 0 basis points", distance, distance > 0)
        await cancel(trial, socket, watched)


async def _all_or_nothing(trial: Trial) -> None:
    trial.narrator.step("`fok`: all of it at once, or nothing")
    price = await market_price(trial)
    limit = written(price * FAR)
    watched = await execute(trial, sell(AMOUNT, "limit", limit_price=limit, time_in_force="fok"))
    trial.check("one that is not met is cancelled", ["pending", "open", "cancelled"], watched.statuses)
    trial.check("nothing of it is filled", ("0", "0"), (watched.last["amount_filled"], watched.last["amount_out"]))
    said = str(watched.last["reason"])
    expected = "would yield … USDC, limit …"
    trial.check("and it says why", expected, said, said.startswith("would yield ") and " USDC, limit " in said)
    limit = written(price * Decimal("0.95"))
    watched = await execute(trial, sell(AMOUNT, "limit", limit_price=limit, time_in_force="fok"))
    _check_filled(trial, watched, fewest_atoms(ATOMS, limit, SOL_DECIMALS, USDC_DECIMALS))


async def _what_there_is(trial: Trial) -> None:
    trial.narrator.step("`ioc`: what the limit allows now; the rest is cancelled")
    for _ in range(ATTEMPTS_TO_CONFIRM):
        limit = written(await market_price(trial) * Decimal("0.995"))
        order = sell(MORE_THAN_THERE_IS, "limit", limit_price=limit, time_in_force="ioc")
        watched = await execute(trial, order)
        # The market may have moved on meanwhile.
        if "partially_filled" in watched.statuses:
            break
    trial.check("a part is filled", True, "partially_filled" in watched.statuses)
    trial.check("the rest is cancelled", "cancelled", watched.statuses[-1])
    filled, received = int(watched.last["amount_filled"]), int(watched.last["amount_out"])
    whole = int(MORE_THAN_THERE_IS) * 10**SOL_DECIMALS
    trial.check("less than all of it", f"more than 0, less than {whole}", filled, 0 < filled < whole)
    least = fewest_atoms(filled, limit, SOL_DECIMALS, USDC_DECIMALS)
    trial.check("at its limit or better", f"at least {least}", received, received >= least)


def _check_filled(trial: Trial, watched: Watched, least: int) -> None:
    trial.check("it is confirmed", "confirmed", watched.statuses[-1])
    trial.check("it was open, then triggered", ["pending", "open", "triggered"], watched.statuses[:3])
    trial.check("by its limit", "limit", watched.first("triggered")["rule"])
    trial.check("its status says the least that it may yield", str(least), watched.first("open")["minimum_out"])
    received = int(watched.last.get("amount_out") or 0)
    trial.check("it received that or more", f"at least {least} atoms", received, received >= least)
