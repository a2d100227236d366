"""A model check of the pipeline: its real Lua, stages and pollers under every interleaving, and under chance.

`MODEL=thorough` looks much longer: at more interleavings, and at thousands of runs by chance.
"""

import os
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from local.servers.redis_server import start_redis
from orderflow.adapters import scripts
from orderflow.adapters.intake import NewOrder
from orderflow.adapters.keys import partition_of
from orderflow.adapters.subscriptions import Subscription
from orderflow.domain.order import Order
from orderflow.runtime.clients import open_redis
from orderflow.venues.mock.keys import CHAIN
from tests.model.drain import make_timers_due
from tests.model.explorer import Budget, Explorer, MakeActor
from tests.model.machine import REQUESTS, Machine
from tests.model.witness import ViolationError, Witness
from tests.model.world import PARTITIONS, RESTING, Binding, World, opened
from tests.mutants.concerned import SCRIPTS
from tests.support.builders import nth_id
from tests.support.lifecycle import LINE, TRANSACTIONS

ROOT = Path(__file__).parents[2]
THOROUGH = os.environ.get("MODEL") == "thorough"
ENDS = ("publish_status", "record_order")


@pytest.fixture(scope="module")
def quick_redis(tmp_path_factory: pytest.TempPathFactory) -> Iterator[redis.Redis]:
    """Lend a Redis that keeps nothing on disk: it is put back to an earlier state thousands of times."""
    backing = start_redis(tmp_path_factory.mktemp("model"), None)
    with open_redis(backing.url) as client:
        client.config_set("appendonly", "no")
        yield client
        client.connection_pool.disconnect()
    backing.stop()


@pytest.fixture
def world(quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    quick_redis.flushall()
    with opened(quick_redis, monkeypatch) as world:
        yield world


def change_script(monkeypatch: pytest.MonkeyPatch, right: str, wrong: str) -> None:
    """Have a script say something else where it says `right`, which stands in one of them, once."""
    texts = [path.read_text(encoding="utf-8") for folder in SCRIPTS for path in (ROOT / folder).glob("*.lua")]
    assert sum(text.count(right) for text in texts) == 1, right
    source = scripts.source
    monkeypatch.setattr(scripts, "source", lambda *names, **where: source(*names, **where).replace(right, wrong))


def bound(world: World, function: str, order_id: str) -> Binding:
    """Return where a function gets the records of an order."""
    places = {CHAIN, partition_of(order_id, PARTITIONS)}
    return next(each for each in world.bindings() if each[0].function == function and each[1] in places)


def explorer_at(world: World, function: str, budget: Budget, meanwhile: Sequence[MakeActor] = ()) -> Explorer:
    """Return an explorer of one function, with an order on its way to it; two for the chain, which executes them."""
    witness = Witness(world)
    of_interest = REQUESTS[2] if function == "record_order" else REQUESTS[0]
    orders = [Order.accept(nth_id(number), of_interest, world.now_ms) for number in (2, 3)]

    def work(*functions: str) -> None:
        for name in functions:
            witness.go_on(world.reader(*bound(world, name, orders[0].order_id)))

    for order in orders if function == "produce_block" else orders[:1]:
        witness.go_on(world.creator(NewOrder(order)))
        if function in LINE:
            work(*LINE[: LINE.index(function)], *ENDS)
    order_id = orders[0].order_id
    route = bound(world, "route_order", order_id)
    meanwhile = [lambda: world.reader(*route)] if function in ENDS else meanwhile
    if function == "publish_status":
        work("publish_status")
        witness.go_on(world.subscriber(Subscription(order_id, "connection", "subscribe")))
    return Explorer(witness, bound(world, function, order_id), budget, meanwhile)


def explorer_at_the_clock(world: World, start: str, budget: Budget) -> Explorer:
    """Return an explorer of the chain, where an order comes to rest while it works on one record.

    At the start the clock `stands`, and the record is a transaction; or it `runs`, and the record is its heartbeat; or
    the heartbeat of a clock that `ends`, as nothing rests.
    """
    witness = Witness(world)
    if start == "stands":
        return explorer_at(world, "produce_block", budget, meanwhile=[lambda: world.rester("an order")])
    witness.go_on(world.rester("an earlier order"))
    if start == "ends":
        world.client.delete(RESTING)
    make_timers_due(world)
    witness.go_on(world.timekeeper(CHAIN))
    chain = next(each for each in world.bindings() if each[0].stream == TRANSACTIONS)
    return Explorer(witness, chain, budget, [lambda: world.rester("an order")])


BUDGETS = [Budget(3, 1, 0, 0), Budget(2, 1, 1, 0), Budget(2, 0, 0, 1)] if THOROUGH else [Budget(2, 1, 0, 0)]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("function", [*LINE, *ENDS])
def test_however_two_pollers_interleave_at_a_function_nothing_is_lost_or_done_twice(
    world: World, function: str, budget: Budget
) -> None:
    explorer = explorer_at(world, function, budget)

    explorer.explore()

    assert explorer.interleavings() > 1


@pytest.mark.parametrize("works", [1, 2] if THOROUGH else [1])
@pytest.mark.parametrize("start", ["stands", "runs", "ends"])
def test_however_pollers_interleave_with_what_comes_to_rest_the_clock_runs_from_then_on(
    world: World, start: str, works: int
) -> None:
    # Timers become due at any time, and each makes another heartbeat: a second poller is a hundred times the states.
    explorer = explorer_at_the_clock(world, start, Budget(works, 1, 0, 0))

    explorer.explore()

    assert explorer.interleavings() > 1


def run_by_chance(world: World, examples: int) -> None:
    chance = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Machine(world), settings=chance)  # type: ignore[arg-type]


def test_whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_is_executed_twice(world: World) -> None:
    run_by_chance(world, 3_000 if THOROUGH else 25)


@pytest.mark.parametrize(
    ("function", "right", "wrong"),
    [
        pytest.param(
            "route_order",
            "if tonumber(current or '0') ~= tonumber(sequence) - 1 then",
            "if false then",
            id="no sequence",
        ),
        pytest.param(
            "submit_order", "redis.call('SETNX', KEYS[i], '') == 1", "redis.call('SET', KEYS[i], '')", id="no signature"
        ),
    ],
)
def test_the_check_finds_a_script_that_forgets_to_look(
    quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, function: str, right: str, wrong: str
) -> None:
    change_script(monkeypatch, right, wrong)
    quick_redis.flushall()

    with opened(quick_redis, monkeypatch) as world, pytest.raises(ViolationError):
        explorer_at(world, function, Budget(3, 1, 0, 0)).explore()


@pytest.mark.parametrize(
    ("start", "right", "wrong"),
    [
        pytest.param("stands", "if ticks and ARGV[5] == '' then", "if false then", id="no tick"),
        pytest.param("runs", "rest(timers, wakes, beat + interval, stream, 1, heartbeat)", "", id="no next beat"),
        pytest.param("ends", "(redis.call('HGET', KEYS[1], 'demand') or '0') ~= ARGV[1]", "false", id="stops anyway"),
    ],
)
def test_the_check_finds_a_clock_that_stops_or_forgets(
    quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, start: str, right: str, wrong: str
) -> None:
    change_script(monkeypatch, right, wrong)
    quick_redis.flushall()

    with opened(quick_redis, monkeypatch) as world, pytest.raises(ViolationError):
        explorer_at_the_clock(world, start, Budget(1, 1, 0, 0)).explore()
