"""The event source on a real Redis: nothing lost and nothing stuck when functions fail and lease holders die."""

import threading
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import Streams
from orderflow.errors import RetryableError
from orderflow.event_source import mapped_function
from orderflow.event_source.invoke import FunctionError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.source import EventSource
from tests.support.event_sources import event_source
from tests.support.order_steps import pending
from tests.support.redis_servers import entries_of, on_single_and_cluster
from tests.support.turns import read_new
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster
ROUTE = EventSourceMapping(function="route_order", stream="route")
PUBLISH = EventSourceMapping(function="publish_status", stream="status", ordered=True)
BLOCKS = EventSourceMapping(function="produce_block", stream="transactions", scope="chain", ordered=True)
RECORD = EventSourceMapping(function="record_order", stream="status", ordered=True)
InThread = Callable[[Callable[[threading.Event], None]], threading.Event]


class Function:
    """A function that notes what it was given, and does to it what the test says."""

    def __init__(self, behaviour: Callable[[list[dict[str, Any]]], Any] = lambda records: None) -> None:
        self.batches: list[list[dict[str, Any]]] = []
        self._behaviour = behaviour

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        self.batches.append(event["Records"])
        return self._behaviour(event["Records"])

    @property
    def seen(self) -> list[str]:
        return [record["messageId"] for batch in self.batches for record in batch]


def source(client: redis.Redis, invoke: Any, *mappings: EventSourceMapping, name: str = "one") -> EventSource:
    return event_source(client, mappings, invoke, partitions=1, name=name)


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_function, "FIRST_RETRY_MS", 5)


def accept(orders: Orders, count: int) -> list[str]:
    accepted = [pending() for _ in range(count)]
    orders.apply([Transition(order) for order in accepted])
    return [order.order_id for order in accepted]


def is_empty(client: redis.Redis, stream: str, *groups: str) -> bool:
    try:
        acknowledged = all(client.xpending(stream, group)["pending"] == 0 for group in groups)
    except redis.ResponseError:  # the groups are not made yet
        return False
    return acknowledged and client.xlen(stream) == 0


def nothing_waits(client: redis.Redis, stream: str) -> bool:
    """Look at a stream and the timers in one step: from the one look to the other a message may move, and be missed."""
    with client.pipeline(transaction=True) as pipeline:
        pipeline.xlen(stream)
        pipeline.zcard("{p0}:timers")
        return pipeline.execute() == [0, 0]


def test_acknowledged_entries_are_removed(client: redis.Redis, orders: Orders, in_thread: InThread) -> None:
    function = Function()
    accept(orders, 250)

    in_thread(source(client, function, ROUTE).run)

    eventually(lambda: len(function.seen) == 250)
    eventually(lambda: is_empty(client, "{p0}:route", "route_order"))
    assert max(len(batch) for batch in function.batches) <= ROUTE.batch_size


def test_an_entry_stays_until_every_group_has_acknowledged_it(
    client: redis.Redis, orders: Orders, in_thread: InThread
) -> None:
    may_record = threading.Event()

    def behave(records: list[dict[str, Any]]) -> None:
        if not may_record.is_set():
            raise RetryableError("Postgres is unavailable")

    publish, record = Function(), Function(behave)

    def invoke(function: str, event: dict[str, Any]) -> Any:
        return (record if function == "record_order" else publish)(function, event)

    accept(orders, 10)
    in_thread(source(client, invoke, PUBLISH, RECORD).run)
    eventually(lambda: len(publish.seen) == 10 and len(record.seen) >= 10)
    eventually(lambda: client.xpending("{p0}:status", "publish_status")["pending"] == 0)
    kept = client.xlen("{p0}:status")

    may_record.set()

    assert kept == 10
    eventually(lambda: is_empty(client, "{p0}:status", "publish_status", "record_order"))
    assert publish.seen == sorted(publish.seen)
    assert len(publish.seen) == 10


def test_what_a_lease_holder_read_before_it_died_is_done_by_the_next(
    client: redis.Redis, orders: Orders, streams: Streams, in_thread: InThread
) -> None:
    accept(orders, 30)
    streams.create_group("route", "route_order")
    read_and_never_acknowledged = read_new(streams, "route", "route_order", 20)
    function = Function()

    in_thread(source(client, function, ROUTE).run)

    eventually(lambda: len(set(function.seen)) == 30)
    assert function.seen[:20] == [entry.id for entry in read_and_never_acknowledged]
    eventually(lambda: is_empty(client, "{p0}:route", "route_order"))


def test_what_a_former_lease_holder_reads_after_the_takeover_is_done_too(
    client: redis.Redis, orders: Orders, streams: Streams, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mapped_function, "LOOK_BACK_S", 0.05)
    function = Function()
    in_thread(source(client, function, ROUTE).run)
    eventually(lambda: client.exists("{p0}:route") == 1 and bool(client.xinfo_groups("{p0}:route")))
    read: list[str] = []

    while not read:  # the lease holder is quick; now and then the former one is quicker
        accept(orders, 5)
        read = [entry.id for entry in read_new(streams, "route", "route_order")]

    eventually(lambda: set(read) <= set(function.seen))
    eventually(lambda: is_empty(client, "{p0}:route", "route_order"))


def test_a_record_that_four_processes_ended_of_is_given_up_and_those_beside_it_are_done(
    client: redis.Redis, orders: Orders, streams: Streams, in_thread: InThread
) -> None:
    fatal, *others = accept(orders, 3)
    streams.create_group("route", "route_order")
    read_new(streams, "route", "route_order")
    streams.read_pending("route", "route_order", 100)
    for _ in range(2):  # by now each is handed out alone, and the first one ends the process each time
        streams.read_pending("route", "route_order", 1)
    function = Function()

    in_thread(source(client, function, ROUTE).run)

    eventually(lambda: is_empty(client, "{p0}:route", "route_order"))
    assert [len(batch) for batch in function.batches] == [1, 1]
    [(_, letter)] = entries_of(client, "{p0}:dead")
    assert (letter["attempts"], letter["error"]) == ("4", "route_order never answered to it")
    found = [orders.find(order_id) for order_id in (fatal, *others)]
    assert [order.status for order, _ in filter(None, found)] == ["failed", "pending", "pending"]


def test_a_record_that_was_waiting_when_its_process_was_ended_is_not_to_blame(
    client: redis.Redis, orders: Orders, streams: Streams, in_thread: InThread
) -> None:
    accept(orders, 1)
    streams.create_group("route", "route_order")
    [entry] = read_new(streams, "route", "route_order")
    for _ in range(5):
        streams.release("route", "route_order", [entry.id])
        streams.read_pending("route", "route_order", 100)
    function = Function()

    in_thread(source(client, function, ROUTE).run)

    eventually(lambda: is_empty(client, "{p0}:route", "route_order"))
    assert function.seen == [entry.id]


def test_a_poisoned_record_fails_its_order_after_four_attempts_and_no_other(
    client: redis.Redis, orders: Orders, in_thread: InThread, quick_retries: None
) -> None:
    good = accept(orders, 5)
    [poisoned] = accept(orders, 1)
    more = accept(orders, 5)
    attempts: list[int] = []

    def behave(records: list[dict[str, Any]]) -> Any:
        failures = [record for record in records if poisoned in record["data"]["order"]]
        attempts.extend(record["attempt"] for record in failures)
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"], "error": "boom"} for record in failures]}

    in_thread(source(client, Function(behave), ROUTE).run)

    eventually(lambda: client.xlen("{p0}:dead") == 1)
    assert attempts == [1, 2, 3, 4]
    [(_, letter)] = entries_of(client, "{p0}:dead")
    assert (letter["function"], letter["stream"], letter["attempts"], letter["error"]) == (
        "route_order",
        "route",
        "4",
        "boom",
    )
    found = orders.find(poisoned)
    assert found is not None
    assert found[0].status == "failed"
    assert found[0].reason == "Gave up in route_order after 4 attempts: boom"
    for order_id in good + more:
        untouched = orders.find(order_id)
        assert untouched is not None
        assert untouched[0].status == "pending"


def test_a_function_that_dies_of_one_record_does_the_others(
    client: redis.Redis, orders: Orders, in_thread: InThread, quick_retries: None
) -> None:
    [poisoned, *good] = accept(orders, 16)
    done: set[str] = set()

    def behave(records: list[dict[str, Any]]) -> None:
        bodies = [record["data"]["order"] for record in records]
        if any(poisoned in body for body in bodies):
            raise FunctionError("Runtime.ExitError")
        done.update(msgspec.json.decode(body)["order_id"] for body in bodies)

    in_thread(source(client, Function(behave), ROUTE).run)

    eventually(lambda: client.xlen("{p0}:dead") == 1)
    assert done == set(good)


def test_a_response_that_makes_no_sense_fails_the_batch(
    client: redis.Redis, orders: Orders, in_thread: InThread, quick_retries: None
) -> None:
    accept(orders, 1)
    answers = iter([["nonsense"], {"batchItemFailures": [{"itemIdentifier": "never sent"}]}, {}])

    in_thread(source(client, Function(lambda records: next(answers)), ROUTE).run)

    eventually(lambda: nothing_waits(client, "{p0}:route"))
    assert list(answers) == []


def test_an_ordered_stream_waits_for_its_failed_record(
    client: redis.Redis, orders: Orders, in_thread: InThread, quick_retries: None
) -> None:
    accept(orders, 3)
    first_id, *behind = (entry_id for entry_id, _ in entries_of(client, "{p0}:status"))
    tries: list[str] = []

    def behave(records: list[dict[str, Any]]) -> Any:
        tries.extend(record["messageId"] for record in records)
        failing = records[0]["messageId"] == first_id and records[0]["attempt"] < 3
        return {"batchItemFailures": [{"itemIdentifier": first_id}] if failing else []}

    in_thread(source(client, Function(behave), PUBLISH).run)

    eventually(lambda: is_empty(client, "{p0}:status", "publish_status"))
    assert tries == [first_id, *behind] * 3


def test_a_partition_whose_lease_holder_died_is_taken_over(
    client: redis.Redis, orders: Orders, in_thread: InThread
) -> None:
    client.set("{p0}:lease", "a dead one", px=300)
    client.set("{chain}:lease", "a dead one", px=300)
    accept(orders, 1)
    function = Function()

    in_thread(source(client, function, ROUTE, name="two").run)

    eventually(lambda: len(function.seen) == 1)
    assert client.get("{p0}:lease") == "two"


def test_partitions_are_shared_between_those_alive_and_given_back_at_the_end(
    client: redis.Redis, in_thread: InThread
) -> None:
    def called(name: str) -> EventSource:
        return event_source(client, [ROUTE, BLOCKS], Function(), partitions=5, name=name)

    names = ["{chain}:lease", *(f"{{p{number}}}:lease" for number in range(5))]

    def shares() -> dict[str, int]:
        holders = [str(client.get(name)) for name in names]
        return {holder: holders.count(holder) for holder in holders}

    stop_one = in_thread(called("one").run)
    eventually(lambda: shares() == {"one": 6})
    in_thread(called("two").run)
    eventually(lambda: shares() == {"one": 3, "two": 3})
    stop_one.set()
    eventually(lambda: shares() == {"two": 6})


def test_a_lease_lost_to_another_stops_the_work_here(client: redis.Redis, orders: Orders) -> None:
    function = Function()
    one = source(client, function, ROUTE)
    one.rebalance()
    assert client.get("{p0}:lease") == "one"
    client.set("{p0}:lease", "another", px=60_000)

    one.rebalance()
    eventually(lambda: not any(thread.name.startswith("p0-") for thread in threading.enumerate()))
    accept(orders, 1)

    pending_entries = client.xpending("{p0}:route", "route_order")["pending"]
    assert (function.seen, pending_entries, client.xlen("{p0}:route")) == ([], 0, 1)
    one.close()
    assert client.get("{p0}:lease") == "another"


def test_messages_in_the_timer_set_reach_their_function_when_due(
    client: redis.Redis, orders: Orders, in_thread: InThread
) -> None:
    function = Function()
    in_thread(source(client, function, ROUTE).run)
    eventually(lambda: client.exists("{p0}:lease") == 1)

    orders.apply([Transition(pending(), delay_ms=delay_ms) for delay_ms in (700, 250, 40)])

    eventually(lambda: len(function.seen) == 3)
    assert client.zcard("{p0}:timers") == 0


def test_redis_gone_and_back_is_survived(
    client: redis.Redis, orders: Orders, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    function = Function()
    turn = Streams.turn
    failures = iter([redis.ConnectionError("gone"), redis.TimeoutError("gone")])

    def flaky(*arguments: Any, **named: Any) -> Any:
        for failure in failures:
            raise failure
        return turn(*arguments, **named)

    monkeypatch.setattr(Streams, "turn", flaky)
    accept(orders, 1)

    in_thread(source(client, function, ROUTE).run)

    eventually(lambda: len(function.seen) == 1)


def test_the_dead_letters_keep_a_record_that_is_no_order(client: redis.Redis, in_thread: InThread) -> None:
    client.xadd("{p0}:route", {"order": "not an order", "attempt": 4})

    def behave(records: list[dict[str, Any]]) -> Any:
        return {"batchItemFailures": [{"itemIdentifier": record["messageId"]} for record in records]}

    in_thread(source(client, Function(behave), ROUTE).run)

    eventually(lambda: client.xlen("{p0}:dead") == 1)
    assert entries_of(client, "{p0}:dead")[0][1]["order"] == "not an order"
