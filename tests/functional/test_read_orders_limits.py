"""read_orders when many read at once: each kind of reading has a limit and holds up neither others nor orders."""

import asyncio
import json
import threading
from collections.abc import Callable, Coroutine, Iterator
from typing import Any

import pytest
import redis

from functions.read_orders import health
from orderflow.domain.order import event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.runtime import async_clients
from orderflow.runtime.at_once import AtOnce
from orderflow.runtime.refusals import Refusals
from tests.support.builders import ORDER_ID, make_order
from tests.support.fakes.outside import Outside
from tests.support.http_api import get, written
from tests.support.in_process import ask

QUOTE = "/api/quote?token_in=SOL&token_out=USDC&amount=1"


def run(work: Coroutine[Any, Any, None]) -> None:
    asyncio.run(work)


@pytest.fixture
def held(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Have the market and the ledger answer only when the event is set, with two quotes and two reads at once."""
    go = threading.Event()

    def when_set(answer: Callable[..., Any]) -> Callable[..., Any]:
        def wait(*arguments: Any) -> Any:
            assert go.wait(10)
            return answer(*arguments)

        return wait

    monkeypatch.setattr(outside.chain, "state", when_set(outside.chain.state))
    monkeypatch.setattr(outside.ledger, "find_all", when_set(outside.ledger.find_all))
    monkeypatch.setattr(outside.orders, "find", when_set(outside.orders.find))
    quotes, reads = AtOnce("MAX_QUOTES", 2, 1), AtOnce("MAX_READS", 2, 1)
    monkeypatch.setattr(async_clients, "quoting", lambda: quotes)
    monkeypatch.setattr(async_clients, "reads", lambda: reads)
    yield go
    go.set()


@pytest.mark.parametrize(
    ("target", "limit", "other"),
    [
        (QUOTE, "MAX_QUOTES", "/api/orders"),
        ("/api/orders", "MAX_READS", QUOTE),
        (f"/api/orders/{ORDER_ID}", "MAX_READS", QUOTE),
    ],
)
def test_more_than_the_limit_are_refused_for_now_and_all_else_goes_on(
    outside: Outside, held: threading.Event, target: str, limit: str, other: str
) -> None:
    outside.orders.known[ORDER_ID] = (make_order(Status.PENDING), [event_of(make_order(Status.PENDING))])

    async def work() -> None:
        first = [asyncio.create_task(ask(target)) for _ in range(2)]
        await asyncio.sleep(0)
        status, headers, problem = await ask(target)
        assert (status, headers["retry-after"], problem["limit"]) == (503, "1", limit)
        assert headers["content-type"] == "application/problem+json"

        assert (await ask("/api/orders/execute", written()))[0] == 202
        assert (await ask("/health"))[0] == 200
        assert (await ask("/api/tokens"))[0] == 200
        elsewhere = asyncio.create_task(ask(other))
        await asyncio.sleep(0)
        held.set()
        assert [answer[0] for answer in await asyncio.gather(elsewhere, *first)] == [200] * 3

    run(work())


def test_the_loop_that_takes_orders_makes_no_quote_itself(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[str] = []
    market = outside.chain.state

    def noted() -> Any:
        threads.append(threading.current_thread().name)
        return market()

    monkeypatch.setattr(outside.chain, "state", noted)

    async def work() -> None:
        assert {answer[0] for answer in await asyncio.gather(*(ask(QUOTE) for _ in range(5)))} == {200}

    run(work())

    assert len(set(threads)) == 1
    assert threads[0].startswith("MAX_QUOTES")


def test_an_unknown_order_is_sought_in_the_ledger_once_a_second(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    find = outside.ledger.find

    def noted(order_id: str, account: str) -> Any:
        asked.append(order_id)
        return find(order_id, account)

    monkeypatch.setattr(outside.ledger, "find", noted)

    async def work() -> None:
        for _ in range(20):
            assert (await ask(f"/api/orders/{ORDER_ID}"))[0] == 404

    run(work())

    assert asked == [ORDER_ID]


def test_an_order_that_was_unknown_is_found_as_soon_as_it_is_created(outside: Outside) -> None:
    async def work() -> None:
        assert (await ask(f"/api/orders/{ORDER_ID}"))[0] == 404
        outside.orders.known[ORDER_ID] = (make_order(Status.PENDING), [event_of(make_order(Status.PENDING))])
        assert (await ask(f"/api/orders/{ORDER_ID}"))[0] == 200

    run(work())


def test_however_many_ask_for_health_the_stores_are_looked_at_once_a_second(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    looks: list[str] = []
    check = outside.redis_health.check

    async def counted() -> None:
        looks.append("redis")
        await check()

    monkeypatch.setattr(outside.redis_health, "check", counted)
    monkeypatch.setattr(outside.ledger, "ping", lambda: looks.append("postgres"))

    async def work() -> None:
        answers = await asyncio.gather(*(ask("/health") for _ in range(50)))
        answers += [await ask("/health") for _ in range(50)]
        assert {answer[0] for answer in answers} == {200}
        assert sorted(looks) == ["postgres", "redis"]
        monkeypatch.setattr(health, "LOOK_EVERY_S", 0.0)
        outside.redis_health.error = redis.exceptions.ReadOnlyError("You can't write against a read only replica.")
        assert (await ask("/health"))[2] == {"status": "unavailable", "redis": "unavailable", "postgres": "ok"}

    run(work())


def test_the_log_alone_says_what_is_wrong_with_a_store(
    outside: Outside, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of a kind there is one line a second, and a test before may have had it.
    monkeypatch.setattr(health, "_unhealthy", Refusals("read_orders", "unhealthy"))
    outside.ledger.error = RetryableError("Postgres can't be reached: host db-1.internal")

    async def work() -> None:
        status, _, document = await ask("/health")
        assert (status, document["postgres"]) == (503, "unavailable")
        assert "internal" not in json.dumps(document)

    run(work())

    assert any("db-1.internal" in str(vars(line).get("detail")) for line in caplog.records)


def test_a_store_that_does_not_answer_is_unavailable_in_time(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "LOOK_TIMEOUT_S", 0.05)

    async def never() -> None:
        await asyncio.Event().wait()

    monkeypatch.setattr(outside.redis_health, "check", never)

    async def work() -> None:
        assert (await ask("/health"))[2]["redis"] == "unavailable"

    run(work())


@pytest.mark.usefixtures("_event_loop")
def test_the_same_holds_on_lambda(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    none = AtOnce("MAX_QUOTES", 0, 1)
    monkeypatch.setattr(async_clients, "quoting", lambda: none)

    answer = get("/api/quote", token_in="SOL", token_out="USDC", amount="1")

    assert (answer.status, answer.document["limit"], answer.headers["retry-after"]) == (503, "MAX_QUOTES", "1")
