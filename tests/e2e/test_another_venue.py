"""The whole system on another venue family than the mock market, named by VENUE alone."""

import asyncio
from collections.abc import Callable

from local.client.api import Client
from tests.harness.own_system import OwnSystem
from tests.support.memory_venue import VENUES
from tests.support.placed_orders import BACK, ORDER


def test_orders_are_confirmed_on_the_venues_of_another_family(new_run: Callable[..., OwnSystem]) -> None:
    # Its results live in one process, so one process has all partitions.
    run = new_run(VENUE="tests.support.memory_venue:open_venue", WORKERS="1")
    run.start()

    async def place_and_follow() -> list[str | None]:
        async with Client(run.url) as client, client.open_socket() as socket:
            ended = []
            for order in (ORDER, BACK):
                order_id = str((await client.execute(order)).json()["order_id"])
                await socket.subscribe(order_id)
                frames = [frame async for frame in socket.follow(order_id, 30)]
                routes = [frame.content["route"] for frame in frames if frame.content.get("route")]
                assert {quote["venue"] for quote in routes[0]["quotes"]} == set(VENUES)
                ended.append(frames[-1].status)
            return ended

    assert asyncio.run(place_and_follow()) == ["confirmed", "confirmed"]
