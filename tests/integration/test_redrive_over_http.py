"""Dead letters over HTTP, on a real Redis and Postgres: given up by the event source, redriven by a request."""

from collections.abc import Callable, Iterator
from threading import Event
from typing import Any, cast

import pytest
import redis

from functions.record_order.handler import lambda_handler as record_order
from functions.tend_dead_letters.app import PATH
from orderflow.adapters.dead_letters import DeadLetters
from orderflow.adapters.keys import all_partitions, partition_of
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.streams import Streams
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import OrderRequest
from orderflow.domain.status import Status
from orderflow.errors import NoDeadLetterError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime import clients
from orderflow.runtime.batch import StreamEvent
from tests.support.driven import PARTITIONS, Driven, driven
from tests.support.event_sources import event_source
from tests.support.http_api import Answer, get
from tests.support.redis_servers import on_single_and_cluster
from tests.support.turns import read_new
from tests.support.waiting import eventually

InThread = Callable[[Callable[[Event], None]], Event]
SELL = OrderRequest("SOL", "USDC", 10**9, "market", 500)
RECORD = EventSourceMapping(function="record_order", stream="status", ordered=True, maximum_retry_attempts=1)


@pytest.fixture
def engine(
    redis_client: redis.Redis, redis_url: str, database_url: str, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Driven]:
    with driven(redis_client, redis_url, monkeypatch, DATABASE_URL=database_url) as lent:
        monkeypatch.setattr(clients, "ledger", lambda: ledger)
        yield lent


def listed() -> list[dict[str, Any]]:
    answer = get(PATH)
    assert answer.status == 200, answer.text
    letters: list[dict[str, Any]] = answer.document["dead_letters"]
    return letters


def redrive(name: str) -> Answer:
    return get(f"{PATH}/{name}/redrive", "POST")


def give_up(engine: Driven, order_id: str, stream: str, function: str) -> None:
    """Dead-letter all that waits for a function, of which nothing else comes."""
    streams = Streams(engine.client, partition_of(order_id, PARTITIONS))
    for entry in read_new(streams, stream, function):
        streams.dead_letter(stream, function, entry, "boom")


def test_what_the_event_source_gave_up_is_redriven_and_the_ledger_has_the_order_s_end(
    engine: Driven, ledger: Ledger, in_thread: InThread
) -> None:
    order_id = engine.place(SELL)
    engine.wait_until_ended(order_id)
    corrected = Event()

    def invoke(function: str, event: dict[str, Any]) -> Any:
        assert function == "record_order"
        if corrected.is_set():
            return record_order(cast("StreamEvent", event), None)
        return {"batchItemFailures": [{"itemIdentifier": each["messageId"]} for each in event["Records"]]}

    in_thread(event_source(engine.client, [RECORD], invoke, partitions=PARTITIONS).run)
    steps = len(engine.history(order_id))
    eventually(lambda: len(listed()) == steps)
    corrected.set()
    names = [each["name"] for each in reversed(listed())]
    assert ledger.find(order_id, LOCAL_ACCOUNT) is None

    assert [redrive(name).status for name in names] == [200] * steps

    eventually(lambda: len(ledger.history(order_id, LOCAL_ACCOUNT)) == steps)
    row = ledger.find(order_id, LOCAL_ACCOUNT)
    assert row is not None
    assert row.status == Status.CONFIRMED
    assert listed() == []


def test_an_order_whose_record_is_redriven_goes_on_to_its_end(engine: Driven) -> None:
    order_id = engine.place(SELL, without=("build_order",))
    give_up(engine, order_id, "build", "build_order")
    [letter] = listed()
    assert (letter["function"], letter["order_id"]) == ("build_order", order_id)
    assert (letter["account"], letter["order_status"]) == (LOCAL_ACCOUNT, "routing")

    answer = redrive(letter["name"])

    assert (answer.status, answer.document) == (200, {"name": letter["name"], "redriven": True})
    engine.wait_until_ended(order_id)
    assert engine.order(order_id).status is Status.CONFIRMED
    assert redrive(letter["name"]).status == 404


def test_the_letter_of_an_order_that_has_ended_is_refused_and_can_be_discarded(engine: Driven) -> None:
    order_id = engine.place(SELL, without=("build_order",))
    give_up(engine, order_id, "build", "build_order")
    [letter] = listed()
    assert get(f"/api/orders/{order_id}", "DELETE").status == 200

    refused = redrive(letter["name"])

    assert (refused.status, refused.document["order_status"]) == (409, "cancelled")
    assert [each["order_status"] for each in listed()] == ["cancelled"]
    assert get(f"{PATH}/{letter['name']}", "DELETE").status == 200
    assert listed() == []


@on_single_and_cluster
def test_the_latest_of_all_partitions_are_listed_and_all_are_counted(client: redis.Redis) -> None:
    letters = DeadLetters(client, all_partitions(PARTITIONS))
    fields: Any = {"function": "route_order", "stream": "route", "attempts": 4, "error": "boom"}
    for partition, letter_id in (("p0", "7-11"), ("p1", "7-9"), ("p1", "12-0"), ("chain", "7-10"), ("p0", "7-12")):
        client.xadd(f"{{{partition}}}:dead", fields, letter_id)

    found = letters.latest(4)

    assert [letter.name for letter in found.letters] == ["p1/12-0", "p0/7-12", "p0/7-11", "chain/7-10"]
    assert found.total == 5
    assert len(letters.latest(100).letters) == 5


def test_a_part_of_an_id_is_no_name(client: redis.Redis) -> None:
    letters = DeadLetters(client, all_partitions(PARTITIONS))
    fields: Any = {"function": "route_order", "stream": "route", "attempts": 4, "error": "boom"}
    client.xadd("{p0}:dead", fields, "7-0")
    client.xadd("{p0}:dead", fields, "7-1")

    assert letters.find("p0/7-1").id == "7-1"
    for name in ("p0/7", "p0/07-1", "p0/-", "p0/+"):
        with pytest.raises(NoDeadLetterError):
            letters.find(name)
