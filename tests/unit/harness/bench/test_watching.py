"""The bench's own sockets: what they send, what they read, and when they close."""

import asyncio
from collections.abc import Awaitable, Callable

import orjson
import pytest
from aiohttp import WSMsgType, web
from aiohttp.test_utils import TestServer, unused_port

from local.client.api import RefusedUpgradeError, UnreachableError
from tests.harness.bench.watching import NEVER_ENDED, Sockets, StatusConnection, Watch, frame, whole_frames

COURSE = ["pending", "routing", "building", "submitted", "confirmed"]
Serve = Callable[[web.WebSocketResponse, str], Awaitable[None]]


async def send_statuses(socket: web.WebSocketResponse, order_id: str, statuses: list[str]) -> None:
    for sequence, status in enumerate(statuses, start=1):
        await socket.send_str(
            orjson.dumps({"order_id": order_id, "status": status, "sequence": sequence, "route": "x" * 200}).decode()
        )


async def whole_course(socket: web.WebSocketResponse, order_id: str) -> None:
    await send_statuses(socket, order_id, COURSE)


def against(serve: Serve, test: Callable[[str, list[Watch], list[str]], Awaitable[None]]) -> None:
    """Run `test` with a URL, the watches that ended, and what clients' sockets did: `opened`, `closed`."""

    async def run() -> None:
        journal: list[str] = []

        async def handle(request: web.Request) -> web.WebSocketResponse:
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            journal.append("opened")
            async for message in socket:
                if message.type is WSMsgType.TEXT:
                    await serve(socket, message.data)
            journal.append(f"closed with {socket.close_code}")
            return socket

        application = web.Application()
        application.router.add_get("/api/orders/execute", handle)
        async with asyncio.timeout(10), TestServer(application) as server:
            await test(str(server.make_url("/")), [], journal)

    asyncio.run(run())


def test_an_order_is_watched_to_its_end() -> None:
    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        watches = [connection.watch(f"order {number}") for number in range(3)]
        for watch in watches:
            await watch.ended

        assert ended == watches
        assert {(watch.in_order, watch.expected, watch.ending) for watch in watches} == {(5, 5, "confirmed")}
        connection.close()

    against(whole_course, test)


def test_a_failed_order_has_no_more_statuses_than_its_last_says() -> None:
    async def serve(socket: web.WebSocketResponse, order_id: str) -> None:
        await send_statuses(socket, order_id, ["pending", "failed"])

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        await connection.watch("one").ended

        assert [(watch.in_order, watch.expected, watch.ending) for watch in ended] == [(2, 2, "failed")]
        connection.close()

    against(serve, test)


@pytest.mark.parametrize(("sequences", "in_order"), [((1, 2, 4, 3, 5), 3), ((1, 1, 2, 3, 5), 3), ((2, 3, 4, 5), 0)])
def test_a_status_out_of_its_place_does_not_count(sequences: tuple[int, ...], in_order: int) -> None:
    async def serve(socket: web.WebSocketResponse, order_id: str) -> None:
        for sequence in sequences:
            await socket.send_json({"order_id": order_id, "status": COURSE[sequence - 1], "sequence": sequence})

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        await connection.watch("one").ended

        assert [(watch.in_order, watch.expected) for watch in ended] == [(in_order, 5)]
        connection.close()

    against(serve, test)


def test_a_refusal_ends_the_watch() -> None:
    async def serve(socket: web.WebSocketResponse, order_id: str) -> None:
        await socket.send_json({"order_id": order_id, "error": "unknown order"})

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        await connection.watch("one").ended

        assert [(watch.ending, watch.in_order, watch.expected) for watch in ended] == [("unknown order", 0, 5)]
        connection.close()

    against(serve, test)


def test_orders_on_a_socket_that_breaks_never_end() -> None:
    async def serve(socket: web.WebSocketResponse, order_id: str) -> None:
        await socket.close()

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        await connection.watch("one").ended
        await connection.watch("another").ended

        assert [watch.ending for watch in ended] == [NEVER_ENDED, NEVER_ENDED]

    against(serve, test)


def test_a_ping_is_answered() -> None:
    async def serve(socket: web.WebSocketResponse, order_id: str) -> None:
        await socket.ping(b"there?")
        await whole_course(socket, order_id)

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        connection = await StatusConnection.open(url, ended.append, set())

        await connection.watch("one").ended
        await connection.watch("another").ended

        assert [watch.ending for watch in ended] == ["confirmed", "confirmed"]
        connection.close()

    against(serve, test)


def test_a_socket_for_two_orders_is_closed_after_their_ends_and_a_new_one_opened() -> None:
    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        sockets = Sockets(url, ended.append, orders_each=2)

        first, second, third = [await sockets.take() for _ in range(3)]
        assert first is second
        assert third is not first
        await first.watch("a").ended
        assert journal == ["opened", "opened"]
        second.release()
        await third.watch("c").ended
        while "closed with 1000" not in journal:
            await asyncio.sleep(0.01)

        assert journal == ["opened", "opened", "closed with 1000"]
        assert [watch.ending for watch in ended] == ["confirmed", "confirmed"]
        sockets.close()

    against(whole_course, test)


def test_a_socket_without_a_number_of_orders_is_kept() -> None:
    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        sockets = Sockets(url, ended.append)

        taken = {await sockets.take() for _ in range(3)}

        assert len(taken) == 1
        sockets.close()

    against(whole_course, test)


def test_giving_up_ends_every_watch() -> None:
    async def say_nothing(socket: web.WebSocketResponse, order_id: str) -> None:
        return

    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        sockets = Sockets(url, ended.append)
        watch = (await sockets.take()).watch("one")

        sockets.give_up()

        await watch.ended
        assert ended == [watch]
        sockets.close()

    against(say_nothing, test)


def test_nobody_at_the_address_is_an_error_that_names_it() -> None:
    url = f"http://127.0.0.1:{unused_port()}"

    with pytest.raises(UnreachableError, match=url):
        asyncio.run(StatusConnection.open(url, print, set()))


def test_an_upgrade_that_is_refused_is_an_error() -> None:
    async def test(url: str, ended: list[Watch], journal: list[str]) -> None:
        with pytest.raises(RefusedUpgradeError, match="404"):
            await StatusConnection.open(url.replace("127.0.0.1", "localhost"), ended.append, set())

    async def run() -> None:
        async with TestServer(web.Application()) as server:
            await test(str(server.make_url("/")), [], [])

    asyncio.run(run())


@pytest.mark.parametrize("length", [0, 1, 125, 126, 65_535, 65_536])
def test_frames_of_any_length_are_read_once_they_are_whole(length: int) -> None:
    content = b"x" * length
    header = (
        bytes([length])
        if length < 126
        else b"\x7e" + length.to_bytes(2)
        if length < 65_536
        else b"\x7f" + length.to_bytes(8)
    )
    received = b"\x81" + header + content + b"\x8a\x00" + b"\x81"

    frames, read = whole_frames(received)

    assert frames == [(1, content), (10, b"")]
    assert read == len(received) - 1
    for cut in (1, 2, 3, len(header), len(header) + length):
        assert whole_frames(received[: min(cut, len(header) + length)]) == ([], 0)


def test_a_frame_of_a_client_is_masked() -> None:
    assert frame(1, b"order") == b"\x81\x85\x00\x00\x00\x00order"
