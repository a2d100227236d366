"""Far more orders at once than the engine is set to carry: some are refused for now, none is lost, and it passes."""

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NamedTuple

import aiohttp
import redis

from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import BACK, ORDER, audit, ended
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]
MAX_LAG = 25
PARTITIONS = 2
BURST = 1_500
CLIENTS = 300


class Answer(NamedTuple):
    status: int
    retry_after: str | None
    limit: str | None
    order_id: str | None


def burst(url: str, orders: int) -> list[Answer]:
    """Post orders as fast as so many clients can, and return every answer."""

    async def run() -> list[Answer]:
        todo = iter(range(orders))
        answers: list[Answer] = []

        async def client(session: aiohttp.ClientSession) -> None:
            for number in todo:
                order = (ORDER, BACK)[number % 2]
                async with session.post(f"{url}/api/orders/execute", json=order) as answer:
                    document = await answer.json(content_type=None)
                    answers.append(
                        Answer(
                            answer.status,
                            answer.headers.get("Retry-After"),
                            document.get("limit"),
                            document.get("order_id"),
                        )
                    )

        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
            await asyncio.gather(*(client(session) for _ in range(CLIENTS)))
        return answers

    return asyncio.run(run())


@contextmanager
def lengths(redis_url: str) -> Iterator[list[int]]:
    """Note how long the first stage's streams are, all the time that the block runs."""
    seen: list[int] = []
    stop = threading.Event()

    def watch() -> None:
        with redis.Redis.from_url(redis_url) as client:
            while not stop.wait(0.002):
                seen.extend(int(client.xlen(f"{{p{number}}}:route")) for number in range(PARTITIONS))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield seen
    finally:
        stop.set()
        watcher.join(10)


def test_a_burst_far_beyond_the_limits_is_refused_in_part_carried_out_for_the_rest_and_then_over(
    new_run: NewRun,
) -> None:
    run = new_run(SPEED="0", PARTITIONS=str(PARTITIONS), MAX_LAG=str(MAX_LAG))
    run.start()

    with lengths(str(run.state["redis_url"])) as waiting:
        answers = burst(run.url, BURST)
        accepted = [answer.order_id for answer in answers if answer.order_id]
        eventually(lambda: ended(run.state) == len(accepted))
    later = burst(run.url, 1)
    eventually(lambda: ended(run.state) == len(accepted) + 1)

    assert Counter(answer.status for answer in answers) == {202: len(accepted), 503: BURST - len(accepted)}
    assert {answer[1:3] for answer in answers if answer.status == 503} == {("1", "MAX_LAG")}
    assert len(accepted) >= PARTITIONS * MAX_LAG
    assert max(waiting) <= MAX_LAG
    assert [answer.status for answer in later] == [202]
    assert audit(run.state, [*accepted, str(later[0].order_id)]) == []
    assert "reason=MAX_LAG" in run.output.read_text()
