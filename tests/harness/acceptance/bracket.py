"""Suite: a bracket's exits sell exactly the atoms that its order has received, from the step that confirms it."""

from decimal import Decimal
from typing import Any

from local.client.status_socket import StatusSocket
from tests.harness.acceptance.trial import Trial, market_order
from tests.harness.acceptance.waiting import (
    FAR,
    Watched,
    cancel,
    execute,
    follow,
    follow_to,
    look_up,
    market_price,
    sell,
    written,
)

PURPOSE = "an order's exits are made when it is confirmed, over the atoms that it received, and only then"
BOUGHT_FOR = "200"
SOL_DECIMALS = 9


async def run(trial: Trial) -> None:
    """Place a bracket whose exits rest, and one whose order is never filled."""
    price = await market_price(trial)
    await _exits_rest(trial, price)
    await _one_exit(trial, price)
    await _never_filled(trial, price)


async def _exits_rest(trial: Trial, price: Decimal) -> None:
    trial.narrator.step("a market order with two exits")
    exits = {
        "take_profit": {"trigger_price": written(price * FAR)},
        "stop_loss": {"trigger_price": written(price / FAR)},
    }
    async with trial.socket() as socket:
        parent, child = await bought(trial, socket, exits)
        found = await look_up(trial, child.order_id)
        expected = {"order_type": "oco", "parent_id": parent.order_id, "token_in": "SOL", "token_out": "USDC"}
        trial.check("the exits are an oco, the other way round", expected, {key: found.get(key) for key in expected})
        trial.check("they rest", "open", found.get("status"))
        await cancel(trial, socket, child)
        trial.check("the order stays confirmed", "confirmed", (await look_up(trial, parent.order_id))["status"])


async def _one_exit(trial: Trial, price: Decimal) -> None:
    trial.narrator.step("with one exit only, that is an order of its own type")
    exits = {"stop_loss": {"trigger_price": written(price / FAR), "max_slippage": 0.3}}
    async with trial.socket(narrate=False) as socket:
        _, child = await bought(trial, socket, exits)
        trial.check("it is a stop_loss", "stop_loss", (await look_up(trial, child.order_id))["order_type"])
        await cancel(trial, socket, child)


async def _never_filled(trial: Trial, price: Decimal) -> None:
    trial.narrator.step("an order that is not filled has no exits")
    order = sell(
        BOUGHT_FOR,
        "limit",
        "USDC",
        "SOL",
        limit_price=written(price / FAR),
        price_in="token_in",
        time_in_force="fok",
        then={"stop_loss": {"trigger_price": written(price / FAR / FAR)}},
    )
    watched = await execute(trial, order)
    trial.check("it is cancelled", "cancelled", watched.statuses[-1])
    trial.check(
        "no status names a child", [], [frame.content for frame in watched.frames if "child_id" in frame.content]
    )
    trial.check("nor does the order", [], (await look_up(trial, watched.order_id))["children"])


async def bought(trial: Trial, socket: StatusSocket, exits: dict[str, Any]) -> tuple[Watched, Watched]:
    """Buy SOL with exits; return the order that is confirmed, and the exits as they rest."""
    placed, frames = await trial.confirm(socket, market_order("USDC", "SOL", BOUGHT_FOR, then=exits))
    parent = Watched(placed, frames)
    child_id = str(parent.last.get("child_id"))
    order = await look_up(trial, parent.order_id)
    trial.check("the order names its exits, on the socket and when it is looked up", [child_id], order["children"])
    child = Watched(type(placed)(child_id, placed.posted_at))
    await trial.subscribe(socket, child_id)
    await follow_to(trial, socket, child, "open")
    received = sum(int(fill["amount_out"]) for fill in order["fills"] if fill["token_out"] == "SOL")
    amount = (await look_up(trial, child_id))["amount"]
    trial.check("they sell exactly what was received", received, int(Decimal(amount).scaleb(SOL_DECIMALS)))
    return parent, child


async def fired(trial: Trial, socket: StatusSocket, exits: dict[str, Any]) -> Watched:
    """Buy SOL with exits of which one is met already; return them, executed."""
    _, child = await bought(trial, socket, exits)
    return await follow(trial, socket, child)
