"""`sam local start-api`: the HTTP API, answered by accept_order and read_orders in containers with the layer."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from local.client.api import Answer, Client

ORDER = {"token_in": "SOL", "token_out": "USDC", "amount": 12.5, "order_type": "market", "max_slippage": 0.05}


def ask(api: str, question: Callable[[Client], Awaitable[Answer]]) -> Answer:
    async def run() -> Answer:
        async with Client(api) as client:
            return await question(client)

    return asyncio.run(run())


def get(api: str, path: str) -> Any:
    answer = ask(api, lambda client: client.get(path))
    assert answer.status == 200, answer.body
    return answer.json()


def test_an_order_is_accepted_and_can_be_read(api: str) -> None:
    answer = ask(api, lambda client: client.execute(ORDER))

    order_id = answer.json()["order_id"]
    assert (answer.status, answer.json()["status"]) == (202, "pending")
    assert answer.headers["Location"] == f"/api/orders/{order_id}"
    order = get(api, f"/api/orders/{order_id}")
    assert (order["order_id"], order["amount"], order["max_slippage"]) == (order_id, "12.5", 0.05)


def test_the_same_key_is_the_same_order(api: str) -> None:
    first, again = (ask(api, lambda client: client.execute(ORDER, idempotency_key="one")) for _ in range(2))

    assert first.status == 202
    assert first.json() == again.json()


def test_a_quote_is_answered(api: str) -> None:
    quote = get(api, "/api/quote?token_in=SOL&token_out=USDC&amount=12.5")

    assert quote["token_out"] == "USDC"
    assert float(quote["expected_out"]) > float(quote["minimum_out"]) > 0


def test_what_is_wrong_with_an_order_is_said_as_problem_json(api: str) -> None:
    answer = ask(api, lambda client: client.execute(ORDER | {"amount": -1}))

    assert answer.status == 400
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json()["errors"][0]["field"] == "amount"


def test_redis_and_postgres_are_reached_from_the_container(api: str) -> None:
    assert get(api, "/health") == {"status": "ok", "redis": "ok", "postgres": "ok"}


def test_the_api_describes_itself_and_shows_its_page_from_the_container(api: str) -> None:
    described = get(api, "/openapi.json")
    page = ask(api, lambda client: client.get("/docs"))

    assert {"/api/orders/execute", "/api/orders", "/health"} <= described["paths"].keys()
    assert (page.status, page.headers["Content-Type"]) == (200, "text/html; charset=utf-8")


def test_an_upgrade_is_asked_for_where_the_gateway_serves_websockets(api: str) -> None:
    assert ask(api, lambda client: client.get("/api/orders/status")).status == 426
