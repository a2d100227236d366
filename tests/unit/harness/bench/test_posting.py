"""The bench's own way to post orders: one connection, answers read from its bytes."""

import asyncio

import pytest
from aiohttp import web
from aiohttp.test_utils import unused_port

from local.client.api import Client, UnreachableError
from tests.harness.bench.posting import BrokenAnswerError, OrderConnection, open_connections, order_id_of, read_answer
from tests.support.echo_server import against_server, hang_up

ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\nServer: x\r\n\r\n{"order_id":"a"}'


def test_an_answer_is_read_once_it_is_whole() -> None:
    pieces = [read_answer(ANSWER[:end]) for end in range(len(ANSWER))]

    assert set(pieces) == {None}
    assert read_answer(ANSWER) == (202, b'{"order_id":"a"}')


def test_the_length_may_be_the_last_header_in_any_case() -> None:
    assert read_answer(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") == (503, b"")


def test_an_answer_without_a_length_is_reported() -> None:
    answer = read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert isinstance(answer, BrokenAnswerError)


def test_only_an_accepted_order_has_an_id() -> None:
    assert order_id_of((202, b'{"order_id":"a"}')) == "a"
    assert order_id_of((503, b'{"order_id":"a"}')) is None


def test_nobody_at_the_address_is_an_error_that_names_it() -> None:
    url = f"http://127.0.0.1:{unused_port()}"

    with pytest.raises(UnreachableError, match=url):
        asyncio.run(OrderConnection.open(url))


def test_one_connection_posts_orders_one_after_the_other() -> None:
    async def test(client: Client) -> None:
        connection = await OrderConnection.open(client.base_url)

        answers = [await connection.post(body) for body in (b"{}", b'{"order_id":"b"}', b"x" * 100_000)]

        connection.close()
        assert answers == [(202, b"{}"), (202, b'{"order_id":"b"}'), (202, b"x" * 100_000)]

    against_server(test)


def test_a_connection_that_ends_before_the_answer_is_reported() -> None:
    async def test(client: Client) -> None:
        connection = await OrderConnection.open(client.base_url)

        with pytest.raises(BrokenAnswerError):
            await connection.post(b"{}")
        with pytest.raises(BrokenAnswerError):
            await connection.post(b"{}")

    against_server(test, post=hang_up)


def test_clients_that_post_at_once_share_a_request_and_each_has_its_own_answer() -> None:
    requests: list[list[int]] = []

    async def judge(request: web.Request) -> web.Response:
        orders = [order["amount"] for order in (await request.json())["orders"]]
        requests.append(orders)
        refused = {"problem": {"status": 422}}
        results = [{"order": {"order_id": str(amount)}} if amount else refused for amount in orders]
        return web.json_response({"results": results}, status=202 if all(orders) else 207)

    async def test(client: Client) -> None:
        connections = await open_connections(client.base_url, clients=5, batch=3)

        answers = await asyncio.gather(
            *(connection.post(b'{"amount":%d}' % number) for number, connection in enumerate(connections))
        )

        for connection in connections:
            connection.close()
        assert sorted(requests) == [[0, 1, 2], [3, 4]]
        assert [order_id_of(answer) for answer in answers] == [None, "1", "2", "3", "4"]
        assert answers[0] == (422, b'{"status":422}')

    against_server(test, post=judge)


def test_a_batch_that_is_refused_as_a_whole_is_the_answer_to_each_of_its_orders() -> None:
    async def refuse(_request: web.Request) -> web.Response:
        return web.Response(status=503, body=b"busy")

    async def test(client: Client) -> None:
        connections = await open_connections(client.base_url, clients=2, batch=2)

        answers = await asyncio.gather(*(connection.post(b"{}") for connection in connections))

        connections[0].close()
        assert answers == [(503, b"busy")] * 2

    against_server(test, post=refuse)
