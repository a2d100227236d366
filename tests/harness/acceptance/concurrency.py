"""Suite: many orders at once, on one socket and on many; every one complete, none mixed up."""

import asyncio
from collections.abc import Mapping

from local.client.api import STATUS_PATH
from local.client.status_socket import Frame
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Placed, Trial, market_order

PURPOSE = "orders that are placed at the same time are each executed once, and each client sees every status"
LEAST_CONFIRMED = 0.9
PAIRS = (("SOL", "USDC"), ("USDC", "SOL"), ("JUP", "USDC"), ("RAY", "SOL"), ("USDT", "USDC"), ("mSOL", "SOL"))


async def run(trial: Trial) -> None:
    """Place many orders at once, watched through one socket and through one each."""
    await _one_socket(trial, 25 if trial.quick else 100)
    await _many_sockets(trial, 15 if trial.quick else 50)


async def _one_socket(trial: Trial, orders: int) -> None:
    trial.narrator.step(f"{orders} orders posted at once, all watched on one socket")
    async with trial.socket() as socket:
        reading = asyncio.create_task(socket.collect(orders, LAST_STATUS_TIMEOUT_S))

        async def one(number: int) -> Placed:
            placed = await trial.place(_order(number), narrate=False)
            await socket.subscribe(placed.order_id)
            return placed

        placed = await asyncio.gather(*(one(number) for number in range(orders)))
        _check(trial, placed, await reading)


async def _many_sockets(trial: Trial, orders: int) -> None:
    trial.narrator.step(f"{orders} orders posted at once, each watched on a socket of its own")
    seen: dict[str, list[Frame]] = {}

    async def one(number: int) -> Placed:
        async with trial.socket(STATUS_PATH, narrate=False) as socket:
            placed = await trial.place(_order(number), narrate=False)
            await socket.subscribe(placed.order_id)
            for order_id, frames in (await socket.collect(1, LAST_STATUS_TIMEOUT_S)).items():
                seen.setdefault(order_id, []).extend(frames)
            return placed

    placed = await asyncio.gather(*(one(number) for number in range(orders)))
    _check(trial, placed, seen)


def _order(number: int) -> dict[str, object]:
    token_in, token_out = PAIRS[number % len(PAIRS)]
    return market_order(token_in, token_out, amount=f"1.{number:03d}")


def _check(trial: Trial, placed: list[Placed], frames: Mapping[str, list[Frame]]) -> None:
    orders = {each.order_id: each for each in placed}
    trial.check("every order has an id of its own", len(placed), len(orders))
    trial.check_histories("every order's history is whole and in order", orders, frames)
    strangers = sorted(set(frames) - set(orders))
    trial.check("nothing arrived for any other order", [], strangers)
    confirmed = sum(1 for order_id in orders if frames.get(order_id) and frames[order_id][-1].status == "confirmed")
    least = round(len(orders) * LEAST_CONFIRMED)
    trial.check("nearly all are confirmed", f"at least {least} of {len(orders)}", f"{confirmed}", confirmed >= least)
    hashes = [frames[order_id][-1].content.get("tx_hash") for order_id in orders if frames.get(order_id)]
    known = [tx_hash for tx_hash in hashes if tx_hash]
    trial.check("no two share a transaction", len(known), len(set(known)))
