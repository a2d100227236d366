"""Suite: orders that rest are amended, each in one step, and what comes too late is refused."""

import uuid
from decimal import Decimal

from local.client.status_socket import StatusSocket
from tests.harness.acceptance.cancel import resting_order
from tests.harness.acceptance.refusal import judged
from tests.harness.acceptance.trial import Order, Placed, Trial, market_order

PURPOSE = (
    "an amendment is one step that keeps the order and its id, and one that comes too late says what is so by then"
)
AMENDMENTS: dict[str, Order] = {
    "limit": {"limit_price": "90000"},
    "take_profit": {"trigger_price": "90000", "limit_price": "80000"},
    "stop_loss": {"trigger_price": "0.02"},
    "trailing_stop": {"trail_bps": 8000},
    "oco": {"stop_loss": {"trigger_price": "0.02"}},
}


async def run(trial: Trial) -> None:
    """Amend an order of each type, at its sequence and after it, to what the market meets, and what can be no more."""
    async with trial.socket() as socket:
        for order_type, fields in AMENDMENTS.items():
            await _in_one_step(trial, socket, order_type, fields)
        await _at_its_sequence(trial, socket)
        await _to_what_is_met(trial, socket)
        await _down_to_what_is_filled(trial, socket)
        await _refused(trial, socket)
        await _too_late(trial, socket)


async def _in_one_step(trial: Trial, socket: StatusSocket, order_type: str, fields: Order) -> None:
    trial.narrator.step(f"{order_type}: other conditions, another amount and another end")
    placed = await trial.place_to("open", socket, resting_order(order_type))
    before = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    answer = await trial.amend(placed.order_id, **fields, amount="4", expires_in=60)
    frame = await trial.follow_to("open", socket, placed)
    after = answer.json()
    trial.check("it is one step further", (200, before["sequence"] + 1), (answer.status, after.get("sequence")))
    trial.check("which is open, as the socket says", frame.content["sequence"], after.get("sequence"))
    trial.check("with the end that it has now", frame.content["expires_at"], after.get("expires_at"))
    trial.check(
        "with what is amended", _shown(fields) | {"amount": "4"}, {name: _of(after, name) for name in _names(fields)}
    )
    stays = ("order_id", "order_type", "token_in", "token_out", "max_slippage", "time_in_force", "created_at")
    trial.check("all else stays", [before[name] for name in stays], [after.get(name) for name in stays])
    again = await trial.amend(placed.order_id, **fields, amount="4")
    trial.check("the same again is no step", (200, after.get("sequence")), (again.status, again.json().get("sequence")))
    found = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    trial.check("its details are those", [], [name for name in after if found.get(name) != after[name]])
    why = (found.get("resting") or {}).get("why")
    trial.check("and say why it still rests", "a reason", why, bool(why))
    await trial.cancel(placed.order_id)


def _names(fields: Order) -> list[str]:
    """Return what is shown of an amendment: fields, and those of the legs with a point between."""
    legs = [f"{name}.{each}" for name, value in fields.items() if isinstance(value, dict) for each in value]
    return [*(name for name, value in fields.items() if not isinstance(value, dict)), *legs, "amount"]


def _shown(fields: Order) -> Order:
    return {name: _of(fields, name) for name in _names(fields) if name != "amount"}


def _of(document: Order, name: str) -> object:
    first, _, rest = name.partition(".")
    value = document.get(first)
    return value.get(rest) if rest and isinstance(value, dict) else value


async def _at_its_sequence(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("an amendment for one sequence only")
    placed = await trial.place_to("open", socket, resting_order("limit"))
    first = await trial.amend(placed.order_id, limit_price="90001", sequence=2)
    second = await trial.amend(placed.order_id, limit_price="90002", sequence=2)
    trial.check("the first is taken", (200, 3), (first.status, first.json().get("sequence")))
    said = second.json()
    got = (second.status, said.get("sequence"), said.get("order_status"))
    trial.check("the second says where the order is", (412, 3, "open"), got)
    await trial.cancel(placed.order_id)


async def _to_what_is_met(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("a limit that the market meets now, and a stop that is met already")
    limit = await trial.place_to("open", socket, resting_order("limit", amount="0.1"))
    await trial.amend(limit.order_id, limit_price="1")
    end = await trial.follow_to("confirmed", socket, limit)
    price = Decimal(str(end.content["execution_price"]))
    trial.check("the limit is executed, at the market's price", "above 1", price, price > 1)
    stop = await trial.place_to("open", socket, resting_order("stop_loss", amount="0.1"))
    await trial.amend(stop.order_id, trigger_price="100000")
    await trial.follow_to("triggered", socket, stop)
    trial.check("the stop is triggered", "confirmed", (await trial.follow_to("confirmed", socket, stop)).status)


async def _down_to_what_is_filled(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("an order in slices after its first one, down to what is filled")
    order: Order = market_order(amount="5") | {"order_type": "twap", "slices": 5, "interval": 3600, "expires_in": 120}
    placed = await trial.place_to("partially_filled", socket, order)
    less = await trial.amend(placed.order_id, amount="3")
    trial.check("less than it was", (200, "3", "2"), _amounts(less.status, less.json()))
    rest = await trial.amend(placed.order_id, amount="1")
    said = rest.json()
    trial.check("no more than is filled: the rest is cancelled", (200, "cancelled"), (rest.status, said.get("status")))
    trial.check("and the socket says so", "cancelled", (await trial.follow_to("cancelled", socket, placed)).status)


def _amounts(status: int, said: Order) -> tuple[object, ...]:
    return status, said.get("amount"), said.get("amount_remaining")


async def _refused(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("what can't be amended")
    placed = await trial.place_to("open", socket, resting_order("limit"))
    bad: tuple[tuple[Order, str], ...] = (
        ({"token_in": "JUP"}, "token_in"),
        ({"order_type": "twap"}, "order_type"),
        ({"time_in_force": "fok"}, "time_in_force"),
        ({"trail_bps": 100}, "trail_bps"),
        ({"limit_price": "0"}, "limit_price"),
        ({"amount": "-1"}, "amount"),
        ({"amount": "0.000000001"}, "amount"),
        ({"expires_at": "2020-01-01T00:00:00Z"}, "expires_at"),
        ({"expires_at": "2030-01-01T00:00:00"}, "expires_at"),
        ({"sequence": "two", "amount": "1"}, "sequence"),
        ({}, "body"),
    )
    for fields, field in bad:
        answer = await trial.amend(placed.order_id, **fields)
        trial.check(f"{fields} → 400", f"400 naming {field}", *judged(answer, 400, field))
    found = (await trial.request("GET", f"/api/orders/{placed.order_id}")).json()
    trial.check("nothing of that was a step", ("open", 2), (found["status"], found["sequence"]))
    await trial.cancel(placed.order_id)
    trial.check("an unknown order → 404", 404, (await trial.amend(str(uuid.uuid4()), amount="1")).status)
    trial.check("no id → 404", 404, (await trial.amend("not-an-id", amount="1")).status)


async def _too_late(trial: Trial, socket: StatusSocket) -> None:
    trial.narrator.step("orders that have ended, and one that is on its way")
    cancelled = await trial.place_to("open", socket, resting_order("limit"))
    await trial.cancel(cancelled.order_id)
    executed, _ = await trial.confirm(socket, market_order(amount="0.01"))
    for placed, status in ((cancelled, "cancelled"), (executed, "confirmed")):
        await _is_refused(trial, placed, status)


async def _is_refused(trial: Trial, placed: Placed, status: str) -> None:
    answer = await trial.amend(placed.order_id, amount="1")
    trial.check(f"one that is {status} → 409", (409, status), (answer.status, answer.json().get("order_status")))
