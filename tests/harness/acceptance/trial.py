"""What a suite works with: a client whose requests and frames are narrated and measured, and the suite's checks."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from decimal import Decimal

import orjson

from local.client.api import BATCH_PATH, EXECUTE_PATH, Answer, Client, order_path
from local.client.status_socket import Frame, StatusSocket
from orderflow.errors import OrderflowError
from tests.harness.acceptance.history import faults
from tests.harness.acceptance.narrator import Narrator
from tests.harness.acceptance.report import Check, SuiteReport
from tests.support.access_table import RunKeys

LAST_STATUS_TIMEOUT_S = 30.0
ATTEMPTS_TO_CONFIRM = 3

Order = dict[str, object]


class SuiteStoppedError(OrderflowError):
    """A suite can't go on, since a step that it builds on did not work."""


@dataclass(frozen=True, slots=True)
class Placed:
    """An accepted order and when it was posted, on the clock of `time.perf_counter`."""

    order_id: str
    posted_at: float

    def elapsed_ms(self, frame: Frame) -> float:
        """Return how long after the POST `frame` arrived."""
        return (frame.received_at - self.posted_at) * 1000


def market_order(
    token_in: str = "SOL",
    token_out: str = "USDC",
    amount: object = 0.5,
    **more: object,
) -> Order:
    """Return a valid order; `more` adds to it or changes it."""
    return {"token_in": token_in, "token_out": token_out, "amount": amount, "order_type": "market"} | more


class Trial:
    """One suite's run against one system; `run_keys` is the command that makes keys for it, where there is one."""

    def __init__(
        self, client: Client, narrator: Narrator, report: SuiteReport, quick: bool, run_keys: RunKeys | None = None
    ) -> None:
        self.client = client
        self.run_keys = run_keys
        self.narrator = narrator
        self.quick = quick
        self._report = report
        self._decimals: dict[str, int] = {}

    def check(self, claim: str, expected: object, got: object, holds: bool | None = None) -> bool:
        """Note whether `claim` holds: as `holds` says, or when `got` equals `expected`."""
        check = Check(claim, str(expected), str(got), expected == got if holds is None else holds)
        self._report.checks.append(check)
        self.narrator.check(check)
        return check.holds

    def left_out(self, what: str, needs: str) -> None:
        """Note that something could not be tried, and what that needs."""
        self._report.left_out.append(f"{what}: needs {needs}")
        self.narrator.remark(f"left out: {self._report.left_out[-1]}")

    @asynccontextmanager
    async def with_key(self, key: str) -> AsyncIterator["Trial"]:
        """Lend the same trial with another key; '' is none."""
        async with Client(self.client.base_url, self.client.socket_url, key) as client:
            yield Trial(client, self.narrator, self._report, self.quick, self.run_keys)

    def measured(self, label: str, elapsed_ms: float) -> None:
        """Add a duration to the summary."""
        self._report.durations_ms[label].append(elapsed_ms)

    async def request(
        self, method: str, path: str, body: bytes | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Send a request and narrate it."""
        answer = await self.client.request(method, path, body, headers)
        self.narrator.request(method, path, body, answer)
        return answer

    async def units(self, atoms: object, symbol: str) -> Decimal:
        """Return an amount in a token's atoms in its units, by the decimals that the system lists."""
        if not self._decimals:
            tokens = (await self.request("GET", "/api/tokens")).json()["tokens"]
            self._decimals = {token["symbol"]: token["decimals"] for token in tokens}
        return Decimal(str(atoms)).scaleb(-self._decimals[symbol])

    async def post(self, order: Order, key: str | None = None, narrate: bool = True) -> Answer:
        """POST an order and narrate it, whatever the answer."""
        answer = await self.client.execute(order, key)
        if narrate:
            self.narrator.request("POST", EXECUTE_PATH, orjson.dumps(order), answer)
        return answer

    async def post_batch(self, orders: Sequence[object], key: str | None = None, narrate: bool = True) -> Answer:
        """POST orders in one request and narrate it, whatever the answer."""
        answer = await self.client.execute_batch(orders, key)
        if narrate:
            self.narrator.request("POST", BATCH_PATH, orjson.dumps({"orders": orders}), answer)
        return answer

    async def cancel(self, order_id: str) -> Answer:
        """Cancel an order and narrate it, whatever the answer."""
        answer = await self.client.cancel(order_id)
        self.narrator.request("DELETE", order_path(order_id), None, answer)
        return answer

    async def amend(self, order_id: str, **fields: object) -> Answer:
        """Amend an order and narrate it, whatever the answer."""
        answer = await self.client.amend(order_id, fields)
        self.narrator.request("PATCH", order_path(order_id), orjson.dumps(fields), answer)
        return answer

    async def place(self, order: Order, narrate: bool = True) -> Placed:
        """POST an order that must be accepted; raises SuiteStoppedError when it is not."""
        answer = await self.post(order, narrate=narrate)
        if answer.status != 202:
            raise SuiteStoppedError(f"a valid order got {answer.status}: {answer.body[:300].decode(errors='replace')}")
        self.measured("POST → 202", answer.elapsed_ms)
        return Placed(str(answer.json()["order_id"]), answer.sent_at)

    @asynccontextmanager
    async def socket(self, path: str = EXECUTE_PATH, narrate: bool = True) -> AsyncIterator[StatusSocket]:
        """Open a socket and narrate the upgrade."""
        began = time.perf_counter()
        async with self.client.open_socket(path) as socket:
            self.measured("upgrade → 101", (time.perf_counter() - began) * 1000)
            if narrate:
                self.narrator.upgrade(socket.handshake)
            yield socket

    async def subscribe(self, socket: StatusSocket, order_id: str, as_json: bool = False) -> None:
        """Register the socket for an order and narrate it."""
        await socket.subscribe(order_id, as_json)
        self.narrator.registered(f'{{"action":"subscribe","order_id":"{order_id}"}}' if as_json else order_id)

    async def place_to(self, status: str, socket: StatusSocket, order: Order) -> Placed:
        """Place an order, and wait until it comes to a status; raises SuiteStoppedError when it does not."""
        placed = await self.place(order)
        await self.subscribe(socket, placed.order_id)
        await self.follow_to(status, socket, placed)
        return placed

    async def follow_to(self, status: str, socket: StatusSocket, placed: Placed) -> Frame:
        """Narrate the statuses of an order up to one, and return that; raises SuiteStoppedError when it never comes."""
        try:
            async for frame in socket.follow(placed.order_id, LAST_STATUS_TIMEOUT_S):
                self.narrator.received(frame, placed.elapsed_ms(frame))
                if frame.status == status:
                    return frame
        except TimeoutError:
            pass
        raise SuiteStoppedError(
            f"order {placed.order_id} did not come to {status} within {LAST_STATUS_TIMEOUT_S:.0f} s"
        )

    async def follow(self, socket: StatusSocket, placed: Placed) -> list[Frame]:
        """Narrate the statuses of an order up to its last, or to the time-out, and return them."""
        frames: list[Frame] = []
        try:
            async for frame in socket.follow(placed.order_id, LAST_STATUS_TIMEOUT_S):
                frames.append(frame)
                self.narrator.received(frame, placed.elapsed_ms(frame))
        except TimeoutError:
            self.narrator.remark(f"no last status within {LAST_STATUS_TIMEOUT_S:.0f} s")
        return frames

    async def confirm(self, socket: StatusSocket, order: Order) -> tuple[Placed, list[Frame]]:
        """Place orders like `order`, one after the other, until one confirms; return it with its statuses.

        A market may fail an order for a good reason; it has three attempts before the suite stops.
        """
        for _ in range(ATTEMPTS_TO_CONFIRM):
            placed = await self.place(order)
            await self.subscribe(socket, placed.order_id)
            frames = await self.follow(socket, placed)
            if frames and frames[-1].status == "confirmed":
                self.measure_statuses(placed, frames)
                return placed, frames
        raise SuiteStoppedError(f"none of {ATTEMPTS_TO_CONFIRM} orders was confirmed")

    def measure_statuses(self, placed: Placed, frames: Sequence[Frame]) -> None:
        """Add the time from the POST to each status, as a client that watched it live saw it."""
        for frame in frames:
            self.measured(f"POST → {frame.status}", placed.elapsed_ms(frame))

    def check_history(self, claim: str, placed: Placed, frames: Sequence[Frame]) -> bool:
        """Check that `frames` are the whole history of an order."""
        found = faults(placed.order_id, [frame.content for frame in frames])
        return self.check(claim, "no fault", "; ".join(found) or "no fault", not found)

    def check_histories(self, claim: str, orders: Mapping[str, Placed], frames: Mapping[str, list[Frame]]) -> bool:
        """Check the whole histories of many orders as one claim, narrating each order on one line."""
        found: list[str] = []
        for order_id, placed in orders.items():
            history = frames.get(order_id, [])
            self.measure_statuses(placed, history)
            self.narrator.course(order_id, [(frame.status or "?", placed.elapsed_ms(frame)) for frame in history])
            found += [f"{order_id}: {fault}" for fault in faults(order_id, [frame.content for frame in history])]
        return self.check(claim, f"{len(orders)} whole histories", "; ".join(found) or "all whole", not found)


async def drain(socket: StatusSocket, quiet_s: float) -> list[Frame]:
    """Return what still arrives until nothing did for `quiet_s`."""
    frames: list[Frame] = []
    while True:
        try:
            frames.append(await socket.receive(quiet_s))
        except TimeoutError:
            return frames
        await asyncio.sleep(0)
