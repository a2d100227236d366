"""The real gateway on a real Redis, nobody working behind it: what it keeps once, and what it refuses."""

import asyncio
import json
import os
import resource
import socket
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import aiohttp
import psutil
import pytest
import redis

from orderflow.adapters.sockets import MAX_MESSAGE_BYTES
from tests.support.doors import PARTITIONS, Answer, Door
from tests.support.placed_orders import ORDER
from tests.support.ports import free_port
from tests.support.waiting import eventually

FILES = 40


OpenDoor = Callable[..., Door]


@pytest.fixture
def open_door(redis_url: str, redis_client: redis.Redis, tmp_path: Path) -> Iterator[OpenDoor]:
    """Lend a way to open doors to an empty Redis."""
    doors: list[Door] = []

    def open_one(**settings: str) -> Door:
        doors.append(Door(redis_url, tmp_path / f"{len(doors)}.log", settings))
        return doors[-1]

    yield open_one
    for door in doors:
        door.stop()


def orders_of(client: redis.Redis) -> set[str]:
    return {key.rpartition(":")[2] for key in client.scan_iter("{p*}:order:*")}


@pytest.mark.parametrize(
    ("headers", "fields"),
    [({"Idempotency-Key": "abc"}, {}), ({}, {"client_order_id": "abc"})],
    ids=["Idempotency-Key", "client_order_id"],
)
def test_fifty_posts_of_one_name_at_two_doors_at_once_make_one_order(
    open_door: OpenDoor, redis_client: redis.Redis, headers: dict[str, str], fields: dict[str, str]
) -> None:
    doors = open_door(), open_door()

    async def at_both() -> list[list[Answer]]:
        return await asyncio.gather(*(asyncio.to_thread(door.post, [(headers, ORDER | fields)] * 25) for door in doors))

    answers = [answer for of_door in asyncio.run(at_both()) for answer in of_door]

    assert [answer.status for answer in answers] == [202] * 50
    (order_id,) = {answer.document["order_id"] for answer in answers}
    assert orders_of(redis_client) == {order_id}
    assert sum(redis_client.xlen(f"{{p{number}}}:route") for number in range(PARTITIONS)) == 1


def test_a_name_belongs_to_its_order_whichever_way_it_is_given(open_door: OpenDoor, redis_client: redis.Redis) -> None:
    bare, quoted = {"Idempotency-Key": "a b"}, {"Idempotency-Key": '"a b"'}
    named = ORDER | {"client_order_id": "abc"}
    door = open_door()

    answers = door.post([(bare, ORDER), (quoted, ORDER), ({"Idempotency-Key": "abc"}, ORDER), ({}, named)])
    (other,) = door.post([({}, named | {"amount": "0.6"})])

    assert [answer.status for answer in answers] == [202] * 4
    ids = [answer.document["order_id"] for answer in answers]
    assert ids[0] == ids[1]
    assert orders_of(redis_client) == set(ids)
    assert len(set(ids)) == 3  # what one field says is no name in the other
    assert other.status == 422
    assert other.document["errors"][0]["field"] == "client_order_id"


@pytest.mark.parametrize("key", [None, "abc"])
def test_a_batch_that_is_posted_many_times_at_two_doors_makes_each_of_its_orders_once(
    open_door: OpenDoor, redis_client: redis.Redis, key: str | None
) -> None:
    doors = open_door(), open_door()
    headers = {"Idempotency-Key": key} if key else {}
    orders = [ORDER if key else ORDER | {"client_order_id": f"desk-{number}"} for number in range(100)]
    broken = {"token_in": "SOL"}
    batch = {"orders": [*orders[:50], broken, *orders[51:]]}

    async def at_both() -> list[list[Answer]]:
        return await asyncio.gather(
            *(asyncio.to_thread(door.post, [(headers, batch)] * 5, "/api/orders/batch") for door in doors)
        )

    answers = [answer for of_door in asyncio.run(at_both()) for answer in of_door]

    assert [answer.status for answer in answers] == [207] * 10
    first = answers[0].document
    assert all(answer.document == first for answer in answers)
    assert [place for place, result in enumerate(first["results"]) if "problem" in result] == [50]
    ids = {result["order"]["order_id"] for result in first["results"] if "order" in result}
    assert orders_of(redis_client) == ids
    assert len(ids) == 99
    assert sum(redis_client.xlen(f"{{p{number}}}:route") for number in range(PARTITIONS)) == 99


def test_a_partition_that_fails_hides_no_order_of_another_and_the_batch_can_be_sent_again(
    open_door: OpenDoor, redis_client: redis.Redis
) -> None:
    door = open_door()
    batch = {"orders": [ORDER] * 40}
    headers = {"Idempotency-Key": "abc"}
    redis_client.set("{p1}:timers", "no sorted set")

    (failed,) = door.post([(headers, batch)], "/api/orders/batch")
    redis_client.delete("{p1}:timers")
    (whole,) = door.post([(headers, batch)], "/api/orders/batch")

    results = failed.document["results"]
    made = {place: result["order"]["order_id"] for place, result in enumerate(results) if "order" in result}
    assert (failed.status, failed.headers["Retry-After"]) == (207, "1")
    assert 0 < len(made) < 40
    assert {result["problem"]["status"] for result in results if "problem" in result} == {503}
    eventually(lambda: sum(line["count"] for line in refusals(door)) == 40 - len(made))
    ids = [result["order"]["order_id"] for result in whole.document["results"]]
    assert {place: ids[place] for place in made} == made
    assert orders_of(redis_client) == set(ids)
    assert len(set(ids)) == 40


def test_an_order_is_shown_with_its_clients_name_for_it(open_door: OpenDoor) -> None:
    door = open_door()
    (accepted,) = door.post([({}, ORDER | {"client_order_id": "desk-7.42"})])

    async def show() -> Any:
        async with aiohttp.ClientSession() as session, session.get(door.url + accepted.headers["Location"]) as answer:
            return await answer.json()

    assert asyncio.run(show())["client_order_id"] == "desk-7.42"


def test_beyond_the_lag_orders_are_refused_and_logged_in_few_lines_until_there_is_room(
    open_door: OpenDoor, redis_client: redis.Redis
) -> None:
    max_lag = 10
    door = open_door(MAX_LAG=str(max_lag))

    answers = door.post([({}, ORDER)] * 200)
    for number in range(PARTITIONS):
        redis_client.xtrim(f"{{p{number}}}:route", maxlen=0, approximate=False)
    later = door.post([({}, ORDER)])

    assert Counter(answer.status for answer in answers) == {202: PARTITIONS * max_lag, 503: 200 - PARTITIONS * max_lag}
    refused = [answer for answer in answers if answer.status == 503]
    assert {answer.document["limit"] for answer in refused} == {"MAX_LAG"}
    assert {(answer.headers["Retry-After"], answer.headers["Content-Type"]) for answer in refused} == {
        ("1", "application/problem+json")
    }
    assert [answer.status for answer in later] == [202]
    lines = [line for line in door.logged() if line.get("reason") == "MAX_LAG"]
    eventually(lambda: sum(line["count"] for line in refusals(door)) == len(refused))
    assert len(refusals(door)) <= 3
    assert lines[0]["detail"].endswith(":route")


def refusals(door: Door) -> list[dict[str, Any]]:
    return [line for line in door.logged() if line["message"] == "refused"]


def test_without_a_file_left_connections_are_refused_and_the_door_works_on(open_door: OpenDoor) -> None:
    door = open_door()
    door.post([({}, ORDER)])
    process = psutil.Process(door.process.pid)
    resource.prlimit(door.process.pid, resource.RLIMIT_NOFILE, (FILES, FILES))

    with ExitStack() as stack:
        before_s = sum(process.cpu_times()[:2])
        clients = [stack.enter_context(socket.create_connection(("127.0.0.1", door.port))) for _ in range(4 * FILES)]
        eventually(lambda: sum(map(is_closed, clients)) >= 3 * FILES)
        spent_s = sum(process.cpu_times()[:2]) - before_s

        assert not all(map(is_closed, clients))
        assert spent_s < 0.5

    eventually(lambda: accepts(door))
    assert door.process.poll() is None


def accepts(door: Door) -> bool:
    try:
        return door.post([({}, ORDER)])[0].status == 202
    except aiohttp.ClientConnectionError:
        return False  # it may still have no file for this one


def is_closed(client: socket.socket) -> bool:
    """Return whether the other side has ended a connection on which it owes nothing."""
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_a_frame_of_128_kib_is_read_and_one_byte_more_closes_the_socket(open_door: OpenDoor) -> None:
    door = open_door()

    async def send(length: int) -> tuple[aiohttp.WSMsgType, Any]:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{door.url}/api/orders/status") as websocket,
        ):
            await websocket.send_str("x" * length)
            message = await websocket.receive(20)
            return message.type, message.data

    read = asyncio.run(send(MAX_MESSAGE_BYTES))
    refused = asyncio.run(send(MAX_MESSAGE_BYTES + 1))

    assert json.loads(read[1]) == {"order_id": "x" * 64, "error": "unknown order"}
    assert refused == (aiohttp.WSMsgType.CLOSE, 1009)


def test_a_port_beyond_the_loopback_takes_no_statuses_without_a_secret(open_door: OpenDoor) -> None:
    door = open_door(CONNECTIONS_HOST="0.0.0.0")  # noqa: S104 - that is what is asked here

    listening = [each for each in psutil.Process(door.process.pid).net_connections() if each.status == "LISTEN"]

    assert [each.laddr.port for each in listening] == [door.port]


def test_a_secret_that_could_be_guessed_is_refused_at_the_start_and_not_written_anywhere(tmp_path: Path) -> None:
    environment = {**os.environ, "PORT": str(free_port()), "CONNECTIONS_SECRET": "too short a one"}

    done = subprocess.run(
        [sys.executable, "-m", "local.gateway"],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert done.returncode != 0
    assert "CONNECTIONS_SECRET can't be used" in done.stderr + done.stdout
    assert "too short a one" not in done.stderr + done.stdout
