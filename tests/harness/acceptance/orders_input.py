"""Suite: orders of every type are taken with all that they may say, and what is wrong with one is named."""

import uuid
from collections.abc import Mapping
from decimal import Decimal

import orjson

from tests.harness.acceptance.bad_conditions import NEEDS, BadCondition, bad_conditions, waiting_order
from tests.harness.acceptance.bad_input import BadInput
from tests.harness.acceptance.refusal import check_refused
from tests.harness.acceptance.trial import Order, Trial, market_order

PURPOSE = "orders of every type are read exactly, and every mistake in one is named by its field and rule"
GOOD_FOR_S = 30
"""What this suite leaves behind is over soon."""


async def run(trial: Trial) -> None:
    """Post every bad order, then orders of every type."""
    trial.narrator.step("orders that can't wait for what they say")
    for bad in bad_conditions():
        await check_bad_condition(trial, bad)
    await _each_type(trial)
    await _minimums(trial)
    await _sent_again(trial)
    await _quotes(trial)


async def check_bad_condition(trial: Trial, bad: BadCondition) -> None:
    """Post an order that must be refused for what it waits for, and check the answer."""
    await check_refused(trial, BadInput(bad.name, orjson.dumps(bad.order), bad.field))
    if bad.rule:
        answer = await trial.post(bad.order, narrate=False)
        rules = [error["rule"] for error in answer.json().get("errors", []) if error["field"] == bad.field]
        trial.check("in the words that are promised", [bad.rule], rules)


async def _each_type(trial: Trial) -> None:
    trial.narrator.step("an order of every type, alone and in one batch")
    orders = [waiting_order(order_type, expires_in=GOOD_FOR_S) for order_type in NEEDS]
    for order in orders:
        answer = await trial.post(order)
        trial.check(f"{order['order_type']} is accepted", 202, answer.status)
        said = answer.json()
        got = (said.get("order_type"), said.get("time_in_force"), str(said.get("expires_at"))[-1:])
        trial.check("with what was taken", (order["order_type"], "gtd", "Z"), got)
    exits = {"take_profit": {"trigger_price": "2500"}, "stop_loss": {"trigger_price": "2"}}
    batch = await trial.post_batch([*orders, market_order("USDC", "SOL", "5", then=exits)])
    trial.check("and all of them in one batch, with a market order that has exits", 202, batch.status)
    nulls = dict.fromkeys(("min_amount_out", "time_in_force", "allow_partial", "expires_at", "then"))
    answer = await trial.post(waiting_order("limit", expires_in=GOOD_FOR_S) | nulls)
    trial.check("null is as good as nothing", 202, answer.status)


async def _minimums(trial: Trial) -> None:
    trial.narrator.step("the least that an order is executed for, rounded for its client")
    cases: tuple[tuple[Order, str], ...] = (
        ({"token_in": "SOL", "token_out": "USDC", "amount": "12.5", "limit_price": "221.37"}, "2767125000"),
        (
            {"token_in": "USDC", "token_out": "SOL", "amount": 100, "limit_price": "219.99", "price_in": "token_in"},
            "454566117",
        ),
        ({"token_in": "BONK", "token_out": "USDC", "amount": 300000003, "limit_price": "0.0000213"}, "6390000064"),
    )
    for order, minimum in cases:
        answer = await trial.post({**order, "order_type": "limit", "time_in_force": "fok"})
        said = answer.json().get("minimum_out")
        trial.check(f"{order['amount']} {order['token_in']} at {order['limit_price']}", minimum, said)


async def _sent_again(trial: Trial) -> None:
    trial.narrator.step("an order that is good for some seconds, again under one Idempotency-Key")
    key, order = str(uuid.uuid4()), waiting_order("limit", expires_in=GOOD_FOR_S)
    first, again = [await trial.post(order, key) for _ in range(2)]
    trial.check("it is the same order, and ends when it did", (202, first.body), (again.status, again.body))
    longer = await trial.post(order | {"expires_in": GOOD_FOR_S + 1}, key)
    trial.check("one that is good for longer is another", 422, longer.status)


async def _quotes(trial: Trial) -> None:
    trial.narrator.step("how far the market is from what an order would wait for")
    near = await _quoted(trial, order_type="limit", limit_price="1")
    far = await _quoted(trial, order_type="limit", limit_price="100000")
    trial.check("the distance to a limit that the market meets is below zero", True, _distance(near) < 0)
    trial.check("to one that it does not meet it is above zero", True, _distance(far) > 0)
    stop = await _quoted(trial, order_type="stop_loss", trigger_price="1")
    trial.check("to a stop far below the reference price it is large", True, _distance(stop) > 1_000)
    trial.check("the quote says both prices", [True, 1], ["reference_price" in stop, stop.get("trigger_price")])


async def _quoted(trial: Trial, **query: str) -> Mapping[str, object]:
    parameters = "&".join(f"{name}={value}" for name, value in query.items())
    answer = await trial.request("GET", f"/api/quote?token_in=SOL&token_out=USDC&amount=1&{parameters}")
    quoted: Mapping[str, object] = answer.json()
    return quoted


def _distance(quoted: Mapping[str, object]) -> Decimal:
    return Decimal(str(quoted["distance_bps"]))
