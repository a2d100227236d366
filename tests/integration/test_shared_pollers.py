"""Functions that share a poller in one process: orders pass through in one thread, and a slow function has its own."""

import threading
from typing import Any

import pytest
import redis

from orderflow.event_source import slowness
from orderflow.event_source.held_partition import HeldPartition
from orderflow.event_source.mapping import EventSourceMapping
from tests.support.event_sources import event_source
from tests.support.redis_servers import on_single_and_cluster
from tests.support.threads import InThread
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster
ROUTE = EventSourceMapping(function="route_order", stream="route")
BUILD = EventSourceMapping(function="build_order", stream="build")
CONFIRM = EventSourceMapping(function="confirm_order", stream="confirm")
PUBLISH = EventSourceMapping(function="publish_status", stream="status", ordered=True, own_poller=True)
RECORD = EventSourceMapping(
    function="record_order", stream="status", ordered=True, maximum_batching_window_ms=5, own_poller=True
)


NEXT = {"route_order": "build", "build_order": "confirm"}


class Stages:
    """Functions that pass each record on; those that are held wait in their call until they are let go."""

    def __init__(self, client: redis.Redis) -> None:
        self._client = client
        self._may_go = {name: threading.Event() for name in ("route_order", "build_order", "confirm_order")}
        for event in self._may_go.values():
            event.set()
        self.begun: list[str] = []
        self.done: list[tuple[str, str]] = []
        self.threads: set[int] = set()

    def __call__(self, function: str, event: dict[str, Any]) -> None:
        self.begun.append(function)
        self.threads.add(threading.get_ident())
        if function in self._may_go:
            assert self._may_go[function].wait(30)
        for record in event["Records"]:
            if function in NEXT:
                self._client.xadd(f"{{p0}}:{NEXT[function]}", {"order": record["data"]["order"]})
            self.done.append((function, record["data"]["order"]))

    def hold(self, function: str) -> None:
        self._may_go[function].clear()

    def let_go(self, function: str) -> None:
        self._may_go[function].set()


@pytest.fixture
def stages(client: redis.Redis) -> Stages:
    return Stages(client)


def add(client: redis.Redis, stream: str, order: str) -> None:
    client.xadd(f"{{p0}}:{stream}", {"order": order})


def threads_of_p0() -> int:
    return sum(thread.name.startswith("p0-") for thread in threading.enumerate())


def run(in_thread: InThread, client: redis.Redis, stages: Stages, *mappings: EventSourceMapping) -> None:
    source = event_source(client, mappings, stages, partitions=1, share_pollers=True)
    in_thread(source.run)
    eventually(lambda: client.exists("{p0}:lease") == 1)


def test_an_order_passes_through_all_stages_in_one_thread(
    client: redis.Redis, stages: Stages, in_thread: InThread
) -> None:
    run(in_thread, client, stages, ROUTE, BUILD, CONFIRM)

    for number in range(20):
        add(client, "route", str(number))

    eventually(lambda: len(stages.done) == 60)
    assert len(stages.threads) == threads_of_p0() == 1
    eventually(lambda: not any(client.xlen(f"{{p0}}:{name}") for name in ("route", "build", "confirm")))


def test_functions_that_wait_for_something_outside_have_pollers_of_their_own(
    client: redis.Redis, stages: Stages, in_thread: InThread
) -> None:
    run(in_thread, client, stages, ROUTE, BUILD, PUBLISH, RECORD)
    stages.hold("route_order")
    add(client, "route", "1")
    add(client, "status", "a status")

    eventually(lambda: {name for name, _ in stages.done} == {"publish_status", "record_order"})
    eventually(lambda: client.xlen("{p0}:status") == 0)
    stages.let_go("route_order")


def test_a_slow_function_holds_the_others_back_for_a_moment_and_never_again(
    client: redis.Redis, stages: Stages, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(in_thread, client, stages, ROUTE, BUILD, CONFIRM)
    stages.hold("route_order")
    add(client, "route", "1")
    eventually(lambda: stages.begun == ["route_order"])

    add(client, "confirm", "2")

    eventually(lambda: ("confirm_order", "2") in stages.done)
    # From here on no call that is under way is noticed any more: the function has a poller of its own as it is.
    monkeypatch.setattr(HeldPartition, "relieve", lambda _self: None)
    stages.let_go("route_order")
    eventually(lambda: ("confirm_order", "1") in stages.done)
    stages.hold("route_order")
    add(client, "route", "3")
    eventually(lambda: stages.begun.count("route_order") == 2)
    add(client, "confirm", "4")
    eventually(lambda: ("confirm_order", "4") in stages.done)
    stages.let_go("route_order")
    eventually(lambda: ("confirm_order", "3") in stages.done)


def test_timers_are_kept_while_a_slow_function_is_under_way(
    client: redis.Redis, stages: Stages, in_thread: InThread
) -> None:
    run(in_thread, client, stages, ROUTE, CONFIRM)
    stages.hold("route_order")
    add(client, "route", "1")
    eventually(lambda: stages.begun == ["route_order"])

    client.zadd("{p0}:timers", {"confirm 1 2": 0})

    eventually(lambda: ("confirm_order", "2") in stages.done)
    stages.let_go("route_order")


def test_a_function_that_is_quick_again_comes_back_to_the_others(
    client: redis.Redis, stages: Stages, in_thread: InThread, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(slowness, "QUICK_AGAIN", 2)
    run(in_thread, client, stages, ROUTE, BUILD)
    stages.hold("route_order")
    add(client, "route", "slow")
    eventually(lambda: threads_of_p0() == 2)
    stages.let_go("route_order")

    for number in range(2):
        eventually(lambda: client.xlen("{p0}:route") == 0)
        add(client, "route", str(number))

    eventually(lambda: threads_of_p0() == 1)
    add(client, "route", "last")
    eventually(lambda: ("build_order", "last") in stages.done)
    assert [order for name, order in stages.done if name == "build_order"] == ["slow", "0", "1", "last"]
