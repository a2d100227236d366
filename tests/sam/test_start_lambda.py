"""`sam local start-lambda`: every stage in its container, invoked by the event source, the gateway beside it."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from local.client.api import Client
from local.client.status_socket import FULL_COURSE, Frame
from tests.support.placed_orders import ORDER, audit, ended, place_many, under_way
from tests.support.ports import free_port
from tests.support.programs import Program, Programs
from tests.support.sam import COLD_S, READY, Sam
from tests.support.services import Services
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def port() -> str:
    return str(free_port())


@pytest.fixture(scope="module")
def functions(sam: Sam, services: Services, port: str) -> Program:
    return sam.start("start-lambda", port, services.environment())


@pytest.fixture(scope="module")
def gateway(functions: Program, services: Services, port: str, background: Programs, directory: Path) -> str:
    """Lend the address of a run whose functions are those in the containers."""
    command = [sys.executable, "-m", "local", "up", "--invoke", "lambda"]
    endpoint = ["--lambda-endpoint", f"http://127.0.0.1:{port}"]
    run = background.make([*command, *endpoint], services.environment(), directory / "up.log")
    run.start_and_wait_for("Ctrl-C stops it.")
    return f"http://127.0.0.1:{services.settings['PORT']}"


def test_an_order_posted_to_sams_api_confirms_on_a_socket_of_the_gateway(api: str, gateway: str) -> None:
    async def run() -> list[Frame]:
        async with Client(api) as poster, Client(gateway) as watcher, watcher.open_socket() as socket:
            order_id = (await poster.execute(ORDER)).json()["order_id"]
            await socket.subscribe(order_id)
            return [frame async for frame in socket.follow(order_id, COLD_S)]

    frames = asyncio.run(run())

    assert [frame.status for frame in frames] == list(FULL_COURSE)
    assert [frame.content["sequence"] for frame in frames] == [1, 2, 3, 4, 5]
    assert frames[-1].content["execution_price"] > 0
    assert frames[-1].content["tx_hash"].startswith("0x")


def test_an_order_posted_to_the_gateway_confirms_as_well(gateway: str) -> None:
    async def run() -> list[Frame]:
        async with Client(gateway) as client, client.open_socket() as socket:
            order_id = (await client.execute(ORDER)).json()["order_id"]
            await socket.subscribe(order_id)
            return [frame async for frame in socket.follow(order_id, COLD_S)]

    frames = asyncio.run(run())

    assert [frame.status for frame in frames] == list(FULL_COURSE)


def test_killed_in_the_middle_of_50_orders_and_started_again_it_loses_and_doubles_nothing(
    gateway: str, functions: Program, services: Services
) -> None:
    before = ended(services.state)
    placed = place_many(gateway, 50)

    eventually(lambda: under_way(services.state) > 0, COLD_S)
    functions.stop(signal.SIGKILL)
    ended_meanwhile = ended(services.state) - before
    functions.start_and_wait_for(READY)

    eventually(lambda: ended(services.state) >= before + 50, COLD_S)
    assert ended_meanwhile < 50
    assert audit(services.state, placed) == []
