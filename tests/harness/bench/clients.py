"""The bench's clients: each posts an order, watches it to its end or has it watched, and posts the next.

In a closed loop the load is never more than the system carries; in an open one orders are posted when they are due.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager

from tests.harness.bench.background import background
from tests.harness.bench.ledger import UnderWay
from tests.harness.bench.load import Load, Observations
from tests.harness.bench.mix import bodies
from tests.harness.bench.posting import BrokenAnswerError, Connection, open_connections, order_id_of
from tests.harness.bench.watching import Sockets, Watch

SILENCE_S = 60.0
"""So long after the last end of an order on any socket, those that have not ended count as never ending."""

LOOK_S = 0.05


class Clients:
    """The clients of one load, connected."""

    def __init__(
        self,
        load: Load,
        seen: Observations,
        under_way: UnderWay,
        connections: Sequence[Connection],
        base_url: str,
    ) -> None:
        self._load = load
        self._seen = seen
        self._under_way = under_way
        self._bodies = bodies(load.mix)
        self._connections = connections
        self._watching = 0
        self._last_end_at = 0.0
        self._sockets: list[Sockets] = []
        if load.sockets:
            shared = load.orders_per_socket is not None
            count = 1 if shared else len(connections)
            self._sockets = [Sockets(base_url, self._note_end, load.orders_per_socket) for _ in range(count)]

    async def open_sockets(self) -> None:
        """Open the sockets that are kept; others are opened when there are orders for them."""
        if self._load.orders_per_socket is None:
            for sockets in self._sockets:
                await sockets.take()

    async def post(self, turns: Iterator[float]) -> None:
        """Post an order at each of `turns`, the times at which they are due, and note what comes back.

        With sockets it returns when the last status of every order has come.
        """
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(background(self._give_up_after_silence()))
            if self._load.rate is None and not self._sockets:
                await stack.enter_async_context(background(self._under_way.follow()))
            self._seen.started_at = self._last_end_at = time.perf_counter()
            async with asyncio.TaskGroup() as clients:
                for number, connection in enumerate(self._connections):
                    sockets = self._sockets[number % len(self._sockets)] if self._sockets else None
                    clients.create_task(self._client(turns, connection, sockets))
            while self._watching:
                await asyncio.sleep(LOOK_S)

    def close(self) -> None:
        """Close all connections."""
        for connection in self._connections:
            connection.close()
        for sockets in self._sockets:
            sockets.close()

    async def _client(self, turns: Iterator[float], connection: Connection, sockets: Sockets | None) -> None:
        closed_loop = self._load.rate is None
        while True:
            if closed_loop and sockets is None:
                await self._room()
            due_at = next(turns, None)
            if due_at is None:
                return
            socket = await sockets.take() if sockets is not None else None
            await self._until(due_at)
            sent_at = time.perf_counter()
            try:
                answer = await connection.post(next(self._bodies))
            except BrokenAnswerError as e:
                self._seen.refusals[str(e)] += 1
                return
            # A loop's timer may be half a millisecond early; and opening a socket is no part of a closed loop's order.
            order_id = self._note_answer(sent_at if closed_loop else min(due_at, sent_at), sent_at, answer)
            if socket is None:
                self._seen.over += 1
            elif order_id is None:
                self._seen.over += 1
                socket.release()
            else:
                self._watching += 1
                watch = socket.watch(order_id)
                if closed_loop:
                    await watch.ended

    async def _room(self) -> None:
        began = time.perf_counter()
        await self._under_way.room(self._load.in_flight)
        self._seen.idle_s += time.perf_counter() - began

    async def _until(self, due_at: float) -> None:
        if (early_s := due_at - time.perf_counter()) > 0:
            self._seen.idle_s += early_s
            await asyncio.sleep(early_s)

    def _note_answer(self, due_at: float, sent_at: float, answer: tuple[int, bytes]) -> str | None:
        """Note what an order was answered and when; return its id where it was accepted."""
        seen, answered_at = self._seen, time.perf_counter()
        order_id = order_id_of(answer)
        if order_id is None:
            seen.refusals[f"{answer[0]} {answer[1][:200].decode(errors='replace')}"] += 1
            return None
        seen.post_ms.append((answered_at - due_at) * 1000)
        seen.sent_late_ms.append((sent_at - due_at) * 1000)
        seen.due_at[order_id] = due_at
        seen.last_accepted_at = answered_at
        self._under_way.add(order_id)
        return order_id

    def _note_end(self, watch: Watch) -> None:
        """Count what a socket showed of an order that has ended there."""
        seen = self._seen
        self._watching -= 1
        self._last_end_at = watch.ended_at
        seen.endings[watch.ending] += 1
        seen.delivered += watch.in_order
        seen.expected += watch.expected
        if watch.ending == "confirmed":
            seen.confirmed_at[watch.order_id] = watch.ended_at
        seen.over += 1

    async def _give_up_after_silence(self) -> None:
        while True:
            await asyncio.sleep(1)
            if self._watching and time.perf_counter() - self._last_end_at > SILENCE_S:
                for sockets in self._sockets:
                    sockets.give_up()


@asynccontextmanager
async def connected(base_url: str, load: Load, seen: Observations, under_way: UnderWay) -> AsyncIterator[Clients]:
    """Lend the clients of a load, connected to `base_url`; what they see is noted in `seen`.

    The accepted orders are added to `under_way`.
    """
    connections = await open_connections(base_url, load.clients, load.batch)
    clients = Clients(load, seen, under_way, connections, base_url)
    try:
        await clients.open_sockets()
        yield clients
    finally:
        clients.close()
