"""What the suites of orders that wait have in common: they place one, see it rest or end, and cancel it."""

from dataclasses import dataclass, field
from decimal import Decimal
from fractions import Fraction
from math import ceil
from typing import Any

from local.client.api import order_path
from local.client.status_socket import Frame, StatusSocket
from tests.harness.acceptance.history import waiting_faults
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Order, Placed, SuiteStoppedError, Trial

FAR = Decimal(3)
"""A price so many times the market's, or its reciprocal, is not met while a suite runs."""


@dataclass(slots=True)
class Watched:
    """An order that was placed, and the statuses that have come."""

    placed: Placed
    frames: list[Frame] = field(default_factory=list)

    @property
    def order_id(self) -> str:
        return self.placed.order_id

    @property
    def statuses(self) -> list[str]:
        """The statuses that have come."""
        return [str(frame.status) for frame in self.frames]

    @property
    def last(self) -> dict[str, Any]:
        """The latest frame. Raises IndexError before the first."""
        return self.frames[-1].content

    def first(self, status: str) -> dict[str, Any]:
        """Return the first frame with a status. Raises SuiteStoppedError when there is none."""
        for frame in self.frames:
            if frame.status == status:
                return frame.content
        raise SuiteStoppedError(f"order {self.order_id} was never {status}: {self.statuses}")


def sell(amount: object, order_type: str, token_in: str = "SOL", token_out: str = "USDC", **more: object) -> Order:
    """Return an order that sells, of a type that waits."""
    return {"token_in": token_in, "token_out": token_out, "amount": amount, "order_type": order_type} | more


def written(price: Decimal) -> str:
    """Return a price as clients write it: to ten significant digits, without zeros at its end, and no exponent."""
    return f"{Decimal(f'{price:.10g}').normalize():f}"


def fewest_atoms(amount_in: int, price: str, decimals_in: int, decimals_out: int, *, inverted: bool = False) -> int:
    """Return the fewest atoms that an amount may yield at a limit price, rounded up.

    Written out here once more, and not taken from the system's code, since it is the system that is on trial.
    """
    exact = 1 / Fraction(price) if inverted else Fraction(price)
    return ceil(exact * amount_in * Fraction(10) ** (decimals_out - decimals_in))


async def market_price(trial: Trial, token_in: str = "SOL", token_out: str = "USDC", amount: str = "0.1") -> Decimal:
    """Return what the market pays now for each unit of an amount."""
    path = f"/api/quote?token_in={token_in}&token_out={token_out}&amount={amount}"
    quote = (await trial.request("GET", path)).json()
    return Decimal(str(quote["expected_out"])) / Decimal(amount)


async def place(trial: Trial, socket: StatusSocket, order: Order) -> Watched:
    """Place an order and watch it from its first status."""
    watched = Watched(await trial.place(order))
    await trial.subscribe(socket, watched.order_id)
    return watched


async def follow(trial: Trial, socket: StatusSocket, watched: Watched) -> Watched:
    """Follow an order to its end; check that its history is whole and legal."""
    try:
        async for frame in socket.follow(watched.order_id, LAST_STATUS_TIMEOUT_S):
            _note(trial, watched, frame)
    except TimeoutError:
        trial.narrator.remark(f"no last status within {LAST_STATUS_TIMEOUT_S:.0f} s")
    found = waiting_faults(watched.order_id, [frame.content for frame in watched.frames])
    trial.check("its history is whole and legal", "no fault", "; ".join(found) or "no fault", not found)
    return watched


async def follow_to(trial: Trial, socket: StatusSocket, watched: Watched, status: str) -> Watched:
    """Follow an order until it has a status. Raises SuiteStoppedError when it ends otherwise, or takes too long."""
    try:
        async for frame in socket.follow(watched.order_id, LAST_STATUS_TIMEOUT_S):
            _note(trial, watched, frame)
            if frame.status == status:
                return watched
    except TimeoutError:
        trial.narrator.remark(f"not {status} within {LAST_STATUS_TIMEOUT_S:.0f} s")
    raise SuiteStoppedError(f"order {watched.order_id} did not become {status}: {watched.statuses} {watched.last}")


async def execute(trial: Trial, order: Order) -> Watched:
    """Place an order and follow it to its end."""
    async with trial.socket(narrate=False) as socket:
        return await follow(trial, socket, await place(trial, socket, order))


async def rest(trial: Trial, socket: StatusSocket, order: Order) -> Watched:
    """Place an order that comes to rest."""
    return await follow_to(trial, socket, await place(trial, socket, order), "open")


async def look_up(trial: Trial, order_id: str) -> dict[str, Any]:
    """GET an order."""
    order: dict[str, Any] = (await trial.request("GET", order_path(order_id))).json()
    return order


async def cancel(trial: Trial, socket: StatusSocket, watched: Watched) -> None:
    """Cancel an order that rests; check what that is answered, and that it is cancelled."""
    answer = await trial.cancel(watched.order_id)
    trial.check("it can be cancelled", (200, "cancelled"), (answer.status, answer.json().get("status")))
    await follow(trial, socket, watched)
    trial.check("its last status says so", "cancelled", watched.statuses[-1])


def _note(trial: Trial, watched: Watched, frame: Frame) -> None:
    watched.frames.append(frame)
    trial.narrator.received(frame, watched.placed.elapsed_ms(frame))
