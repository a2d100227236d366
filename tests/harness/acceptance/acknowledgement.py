"""Suite: a client waits for each status of its order and acknowledges it with its time, or notes that it timed out."""

import asyncio
import time
from dataclasses import dataclass

from local.client.api import STATUS_PATH
from local.client.status_socket import FULL_COURSE, StatusSocket
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Placed, Trial, market_order

PURPOSE = "every status is seen and acknowledged with its time; one that never comes is reported as a time-out"
TIME_OUT_S = 0.4
TIME_OUT_TOLERANCE_S = 0.3


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """A status that a client waited for: when it came after the POST, or that it did not."""

    order_id: str
    status: str
    elapsed_ms: float
    timed_out: bool = False

    def __str__(self) -> str:
        outcome = "timed out after" if self.timed_out else "acknowledged at"
        return f"{self.status} {outcome} {self.elapsed_ms:.1f} ms"


async def wait_for(socket: StatusSocket, placed: Placed, status: str, timeout_s: float) -> Acknowledgement:
    """Wait until `status` of an order arrives, passing over everything else, for at most `timeout_s`."""
    deadline = time.perf_counter() + timeout_s
    while True:
        try:
            frame = await socket.receive(max(deadline - time.perf_counter(), 0.001))
        except TimeoutError:
            waited_ms = (time.perf_counter() - placed.posted_at) * 1000
            return Acknowledgement(placed.order_id, status, waited_ms, timed_out=True)
        if frame.order_id == placed.order_id and frame.status == status:
            return Acknowledgement(placed.order_id, status, placed.elapsed_ms(frame))


async def run(trial: Trial) -> None:
    """Acknowledge a single order, many at the same time, and a status that never comes."""
    await _single(trial)
    await _concurrent(trial, 8 if trial.quick else 25)
    await _time_out(trial)


async def _single(trial: Trial) -> None:
    trial.narrator.step("a single order: wait for each status in turn")
    async with trial.socket() as socket:
        placed = await trial.place(market_order())
        await trial.subscribe(socket, placed.order_id)
        acknowledged = await _acknowledge_all(trial, socket, placed)
        for acknowledgement in acknowledged:
            trial.narrator.remark(str(acknowledgement))
    _check(trial, "all five statuses of the order are acknowledged", [acknowledged])
    times = [acknowledgement.elapsed_ms for acknowledgement in acknowledged]
    trial.check("they arrive one after the other", sorted(times), times)


async def _concurrent(trial: Trial, orders: int) -> None:
    trial.narrator.step(f"{orders} orders at the same time, each with a client of its own")

    async def one() -> list[Acknowledgement]:
        async with trial.socket(STATUS_PATH, narrate=False) as socket:
            placed = await trial.place(market_order(amount=0.01), narrate=False)
            await socket.subscribe(placed.order_id)
            return await _acknowledge_all(trial, socket, placed)

    clients = await asyncio.gather(*(one() for _ in range(orders)))
    for acknowledged in clients:
        trial.narrator.course(
            acknowledged[0].order_id, [(each.status, each.elapsed_ms) for each in acknowledged if not each.timed_out]
        )
    _check(trial, f"all five statuses of all {orders} orders are acknowledged", clients)


async def _time_out(trial: Trial) -> None:
    trial.narrator.step(f"a status that never comes: give up after {TIME_OUT_S * 1000:.0f} ms")
    async with trial.socket() as socket:
        placed, _ = await trial.confirm(socket, market_order())
        began = time.perf_counter()
        waited = await wait_for(socket, Placed(placed.order_id, began), "failed", TIME_OUT_S)
        trial.narrator.remark(str(waited))
        took_s = time.perf_counter() - began
        trial.check("waiting for `failed` on a confirmed order times out", "timed out", str(waited), waited.timed_out)
        trial.check(
            "after its deadline, and not much later",
            f"{TIME_OUT_S:.1f} to {TIME_OUT_S + TIME_OUT_TOLERANCE_S:.1f} s",
            f"{took_s:.3f} s",
            TIME_OUT_S - 0.01 <= took_s <= TIME_OUT_S + TIME_OUT_TOLERANCE_S,
        )
        trial.narrator.remark("the same socket, after the time-out:")
        await socket.ping()
        trial.narrator.sent('{"action":"ping"}')
        pong = await socket.receive(LAST_STATUS_TIMEOUT_S)
        trial.check("it still answers a ping", {"action": "pong"}, pong.content)
        after, frames = await trial.confirm(socket, market_order())
        trial.check_history("and still brings every status of another order", after, frames)


async def _acknowledge_all(trial: Trial, socket: StatusSocket, placed: Placed) -> list[Acknowledgement]:
    acknowledged = []
    for status in FULL_COURSE:
        acknowledgement = await wait_for(socket, placed, status, LAST_STATUS_TIMEOUT_S)
        acknowledged.append(acknowledgement)
        if acknowledgement.timed_out:
            break
        trial.measured(f"POST → {status}", acknowledgement.elapsed_ms)
    return acknowledged


def _check(trial: Trial, claim: str, clients: list[list[Acknowledgement]]) -> None:
    missed = [str(each) for acknowledged in clients for each in acknowledged if each.timed_out]
    count = sum(len(acknowledged) for acknowledged in clients) - len(missed)
    trial.check(
        claim, f"{len(clients) * len(FULL_COURSE)} acknowledged", f"{count} acknowledged {missed or ''}".strip()
    )
