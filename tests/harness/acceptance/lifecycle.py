"""Suite: one order's way from the POST to the ledger, the same on the socket as over HTTP."""

import asyncio
import time
from decimal import Decimal
from typing import Any

from local.client.api import EXECUTE_PATH
from local.client.status_socket import FULL_COURSE, Frame
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Placed, Trial, market_order

PURPOSE = "five statuses in order; order, history and list agree with the socket; the price is within the slippage"
AMOUNT = Decimal("12.5")
DEFAULT_SLIPPAGE = Decimal("0.05")
PRICE_PRECISION = Decimal("1e-9")


async def run(trial: Trial) -> None:
    """Quote, place, watch and look up one order."""
    trial.narrator.step("ask what an order would bring")
    # As JavaScript writes the double next to 12.5; it is taken down to whole atoms.
    quote = (await trial.request("GET", f"/api/quote?token_in=SOL&token_out=USDC&amount={AMOUNT}00000000000002")).json()
    trial.check("the quote is of the amount in whole atoms", AMOUNT, Decimal(quote["amount"]))
    quoted = Decimal(str(quote["expected_out"])) / AMOUNT
    trial.narrator.remark(f"quoted price: {quoted:.4f} USDC per SOL")
    trial.narrator.step("place it and watch it")
    async with trial.socket() as socket:
        placed, frames = await trial.confirm(socket, market_order(amount=float(AMOUNT)))
    _check_statuses(trial, _venues(quote), placed, frames)
    _check_price(trial, quoted, frames[-1])
    await _check_lookup(trial, placed, frames)
    await _check_answer(trial)


def _check_statuses(trial: Trial, asked: list[str], placed: Placed, frames: list[Frame]) -> None:
    trial.check("five statuses, in order", list(FULL_COURSE), [frame.status for frame in frames])
    trial.check_history("each has its keys, its place and its time", placed, frames)
    trial.check("a quote compares several venues", "two or more", asked, len(asked) > 1)
    # One that is late for this order is left out, as now and then one is.
    answered = _venues(frames[1].content)
    trial.check("the routing status compares those that answered", asked, answered, set() < set(answered) <= set(asked))
    route = frames[1].content.get("route")
    trial.check("and says which route was chosen", "a route", route, bool(route))


def _venues(document: dict[str, Any]) -> list[str]:
    route = document.get("route") or {}
    return sorted({str(each.get("venue")) for each in route.get("quotes") or []})


def _check_price(trial: Trial, quoted: Decimal, last: Frame) -> None:
    price = Decimal(str(last.content["execution_price"]))
    least, most = quoted * (1 - DEFAULT_SLIPPAGE), quoted * (1 + DEFAULT_SLIPPAGE)
    trial.check(
        "the price is within the slippage of the quote", f"{least:.4f} to {most:.4f}", price, least <= price <= most
    )


async def _check_lookup(trial: Trial, placed: Placed, frames: list[Frame]) -> None:
    trial.narrator.step("look the order up")
    order = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    last = frames[-1].content
    for key in ("order_id", "status", "sequence", "execution_price", "tx_hash", "reason"):
        trial.check(f"its {key} is what the socket said", last[key], order.get(key))
    trial.check("its history is what the socket said", [frame.content for frame in frames], order.get("history"))
    asked = {"order_type": "market", "token_in": "SOL", "token_out": "USDC"}
    trial.check("it is the order that was placed", asked, {key: order.get(key) for key in asked})
    trial.check("with the amount that was placed", AMOUNT, Decimal(str(order.get("amount"))))
    await _check_fills(trial, order, Decimal(str(last["execution_price"])))
    listed = await _listed(trial, placed.order_id)
    trial.check("the list of orders has it once", [(placed.order_id, "confirmed")], listed)


async def _check_fills(trial: Trial, order: dict[str, Any], price: Decimal) -> None:
    # A route may lead over tokens in between: what they took and paid is neither sold nor received.
    fills = order["fills"]
    sold = await trial.units(sum(int(fill["amount_in"]) for fill in fills if fill["token_in"] == "SOL"), "SOL")
    received = await trial.units(sum(int(fill["amount_out"]) for fill in fills if fill["token_out"] == "USDC"), "USDC")
    trial.check("its fills sell exactly that amount", AMOUNT, sold)
    kinds = {type(fill[key]).__name__ for fill in fills for key in ("amount_in", "amount_out", "fee")}
    trial.check("amounts in atoms are strings, which no double rounds", {"str"}, kinds)
    trial.check(
        "and come to the price on the socket",
        price,
        f"{received} USDC for {sold} SOL",
        bool(sold) and abs(received / sold - price) <= price * PRICE_PRECISION,
    )


async def _listed(trial: Trial, order_id: str) -> list[tuple[str, str]]:
    """Return how the list shows the order; the ledger behind the list may be a moment behind the socket."""
    deadline = time.perf_counter() + LAST_STATUS_TIMEOUT_S
    path = "/api/orders?status=confirmed&token_in=SOL&token_out=USDC&limit=50"
    while True:
        answer = await trial.client.get(path)
        found: list[tuple[str, str]] = [
            (each["order_id"], each["status"]) for each in _orders(answer.json()) if each["order_id"] == order_id
        ]
        if found or time.perf_counter() > deadline:
            trial.narrator.request("GET", path, None, answer)
            return found
        await asyncio.sleep(0.05)


def _orders(page: dict[str, Any]) -> list[dict[str, Any]]:
    return list(page["orders"])


async def _check_answer(trial: Trial) -> None:
    trial.narrator.step("the answer to the POST itself")
    answer = await trial.post(market_order(amount=0.010000000000000002, max_slippage=0.0312345678901))
    content = answer.json()
    trial.check("it is 202", 202, answer.status)
    trial.check("with its keys", ["amount", "max_slippage", "order_id", "status"], sorted(content))
    trial.check("pending", "pending", content.get("status"))
    taken = {key: content.get(key) for key in ("amount", "max_slippage")}
    trial.check("numbers with many digits are taken down", {"amount": "0.01", "max_slippage": 0.0312}, taken)
    order = (await trial.request("GET", f"/api/orders/{content['order_id']}")).json()
    trial.check("and its record has what was taken", taken, {key: order.get(key) for key in taken})
    trial.check(
        "and says where the order is",
        f"{EXECUTE_PATH.rpartition('/')[0]}/{content['order_id']}",
        answer.headers.get("Location"),
    )
