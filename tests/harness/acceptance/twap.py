"""Suite: an order in slices: each is an order of its own, they come to the whole, and a cancel stops those to come."""

from decimal import Decimal
from typing import Any

from tests.harness.acceptance.trial import ATTEMPTS_TO_CONFIRM, Trial
from tests.harness.acceptance.waiting import Watched, execute, follow, follow_to, look_up, place, sell

PURPOSE = "a twap sells in slices that are orders of their own, and come to the whole to the atom"
AMOUNT, SLICES = "0.100000001", (33_333_333, 33_333_334, 33_333_334)
SOL_DECIMALS = 9


async def run(trial: Trial) -> None:
    """Have one be executed, and cancel one."""
    await _executed(trial)
    await _cancelled(trial)
    await _too_small(trial)


async def _executed(trial: Trial) -> None:
    trial.narrator.step(f"{AMOUNT} SOL in {len(SLICES)} slices, one a second")
    for _ in range(ATTEMPTS_TO_CONFIRM):
        watched = await execute(trial, sell(AMOUNT, "twap", slices=len(SLICES), interval=1))
        # A slice may fail for a good reason, as a market order may.
        if watched.statuses[-1] == "confirmed":
            break
    trial.check("it is confirmed", "confirmed", watched.statuses[-1])
    order, slices = await _slices(trial, watched)
    trial.check(
        "each slice is what remains over those left, rounded down",
        list(SLICES),
        [_atoms(each["amount"]) for each in slices],
    )
    trial.check("each is confirmed", ["confirmed"] * len(SLICES), [each["status"] for each in slices])
    trial.check("each names it", {watched.order_id}, {each["parent_id"] for each in slices})
    received = sum(int(fill["amount_out"]) for each in slices for fill in each["fills"] if fill["token_out"] == "USDC")
    trial.check("together they received what it says", int(watched.last["amount_out"]), received)
    trial.check("all of it is filled", (AMOUNT, "0"), (order["amount_filled"], order["amount_remaining"]))


async def _cancelled(trial: Trial) -> None:
    trial.narrator.step("a cancel after the first slice: what is filled stays, and no slice follows")
    async with trial.socket(narrate=False) as socket:
        watched = await place(trial, socket, sell("1", "twap", slices=10, interval=1))
        await follow_to(trial, socket, watched, "partially_filled")
        answer = await trial.cancel(watched.order_id)
        trial.check("it is cancelled, or will be when the slice under way has ended", True, answer.status in (200, 202))
        await follow(trial, socket, watched)
    trial.check("it is cancelled", "cancelled", watched.statuses[-1])
    order, slices = await _slices(trial, watched)
    filled = sum((Decimal(each["amount"]) for each in slices if each["status"] == "confirmed"), Decimal(0))
    trial.check("what was filled is what its slices filled", filled, Decimal(order["amount_filled"]))
    trial.check("more than nothing, less than all", True, 0 < filled < 1)
    trial.check(
        "every slice has ended",
        [],
        [each for each in slices if each["status"] not in ("confirmed", "cancelled", "failed")],
    )


async def _too_small(trial: Trial) -> None:
    trial.narrator.step("slices that are worth less than a dollar")
    answer = await trial.post(sell("0.01", "twap", slices=100, interval=1))
    named = [error["field"] for error in answer.json().get("errors", [])]
    trial.check("are refused", (400, ["amount"]), (answer.status, named))


async def _slices(trial: Trial, watched: Watched) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    order = await look_up(trial, watched.order_id)
    return order, [await look_up(trial, child_id) for child_id in order["children"]]


def _atoms(amount: str) -> int:
    return int(Decimal(amount).scaleb(SOL_DECIMALS))
