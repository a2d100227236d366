"""Suite: orders of every type are cancelled, one or many, whatever they are at."""

import asyncio
import time
import uuid
from collections.abc import Sequence
from typing import Any

from local.client.api import Answer
from local.client.status_socket import TERMINAL_STATUSES, StatusSocket
from tests.harness.acceptance.bad_conditions import waiting_order
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Order, Placed, Trial, market_order

PURPOSE = "a cancel ends an order once, says so each time, and nothing of a cancelled order is executed"
FAR: dict[str, Order] = {
    "limit": {"limit_price": "100000"},
    "take_profit": {"trigger_price": "100000"},
    "stop_loss": {"trigger_price": "0.01"},
    "trailing_stop": {"trail_bps": 9000},
    "oco": {"take_profit": {"trigger_price": "100000"}, "stop_loss": {"trigger_price": "0.01"}},
}
"""What an order of each type waits for so that it rests as long as it is left alone, as far as SOL is worth dollars."""
GOOD_FOR_S = 120
"""What this suite leaves behind after a failure is over then."""
MANY = 100


async def run(trial: Trial) -> None:
    """Cancel orders that rest, many at once, orders that are on their way, and what can't be cancelled."""
    async with trial.socket() as socket:
        for order_type in FAR:
            await _one_that_rests(trial, socket, resting_order(order_type))
        await _slices(trial, socket)
        await _many(trial, 20 if trial.quick else MANY - 2)
        await _on_their_way(trial, 10 if trial.quick else 40)
        await _too_late(trial, socket)


def resting_order(order_type: str, **more: object) -> Order:
    """Return an order of a type that rests until it is changed."""
    return waiting_order(order_type, expires_in=GOOD_FOR_S) | FAR[order_type] | more


async def _one_that_rests(trial: Trial, socket: StatusSocket, order: Order) -> None:
    trial.narrator.step(f"{order['order_type']}: an order that rests")
    placed = await trial.place_to("open", socket, order)
    answer = await trial.cancel(placed.order_id)
    last = await trial.follow_to("cancelled", socket, placed)
    again = await trial.cancel(placed.order_id.upper())
    expected = {
        "order_id": placed.order_id,
        "status": "cancelled",
        "sequence": last.content["sequence"],
        "amount_filled": "0",
        "amount_remaining": "5",
    }
    trial.check("it is cancelled", (200, expected), (answer.status, answer.json()))
    trial.check("the answer is the same again", (200, expected), (again.status, again.json()))
    found = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    trial.check("and so is the order", ("cancelled", "0", []), _state(found))
    trial.check("it rests no more", None, found.get("resting"))


async def _slices(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("an order in slices, after its first one")
    order = waiting_order("twap", amount="5", slices=5, interval=3600, expires_in=GOOD_FOR_S)
    placed = await trial.place_to("partially_filled", socket, order)
    answer = await trial.cancel(placed.order_id)
    expected = ("cancelled", "1", "4")
    got = tuple(answer.json().get(name) for name in ("status", "amount_filled", "amount_remaining"))
    trial.check("the rest is cancelled", (200, expected), (answer.status, got))


async def _many(trial: Trial, count: int) -> None:
    trial.narrator.step(f"{count} orders in one request, with an id that is unknown and one that is none")
    batch = await trial.post_batch([resting_order("limit")] * count, narrate=False)
    ids = [str(result["order"]["order_id"]) for result in batch.json()["results"]]
    unknown = str(uuid.uuid4())
    answer = await trial.client.cancel_each([*ids, unknown, "no id"])
    trial.measured(f"cancel {count} orders", answer.elapsed_ms)
    results: list[dict[str, Any]] = answer.json()["results"]
    cancelled = [result.get("order", {}).get("order_id") for result in results[:count]]
    trial.check("the whole is 207", 207, answer.status)
    trial.check("every order is cancelled, in the order of the ids", True, cancelled == ids)
    problems = [result.get("problem", {}).get("status") for result in results[count:]]
    trial.check("the others have the problem of their own DELETE", [404, 404], problems)
    again = await trial.client.cancel_each(ids)
    same = again.json()["results"] == results[:count]
    trial.check("the same again has the same answer", (200, True), (again.status, same))
    none = await trial.client.cancel_each([])
    trial.check("no id at all → 400", 400, none.status)
    page = await _listed(trial, "limit", ids)
    trial.check("the ledger has each of them as cancelled", {"cancelled"}, page)


async def _listed(trial: Trial, order_type: str, ids: Sequence[str]) -> set[str]:
    """Return the statuses of orders in the list, once they are cancelled there: the ledger may be a moment behind."""
    deadline = time.perf_counter() + LAST_STATUS_TIMEOUT_S
    while True:
        answer = await trial.client.get(f"/api/orders?order_type={order_type}&limit=200")
        found = {each["order_id"]: each["status"] for each in answer.json()["orders"] if each["order_id"] in ids}
        if (len(found) == len(ids) and set(found.values()) <= {"cancelled"}) or time.perf_counter() > deadline:
            return {found.get(order_id, "missing") for order_id in ids}
        await asyncio.sleep(0.05)


async def _on_their_way(trial: Trial, count: int) -> None:
    trial.narrator.step(f"{count} market orders on their way, each cancelled some time after it was accepted")

    async def one(number: int) -> tuple[Placed, Answer]:
        placed = await trial.place(market_order(amount="0.01"), narrate=False)
        await asyncio.sleep(number / count * 1.5)
        return placed, await trial.client.cancel(placed.order_id)

    async with trial.socket(narrate=False) as socket:
        reading = asyncio.create_task(socket.collect(count, LAST_STATUS_TIMEOUT_S))
        answered = await asyncio.gather(*(one(number) for number in range(count)))
        for placed, _ in answered:
            await socket.subscribe(placed.order_id)
        frames = await reading
    wrong = []
    for placed, answer in answered:
        last = frames[placed.order_id][-1]
        if not _agrees(answer, str(last.status)):
            wrong.append(f"{placed.order_id} was answered {answer.status} and is {last.status}")
    counts = {status: sum(answer.status == status for _, answer in answered) for status in (200, 202, 409)}
    trial.narrator.remark(f"answers: {counts}")
    trial.check("what is answered is what becomes of them", [], wrong)
    cancelled = [placed.order_id for placed, answer in answered if answer.status == 200]
    trial.check("and so has the ledger", {"cancelled"}, await _listed(trial, "market", cancelled) or {"cancelled"})


def _agrees(answer: Answer, last_status: str) -> bool:
    """Return whether an answer to a cancel fits the end of its order."""
    if answer.status == 200:
        return last_status == "cancelled"
    if answer.status == 202:
        return last_status in TERMINAL_STATUSES
    return answer.status == 409 and answer.json().get("order_status") == last_status != "cancelled"


async def _too_late(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("an order that is executed, one that is unknown, and what is no id")
    placed, frames = await trial.confirm(socket, market_order(amount="0.01"))
    answer = await trial.cancel(placed.order_id)
    problem = answer.json()
    trial.check("it can't be cancelled any more", (409, "confirmed"), (answer.status, problem.get("order_status")))
    found = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    trial.check("and is as it was", ("confirmed", frames[-1].content["tx_hash"]), (found["status"], found["tx_hash"]))
    trial.check("an unknown order → 404", 404, (await trial.cancel(str(uuid.uuid4()))).status)
    trial.check("no id → 404", 404, (await trial.cancel("not-an-id")).status)


def _state(order: dict[str, Any]) -> tuple[object, ...]:
    return order.get("status"), order.get("amount_filled"), order.get("fills")
