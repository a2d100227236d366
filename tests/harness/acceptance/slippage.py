"""Suite: the slippage a client allows is checked on the way in and kept on the way out."""

import asyncio
import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from local.client.status_socket import Frame
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Placed, SuiteStoppedError, Trial, market_order

PURPOSE = "max_slippage is validated, defaults to 5 %, and no order is ever executed beyond it"
THIN_PAIRS = (("BONK", "SOL"), ("BONK", "USDC"), ("WIF", "SOL"), ("WIF", "USDC"))
PROBE_USD = {"BONK": 50_000_000, "WIF": 1_250}
IMPACT_OF_ONE = Decimal("0.02")
LEAST_ALLOWED_BPS = 100
MOST_PROBES = 14
MOST_BURSTS = 4
REASON = re.compile(r"Price moved (\d+\.\d\d)% \(max allowed: 1\.00%\)(; .+)?")


@dataclass(frozen=True, slots=True)
class Burst:
    """Orders that were posted at once, and how each of them ended."""

    endings: dict[str, Frame]

    def those(self, status: str) -> dict[str, Frame]:
        """Return the orders that ended with `status`."""
        return {order_id: frame for order_id, frame in self.endings.items() if frame.status == status}


async def run(trial: Trial) -> None:
    """Try the bounds and the default, one order against its minimum, and a burst that must break the limit."""
    await _bounds(trial)
    await _default(trial)
    await _minimum_out(trial)
    await _burst(trial, 12 if trial.quick else 20)


async def _bounds(trial: Trial) -> None:
    trial.narrator.step("0.01 to 0.5 is allowed, both included")
    for bound, status in ((0.01, 202), (0.5, 202), ("0.25", 202), (0.009, 400), (0.51, 400), (0, 400), (-0.05, 400)):
        answer = await trial.post(market_order(amount=0.01, max_slippage=bound))
        trial.check(f"max_slippage {bound!r} → {status}", status, answer.status)
        if status == 400 and answer.status == 400:
            fields = [error["field"] for error in answer.json()["errors"]]
            trial.check("the answer names the field", ["max_slippage"], fields)


async def _default(trial: Trial) -> None:
    trial.narrator.step("left out, it is 0.05")
    placed = await trial.place(market_order(amount=0.01))
    order = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    trial.check("the order has the default", Decimal("0.05"), Decimal(str(order["max_slippage"])))


async def _minimum_out(trial: Trial) -> None:
    trial.narrator.step("a confirmed order got at least its minimum")
    async with trial.socket() as socket:
        placed, _ = await trial.confirm(socket, market_order(max_slippage=0.01))
    order = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    received, minimum = _received(order), minimum_out(int(order["route"]["expected_out"]), LEAST_ALLOWED_BPS)
    trial.check(
        "it received its minimum or more", f"at least {minimum} atoms", f"{received} atoms", received >= minimum
    )


async def _burst(trial: Trial, orders: int) -> None:
    token_in, token_out = await _thinnest_pair(trial)
    amount = await _amount_with_impact(trial, token_in, token_out)
    failed: dict[str, Frame] = {}
    for attempt in range(1, MOST_BURSTS + 1):
        trial.narrator.step(
            f"burst {attempt}: {orders} orders at once to sell {amount} {token_in} for {token_out}, each of which moves"
            f" the price by about {IMPACT_OF_ONE:.0%}, with max_slippage 0.01"
        )
        burst = await _send_burst(trial, market_order(token_in, token_out, amount, max_slippage=0.01), orders)
        trial.check("every order of the burst ends", orders, len(burst.endings))
        await _check_confirmed(trial, list(burst.those("confirmed")), token_in, token_out)
        failed = burst.those("failed")
        if failed:
            break
    trial.check("some fail because the price moved too far", "at least one", len(failed), bool(failed))
    for order_id, frame in failed.items():
        _check_reason(trial, order_id, str(frame.content.get("reason")))


async def _thinnest_pair(trial: Trial) -> tuple[str, str]:
    trial.narrator.step("look for the thinnest of the thin pools")
    impacts = {}
    for token_in, token_out in THIN_PAIRS:
        impacts[token_in, token_out] = await _impact(trial, token_in, token_out, Decimal(PROBE_USD[token_in]))
    return max(impacts, key=impacts.__getitem__)


async def _amount_with_impact(trial: Trial, token_in: str, token_out: str) -> Decimal:
    amount = Decimal(PROBE_USD[token_in])
    for _ in range(MOST_PROBES):
        impact = await _impact(trial, token_in, token_out, amount)
        if impact >= IMPACT_OF_ONE:
            # From so near, the impact grows as the amount does.
            return (amount * IMPACT_OF_ONE / impact).quantize(Decimal(1))
        amount *= 2  # within a bin of constant price there is no impact at all
    raise SuiteStoppedError(
        f"selling {amount} {token_in} moves the price of {token_out} by less than {IMPACT_OF_ONE:.0%}"
    )


async def _impact(trial: Trial, token_in: str, token_out: str, amount: Decimal) -> Decimal:
    answer = await trial.request("GET", f"/api/quote?token_in={token_in}&token_out={token_out}&amount={amount}")
    if answer.status != 200:
        raise SuiteStoppedError(f"no quote for {amount} {token_in}: {answer.status}")
    return Decimal(str(answer.json()["price_impact"]))


async def _send_burst(trial: Trial, order: dict[str, object], orders: int) -> Burst:
    async with trial.socket(narrate=False) as socket:
        reading = asyncio.create_task(socket.collect(orders, LAST_STATUS_TIMEOUT_S))

        async def one() -> Placed:
            placed = await trial.place(order | {"amount": str(order["amount"])}, narrate=False)
            await socket.subscribe(placed.order_id)
            return placed

        placed = {each.order_id: each for each in await asyncio.gather(*(one() for _ in range(orders)))}
        frames = await reading
    trial.check_histories("every order of the burst has its whole history", placed, frames)
    return Burst({order_id: history[-1] for order_id, history in frames.items() if history[-1].is_last})


async def _check_confirmed(trial: Trial, order_ids: list[str], token_in: str, token_out: str) -> None:
    """Check what the confirmed orders received, and trade it back, so that the pool is left about as it was."""
    received_by_all, short = 0, []
    for order_id in order_ids:
        order = (await trial.client.get(f"/api/orders/{order_id}")).json()
        received, minimum = _received(order), minimum_out(int(order["route"]["expected_out"]), LEAST_ALLOWED_BPS)
        received_by_all += received
        if received < minimum:
            short.append(f"{order_id}: {received} < {minimum}")
    trial.check(f"none of the {len(order_ids)} confirmed ones got less than its minimum", [], short)
    if received_by_all:
        amount = await trial.units(received_by_all, token_out)
        trial.narrator.remark(f"trade {amount:f} {token_out} back, to leave the pool as it was")
        await trial.place(market_order(token_out, token_in, f"{amount:f}", max_slippage=0.5))


def _check_reason(trial: Trial, order_id: str, reason: str) -> None:
    match = REASON.fullmatch(reason)
    beyond = match is not None and Decimal(match[1]) > 1
    trial.check(
        f"{order_id} says how far, and what was allowed", "Price moved N% (max allowed: 1.00%), N > 1", reason, beyond
    )


def _received(order: dict[str, Any]) -> int:
    """Return the atoms that an order received: what its fills paid of the token it asked for."""
    return sum(int(fill["amount_out"]) for fill in order["fills"] if fill["token_out"] == order["token_out"])


def minimum_out(expected_out: int, slippage_bps: int) -> int:
    """Return the fewest atoms that an order may receive.

    Written out here once more, and not taken from the system's code, since it is the system that is on trial.
    """
    return expected_out - expected_out * slippage_bps // 10_000
