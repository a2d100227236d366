"""The client against a small server that misbehaves on demand."""

import asyncio

import pytest
from aiohttp.test_utils import unused_port

from local.client.api import Client, RefusedUpgradeError, UnreachableError
from local.client.status_socket import SocketClosedError
from tests.support.echo_server import against_server

TIMEOUT_S = 5.0


def test_the_handshake_is_the_one_that_was_sent() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as first, client.open_socket() as second:
            keys = [socket.handshake.request_headers["Sec-WebSocket-Key"] for socket in (first, second)]

            assert first.handshake.path == "/api/orders/execute"
            assert first.handshake.response_headers["Sec-WebSocket-Accept"]
            assert keys[0] != keys[1]

    against_server(test)


def test_sockets_that_open_at_once_have_their_own_handshakes() -> None:
    async def test(client: Client) -> None:
        async def key() -> str:
            async with client.open_socket() as socket:
                return socket.handshake.request_headers["Sec-WebSocket-Key"]

        keys = await asyncio.gather(*(key() for _ in range(20)))

        assert len(set(keys)) == 20

    against_server(test)


def test_a_receive_that_timed_out_leaves_the_socket_usable() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as socket:
            await socket.send_text("quiet")
            with pytest.raises(TimeoutError):
                await socket.receive(0.05)
            await socket.ping()

            assert (await socket.receive(TIMEOUT_S)).content == {"action": "ping"}

    against_server(test)


def test_collect_returns_what_came_until_every_order_ended() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as socket:
            for order_id, status in (("a", "pending"), ("b", "failed"), ("a", "confirmed"), ("a", "late")):
                await socket.send_text(f'{{"order_id":"{order_id}","status":"{status}"}}')

            frames = await socket.collect(2, TIMEOUT_S)

            statuses = {order_id: [frame.status for frame in history] for order_id, history in frames.items()}
            assert statuses == {"a": ["pending", "confirmed"], "b": ["failed"]}

    against_server(test)


def test_collect_gives_up_at_its_time_out() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as socket:
            await socket.send_text('{"order_id":"a","status":"pending"}')

            frames = await socket.collect(1, 0.1)

            assert [frame.status for frame in frames["a"]] == ["pending"]

    against_server(test)


def test_a_socket_that_the_server_closes_says_its_code() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as socket:
            await socket.send_text("close")

            with pytest.raises(SocketClosedError) as closed:
                await socket.receive(TIMEOUT_S)

            assert closed.value.code == 1003

    against_server(test)


def test_a_dropped_socket_ends_without_a_goodbye() -> None:
    async def test(client: Client) -> None:
        async with client.open_socket() as socket:
            socket.drop()

            with pytest.raises(SocketClosedError):
                await socket.receive(TIMEOUT_S)

    against_server(test)


def test_an_upgrade_that_is_refused_says_so() -> None:
    async def test(client: Client) -> None:
        with pytest.raises(RefusedUpgradeError, match="404"):
            async with client.open_socket("/nowhere"):
                pass

    against_server(test)


def test_a_batch_carries_its_orders_and_its_idempotency_key() -> None:
    async def test(client: Client) -> None:
        answer = await client.execute_batch([{"amount": 1}, "no order"], "key-1")

        assert (answer.status, answer.json()) == (202, {"orders": [{"amount": 1}, "no order"]})
        assert answer.headers["Seen-Key"] == "key-1"

    against_server(test)


def test_an_order_carries_its_idempotency_key() -> None:
    async def test(client: Client) -> None:
        answer = await client.execute({"amount": 1}, "key-1")

        assert (answer.status, answer.json(), answer.headers["Seen-Key"]) == (202, {"amount": 1}, "key-1")

    against_server(test)


def test_requests_and_handshakes_have_the_key_that_the_environment_has_and_reports_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("ORDERFLOW_KEY", " of_test_1\n")

    async def test(client: Client) -> None:
        answer = await client.execute({})
        async with client.open_socket() as socket:
            handshake = socket.handshake

        assert answer.headers["Seen-Authorization"] == "Bearer of_test_1"
        assert handshake.response_headers["Seen-Authorization"] == "Bearer of_test_1"
        assert "of_test_1" not in str(handshake.request_headers)

    against_server(test)


@pytest.mark.parametrize("key", [None, ""])
def test_without_a_key_there_is_no_header_for_one(monkeypatch: pytest.MonkeyPatch, key: str | None) -> None:
    monkeypatch.delenv("ORDERFLOW_KEY", raising=False)
    if key is not None:
        monkeypatch.setenv("ORDERFLOW_KEY", key)

    async def test(client: Client) -> None:
        assert (await client.execute({})).headers["Seen-Authorization"] == ""

    against_server(test)


def test_nobody_at_the_address_is_an_error_that_names_it() -> None:
    async def run() -> None:
        url = f"http://127.0.0.1:{unused_port()}"
        async with Client(url) as client:
            with pytest.raises(UnreachableError, match=url):
                await client.get("/health")

    asyncio.run(run())
