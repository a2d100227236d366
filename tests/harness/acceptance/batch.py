"""Suite: many orders in one request; each is answered by itself, and executed once however often it is sent."""

import asyncio
import uuid
from typing import Any

from local.client.api import BATCH_PATH, Answer
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Order, Placed, Trial, market_order

PURPOSE = "a batch is answered with a result for each order, in their order, and none is executed twice"
MAX_ORDERS = 100
SENT_AT_ONCE = 5


async def run(trial: Trial) -> None:
    """Place batches: good ones, mixed ones, the same again, and bodies that are none."""
    await _all_good(trial, 25 if trial.quick else MAX_ORDERS)
    await _mixed(trial)
    await _sent_again(trial)
    await _no_batch(trial)


async def _all_good(trial: Trial, count: int) -> None:
    trial.narrator.step(f"{count} orders in one request, all watched on one socket")
    orders = [market_order(amount=f"0.1{number:03d}") for number in range(count)]
    async with trial.socket() as socket:
        reading = asyncio.create_task(socket.collect(count, LAST_STATUS_TIMEOUT_S))
        answer = await trial.post_batch(orders, narrate=False)
        placed = {order_id: Placed(order_id, answer.sent_at) for order_id in _ids(answer)}
        for order_id in placed:
            await socket.subscribe(order_id)
        trial.check("all are accepted", 202, answer.status)
        trial.check("every order has an id of its own", count, len(placed))
        amounts = [result.get("order", {}).get("amount") for result in _results(answer)]
        trial.check("the results stand in the order of the orders", True, amounts == [_plain(each) for each in orders])
        trial.check_histories("every order's history is whole and in order", placed, await reading)


async def _mixed(trial: Trial) -> None:
    trial.narrator.step("good and bad orders in one request, one name twice")
    name = f"batch-{uuid.uuid4().hex}"
    named = market_order(amount="0.01", client_order_id=name)
    orders: list[Any] = [
        market_order(amount="0.01"),
        market_order(amount=-1),
        named,
        named,
        named | {"amount": "0.02"},
        {},
        "an order",
        market_order(amount="0.01"),
    ]
    answer = await trial.post_batch(orders)
    trial.check("the whole is 207", 207, answer.status)
    trial.check("each has the status of its own POST", [202, 400, 202, 202, 422, 400, 400, 202], _statuses(answer))
    alone = await trial.post(market_order(amount=-1))
    trial.check("a refused order has the problem of its own POST", alone.json(), _results(answer)[1].get("problem"))
    first, *_, last = ids = _ids(answer)
    trial.check("one name makes one order", 1, len(set(ids[1:3])))
    trial.check("the others are orders of their own", True, first != last)
    for order_id in (first, ids[1], last):
        found = await trial.request("GET", f"/api/orders/{order_id}")
        trial.check(f"{order_id} exists", 200, found.status)


async def _sent_again(trial: Trial) -> None:
    trial.narrator.step(f"one batch {SENT_AT_ONCE} times at once, and once more, under one Idempotency-Key")
    key = str(uuid.uuid4())
    orders = [market_order(amount="0.01")] * 10
    at_once = await asyncio.gather(*(trial.post_batch(orders, key, narrate=False) for _ in range(SENT_AT_ONCE)))
    again = await trial.post_batch(orders, key)
    trial.check("each is accepted", [202] * (SENT_AT_ONCE + 1), [answer.status for answer in (*at_once, again)])
    distinct = {tuple(_ids(answer)) for answer in (*at_once, again)}
    trial.check("all of them make the same ten orders", (1, 10), (len(distinct), len(set(_ids(again)))))
    other = await trial.post_batch([*orders[:9], market_order(amount="0.02")], key)
    trial.check("with another last order it is refused alone", [202] * 9 + [422], _statuses(other))


async def _no_batch(trial: Trial) -> None:
    trial.narrator.step("bodies that are no batch")
    order = market_order(amount="0.01")
    for claim, orders in (("no order", []), ("an order too many", [order] * (MAX_ORDERS + 1))):
        answer = await trial.post_batch(orders, narrate=False)
        named = [error["field"] for error in answer.json().get("errors", [])]
        trial.check(f"{claim} → 400", (400, ["orders"]), (answer.status, named))
    answer = await trial.request("PUT", BATCH_PATH)
    trial.check(f"PUT {BATCH_PATH} → 405", 405, answer.status)


def _results(answer: Answer) -> list[dict[str, Any]]:
    return list(answer.json()["results"])


def _ids(answer: Answer) -> list[str]:
    """Return the ids of the orders that were accepted."""
    return [str(result["order"]["order_id"]) for result in _results(answer) if "order" in result]


def _statuses(answer: Answer) -> list[int]:
    return [202 if "order" in result else result["problem"]["status"] for result in _results(answer)]


def _plain(order: Order) -> str:
    return str(order["amount"]).rstrip("0")
