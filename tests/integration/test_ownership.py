"""Three accounts on a real Redis and a real Postgres: what one has the others find on no path, and can't change."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import redis

from functions.record_order.handler import lambda_handler as record_order
from functions.watch_order.handler import lambda_handler as watch_order
from orderflow.adapters.keys import key, order_key, partition_of
from orderflow.adapters.ledger import Ledger
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import OrderId
from orderflow.domain.status import Status
from orderflow.runtime import async_clients, clients
from tests.support.builders import nth_id, read_event, records
from tests.support.driven import PARTITIONS, Driven, driven
from tests.support.fakes.delivery import FakeSockets
from tests.support.http_api import Answer, asking_as, delete, get, of_type, patch, post, post_batch, written

A, B = "desk-1", "desk-2"
UNKNOWN = nth_id(77)
PLACES = ("Redis", "Redis and ledger", "ledger")
NAMES = (("{p*}:*", "stream"), ("{p*}:order:*", "hash"))
EXITS = '{"take_profit":{"trigger_price":"260"},"stop_loss":{"trigger_price":"200"}}'


@pytest.fixture
def sockets(monkeypatch: pytest.MonkeyPatch) -> FakeSockets:
    sockets = FakeSockets()
    monkeypatch.setattr(clients, "sockets", lambda: sockets)
    return sockets


@pytest.fixture
def engine(
    redis_client: redis.Redis, redis_url: str, database_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Driven]:
    """Lend an engine with a front door, on a loop of its own."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    with driven(redis_client, redis_url, monkeypatch, DATABASE_URL=database_url) as lent:
        monkeypatch.setattr(clients, "ledger", lambda: ledger)
        yield lent
    loop.run_until_complete(close_redis())
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()


async def close_redis() -> None:
    await async_clients.redis_client().aclose()


def place(engine: Driven, account: str, body: str) -> OrderId:
    """Place an order by its POST, and have the functions do all that they can."""
    with asking_as(account):
        answer = post(body)
    assert answer.status == 202, answer.text
    engine.work()
    return OrderId(answer.document["order_id"])


def statuses(engine: Driven, *partitions: str) -> list[dict[str, str]]:
    """Return what was put on `status`."""
    found = [engine.client.xrange(key(name, "status")) for name in partitions or clients.books().partitions]
    return [fields for entries in cast("list[list[tuple[str, dict[str, str]]]]", found) for _, fields in entries]


def record(engine: Driven) -> None:
    """Have the ledger know all that has happened."""
    for partition in clients.books().partitions:
        event = records("status", statuses(engine, partition), partition=partition)
        assert record_order(event, None) == {"batchItemFailures": []}


def keep_in(engine: Driven, where: str, order_id: str) -> None:
    """Have an order be in Redis, in the ledger, or in both."""
    if "ledger" in where:
        record(engine)
    if "Redis" not in where:
        engine.client.delete(order_key(partition_of(order_id, PARTITIONS), order_id))


def frame(account: str, text: str, connection: str) -> Any:
    """Send a frame, and return the one that answers it, if any."""
    event = read_event("watch_order.default") | {"body": text}
    event["requestContext"]["authorizer"]["account"] = account
    event["requestContext"]["connectionId"] = connection
    answer = watch_order(event, None)
    assert answer["statusCode"] == 200
    return json.loads(answer["body"] or "null")


def everything(client: redis.Redis) -> dict[str, int]:
    """Return all streams of orders with how many entries each ever had, and the orders with their steps."""
    streams, orders = (client.scan_iter(names, _type=kind) for names, kind in NAMES)
    ends = {name: int(client.xinfo_stream(name)["entries-added"]) for name in streams}
    return ends | {name: int(client.hget(name, "sequence") or 0) for name in orders}


ASKED: dict[str, Callable[[str], Answer]] = {
    "read": lambda order_id: get(f"/api/orders/{order_id}"),
    "cancel": delete,
    "cancel many": lambda order_id: post(json.dumps({"order_ids": [order_id]}), path="/api/orders/cancel"),
    "amend": lambda order_id: patch(order_id, '{"limit_price":"240"}'),
    "amend to nothing": lambda order_id: patch(order_id, '{"amount":"0.01","sequence":2}'),
    "list its children": lambda order_id: get("/api/orders", parent_id=order_id),
}


@pytest.mark.parametrize("where", PLACES)
@pytest.mark.parametrize(("whose", "other"), [(A, B), (LOCAL_ACCOUNT, A), (A, LOCAL_ACCOUNT)])
def test_anothers_order_is_answered_for_as_one_that_is_not_there_and_stays_as_it_is(
    engine: Driven, where: str, whose: str, other: str
) -> None:
    order_id = place(engine, whose, of_type("limit", limit_price='"230"'))
    keep_in(engine, where, order_id)
    before = everything(engine.client)

    with asking_as(other):
        for name, ask in [*ASKED.items()] * 2:  # the second time what is unknown is known to be so
            about_it, about_nothing = ask(order_id), ask(UNKNOWN)

            assert about_it.status == about_nothing.status, name
            assert about_it.text.replace(order_id, UNKNOWN) == about_nothing.text, name

    assert everything(engine.client) == before
    with asking_as(whose):
        found = get(f"/api/orders/{order_id}")
    assert (found.status, found.document["order_id"]) == (200, order_id)


@pytest.mark.parametrize("where", PLACES)
def test_who_has_an_order_finds_cancels_and_amends_it_after_another_has_tried_to(engine: Driven, where: str) -> None:
    order_id = place(engine, A, of_type("limit", limit_price='"230"'))
    with asking_as(B):
        for ask in ASKED.values():
            ask(order_id)

    with asking_as(A):
        amended, cancelled = patch(order_id, '{"limit_price":"240"}'), delete(order_id)
        keep_in(engine, where, order_id)
        again, found = delete(order_id), get(f"/api/orders/{order_id}")

    assert [answer.status for answer in (amended, cancelled, again, found)] == [200] * 4
    assert again.document == cancelled.document
    assert found.document["status"] == Status.CANCELLED


@pytest.mark.parametrize("name", ["client_order_id", "Idempotency-Key"])
def test_each_account_has_its_own_names(engine: Driven, name: str) -> None:
    def ask(account: str, amount: str) -> Answer:
        with asking_as(account):
            if name == "client_order_id":
                return post(written(amount=amount, client_order_id='"mine"'))
            return post(written(amount=amount), {name: "mine"})

    first = {account: ask(account, str(amount)) for amount, account in enumerate((A, B, LOCAL_ACCOUNT), start=3)}
    again = {account: ask(account, str(amount)) for amount, account in enumerate((A, B, LOCAL_ACCOUNT), start=3)}
    others = [ask(account, "7").status for account in (A, B, LOCAL_ACCOUNT)]

    assert {answer.status for answer in (*first.values(), *again.values())} == {202}
    ids = {account: answer.document["order_id"] for account, answer in first.items()}
    assert len(set(ids.values())) == 3
    assert ids == {account: answer.document["order_id"] for account, answer in again.items()}
    assert ids == {engine.order(order_id).account: order_id for order_id in ids.values()}
    assert others == [422] * 3


def test_the_orders_of_a_batch_are_its_accounts(engine: Driven) -> None:
    ids: dict[str, list[str]] = {}
    for account in (A, B, A):
        with asking_as(account):
            answer = post_batch(written(), written(amount="4"), headers={"Idempotency-Key": "batch"})
        of_batch = [result["order"]["order_id"] for result in answer.document["results"]]
        assert ids.setdefault(account, of_batch) == of_batch

    assert {engine.order(order_id).account for order_id in ids[A]} == {A}
    assert {engine.order(order_id).account for order_id in ids[B]} == {B}


def test_a_list_has_the_accounts_own_orders_whatever_it_is_filtered_by(engine: Driven) -> None:
    mine = [place(engine, A, of_type("limit", limit_price='"230"', client_order_id=f'"{n}"')) for n in range(5)]
    place(engine, LOCAL_ACCOUNT, of_type("limit", limit_price='"230"', client_order_id='"1"'))
    yours = [place(engine, B, of_type("limit", limit_price='"230"', client_order_id=f'"{n}"')) for n in range(4)]
    record(engine)
    filters = [{}, {"status": "open"}, {"open": "true"}, {"order_type": "limit"}, {"token_in": "SOL"}]
    filters += [{"token_out": "USDC"}, {"token_in": "SOL", "token_out": "USDC", "open": "true"}]

    for query in filters:
        for account, own in ((A, mine), (B, yours)):
            with asking_as(account):
                listed = [order["order_id"] for order in get("/api/orders", **query).document["orders"]]
                assert listed == own[::-1], (account, query)
                [named] = get("/api/orders", **query, client_order_id="1").document["orders"]
                assert named["order_id"] == own[1]

    with asking_as(A):
        cursor = get("/api/orders", limit="2").document["next_cursor"]
    with asking_as(B):
        behind = get("/api/orders", cursor=cursor).document
    assert (behind["orders"], behind["next_cursor"]) == ([], None)  # all of B's are newer
    with asking_as(B):
        cursor = get("/api/orders", limit="1").document["next_cursor"]
    with asking_as(A):
        assert [order["order_id"] for order in get("/api/orders", cursor=cursor).document["orders"]] == mine[::-1]


@pytest.mark.parametrize("where", PLACES)
def test_a_socket_is_sent_nothing_of_anothers_order(engine: Driven, sockets: FakeSockets, where: str) -> None:
    order_id = place(engine, A, of_type("limit", limit_price='"230"'))
    keep_in(engine, where, order_id)
    before = everything(engine.client)

    for _ in range(2):
        for text in (order_id, f'{{"action":"subscribe","order_id":"{order_id}"}}'):
            assert frame(B, text, "theirs=") == {"order_id": order_id, "error": "unknown order"}
        assert frame(B, f'{{"action":"unsubscribe","order_id":"{order_id}"}}', "theirs=")["unsubscribed"] is True

    assert everything(engine.client) == before
    assert sockets.sent == []
    assert frame(A, order_id, "own=") is None
    if "Redis" in where:
        assert everything(engine.client) != before  # it is asked for on the status stream
    else:
        assert {(message.connection_id, message.order_id) for message in sockets.sent} == {("own=", order_id)}


def test_who_asked_for_an_order_before_it_was_there_does_not_get_it_later(engine: Driven, sockets: FakeSockets) -> None:
    assert frame(B, UNKNOWN, "theirs=") == {"order_id": UNKNOWN, "error": "unknown order"}
    order_id = place(engine, A, written())
    assert frame(B, order_id, "theirs=") == {"order_id": order_id, "error": "unknown order"}
    record(engine)

    assert [fields for fields in statuses(engine) if "connection_id" in fields] == []
    assert sockets.sent == []


@pytest.mark.parametrize(
    "body",
    [
        written(token_in='"USDC"', token_out='"SOL"', amount="1000", then=EXITS),
        of_type("twap", slices="3", interval="1"),
    ],
    ids=["exits", "slices"],
)
def test_what_an_order_makes_is_its_accounts_too(engine: Driven, ledger: Ledger, body: str) -> None:
    order_id = place(engine, A, body)
    engine.advance(12)
    record(engine)

    children = ledger.children(order_id)

    assert children
    assert {child.account for child in children} == {engine.order(child.order_id).account for child in children} == {A}
    with asking_as(A):
        listed = get("/api/orders", parent_id=order_id).document["orders"]
        assert {order["order_id"] for order in listed} == {child.order_id for child in children}
    with asking_as(B):
        assert get("/api/orders", parent_id=order_id).document["orders"] == []
        for child in children:
            assert {ask(child.order_id).status for name, ask in ASKED.items() if "many" not in name} == {404, 200}
            assert ASKED["list its children"](child.order_id).document["orders"] == []
    assert {engine.order(child.order_id).status for child in children} & {Status.CANCELLED} == set()
