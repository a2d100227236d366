"""A closed loop: clients that post an order, watch it to its end and post the next; what they saw comes out.

So the load is never more than the system carries. The open loop of `make chaos` posts at a steady rate instead.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, field

from local.client.api import Client
from local.client.status_socket import FULL_COURSE, SocketClosedError, StatusSocket
from tests.harness.bench.posting import BrokenAnswerError, OrderConnection, order_id_of

LAST_STATUS_TIMEOUT_S = 60.0


@dataclass(slots=True)
class Observations:
    """What the clients saw; times on the clock of `time.perf_counter`, durations in milliseconds.

    `delivered` counts statuses in their order, `expected` five per confirmed order and, for a failed one, as many
    as its last status' sequence says. `over` counts the orders with which their clients have finished.
    """

    accepted: list[str] = field(default_factory=list)
    post_ms: list[float] = field(default_factory=list)
    confirmed_ms: list[float] = field(default_factory=list)
    endings: Counter[str] = field(default_factory=Counter)
    refusals: Counter[str] = field(default_factory=Counter)
    delivered: int = 0
    expected: int = 0
    started_at: float = 0.0
    last_accepted_at: float = 0.0
    over: int = 0


async def drive(base_url: str, bodies: list[bytes], concurrency: int, sockets: bool, seen: Observations) -> None:
    """Post every body once, through `concurrency` clients, and note in `seen` what comes back.

    With `sockets` each client waits for the last status of its order before it posts the next one.
    """
    todo = iter(bodies)
    async with Client(base_url) as client, AsyncExitStack() as stack:
        connections = [await OrderConnection.open(base_url) for _ in range(min(concurrency, len(bodies)))]
        for connection in connections:
            stack.callback(connection.close)
        watched: list[StatusSocket | None] = [
            await stack.enter_async_context(client.open_socket()) if sockets else None for _ in connections
        ]
        seen.started_at = time.perf_counter()
        async with asyncio.TaskGroup() as clients:
            for connection, socket in zip(connections, watched, strict=True):
                clients.create_task(_one_client(todo, connection, socket, seen))


async def _one_client(
    todo: Iterator[bytes], connection: OrderConnection, socket: StatusSocket | None, seen: Observations
) -> None:
    for body in todo:
        sent_at = time.perf_counter()
        try:
            answer = await connection.post(body)
        except BrokenAnswerError as e:
            seen.refusals[str(e)] += 1
            return
        answered_at = time.perf_counter()
        order_id = order_id_of(answer)
        if order_id is None:
            seen.refusals[f"{answer[0]} {answer[1][:200].decode(errors='replace')}"] += 1
        else:
            seen.post_ms.append((answered_at - sent_at) * 1000)
            seen.accepted.append(order_id)
            seen.last_accepted_at = answered_at
            if socket is not None:
                await _watch(socket, order_id, sent_at, seen)
        seen.over += 1


async def _watch(socket: StatusSocket, order_id: str, sent_at: float, seen: Observations) -> None:
    in_order = 0
    try:
        # One deadline for the order, not one a frame, which would cost more than reading the frame.
        async with asyncio.timeout(LAST_STATUS_TIMEOUT_S):
            await socket.subscribe(order_id)
            while True:
                frame = await socket.receive()
                if frame.order_id != order_id:
                    continue
                if frame.content.get("sequence") == in_order + 1:
                    in_order += 1
                if frame.is_last:
                    break
    except (TimeoutError, SocketClosedError):
        seen.endings["never ended"] += 1
        seen.delivered += in_order
        seen.expected += len(FULL_COURSE)
        return
    ending = frame.status or "unknown order"
    seen.endings[ending] += 1
    seen.delivered += in_order
    if ending == "confirmed":
        seen.confirmed_ms.append((frame.received_at - sent_at) * 1000)
        seen.expected += len(FULL_COURSE)
    else:
        seen.expected += frame.content.get("sequence", len(FULL_COURSE))
