"""Suite: a client that loses its socket, comes late or asks twice still sees every status, once and in order."""

import asyncio
from collections.abc import Sequence

from local.client.api import STATUS_PATH
from local.client.status_socket import Frame, StatusSocket
from tests.harness.acceptance.trial import LAST_STATUS_TIMEOUT_S, Placed, SuiteStoppedError, Trial, market_order

PURPOSE = "whenever and however often a client subscribes, it gets the whole history in order"


async def run(trial: Trial) -> None:
    """Drop and reopen, subscribe late, twice, from two sockets, to many orders, and before the order exists."""
    await _dropped_mid_way(trial)
    await _late_and_repeated(trial)
    await _two_watchers(trial)
    await _many_orders(trial, 8 if trial.quick else 20)
    await _socket_first(trial)


async def _dropped_mid_way(trial: Trial) -> None:
    trial.narrator.step("the connection breaks after the second status, and the client opens a new one")
    async with trial.socket() as socket:
        placed = await trial.place(market_order())
        await trial.subscribe(socket, placed.order_id)
        before = [await _next(trial, socket, placed) for _ in range(2)]
        socket.drop()
        trial.narrator.remark("connection dropped: no close frame, no goodbye")
    async with trial.socket() as socket:
        await trial.subscribe(socket, placed.order_id)
        after = await trial.follow(socket, placed)
    trial.check_history("the new socket brings the whole history, from the first status to the last", placed, after)
    trial.check("it begins with what was already seen", _contents(before), _contents(after[: len(before)]))


async def _late_and_repeated(trial: Trial) -> None:
    trial.narrator.step("a subscription long after the end, on a new socket, and again on the same one")
    async with trial.socket() as socket:
        placed, live = await trial.confirm(socket, market_order())
    async with trial.socket(STATUS_PATH) as socket:
        await trial.subscribe(socket, placed.order_id)
        late = await trial.follow(socket, placed)
        trial.check("a late subscriber gets exactly what a live one got", _contents(live), _contents(late))
        await trial.subscribe(socket, placed.order_id, as_json=True)
        again = await trial.follow(socket, placed)
        trial.check("asking again brings it once more", _contents(live), _contents(again))


async def _two_watchers(trial: Trial) -> None:
    trial.narrator.step("two sockets watch one order, one of them asks twice while it is under way")
    async with trial.socket() as first, trial.socket(STATUS_PATH) as second:
        placed = await trial.place(market_order())
        await trial.subscribe(first, placed.order_id)
        await trial.subscribe(second, placed.order_id)
        await trial.subscribe(second, placed.order_id)
        on_first, on_second = await asyncio.gather(trial.follow(first, placed), trial.follow(second, placed))
    trial.check_history("the first sees every status", placed, on_first)
    ordered = sorted({frame.content["sequence"] for frame in on_second})
    trial.check("the second misses none", [frame.content["sequence"] for frame in on_first], ordered)


async def _many_orders(trial: Trial, orders: int) -> None:
    trial.narrator.step(f"one socket watches {orders} orders, breaks, and a new one asks for all of them again")
    async with trial.socket() as socket:
        placed = await asyncio.gather(*(trial.place(market_order(amount=0.01), narrate=False) for _ in range(orders)))
        for each in placed:
            await socket.subscribe(each.order_id)
        await socket.receive(LAST_STATUS_TIMEOUT_S)
        socket.drop()
        trial.narrator.remark("connection dropped after the first status")
    async with trial.socket() as socket:
        for each in placed:
            await socket.subscribe(each.order_id)
        frames = await socket.collect(orders, LAST_STATUS_TIMEOUT_S)
    trial.check_histories("the new socket brings all of them in full", {each.order_id: each for each in placed}, frames)


async def _socket_first(trial: Trial) -> None:
    trial.narrator.step("the socket is open, and in use, before the order is posted")
    async with trial.socket(STATUS_PATH) as socket:
        await socket.ping()
        trial.narrator.sent('{"action":"ping"}')
        await socket.receive(LAST_STATUS_TIMEOUT_S)
        placed = await trial.place(market_order())
        await trial.subscribe(socket, placed.order_id, as_json=True)
        frames = await trial.follow(socket, placed)
        trial.measure_statuses(placed, frames)
    trial.check_history("every status arrives", placed, frames)


async def _next(trial: Trial, socket: StatusSocket, placed: Placed) -> Frame:
    try:
        frame = await socket.receive(LAST_STATUS_TIMEOUT_S)
    except TimeoutError as e:
        raise SuiteStoppedError(f"order {placed.order_id} went silent") from e
    trial.narrator.received(frame, placed.elapsed_ms(frame))
    return frame


def _contents(frames: Sequence[Frame]) -> list[dict[str, object]]:
    return [frame.content for frame in frames]
