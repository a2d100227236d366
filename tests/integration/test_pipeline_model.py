"""A model check of the pipeline: its real Lua, stages and pollers under every interleaving, and under chance.

`MODEL=thorough` looks much longer: at more interleavings, and at thousands of runs by chance.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from local.servers.redis_server import start_redis
from orderflow.adapters import scripts
from orderflow.runtime.clients import open_redis
from tests.model.explorer import Budget
from tests.model.machine import Machine
from tests.model.opened import opened
from tests.model.starts import ENDS, STARTS, explorer_at, explorer_at_the_clock, explorer_of
from tests.model.violation import ViolationError
from tests.model.world import World
from tests.mutants.concerned import SCRIPTS
from tests.support.lifecycle import LINE

ROOT = Path(__file__).parents[2]
THOROUGH = os.environ.get("MODEL") == "thorough"


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


BUDGETS = [Budget(3, 1, 0, 0), Budget(2, 1, 1, 0), Budget(2, 0, 0, 1)] if THOROUGH else [Budget(2, 1, 0, 0)]


@pytest.mark.parametrize("budget", BUDGETS)
@pytest.mark.parametrize("function", [*LINE, *ENDS])
def test_however_two_pollers_interleave_at_a_function_nothing_is_lost_or_done_twice(
    world: World, function: str, budget: Budget
) -> None:
    explorer = explorer_at(world, function, budget)

    explorer.explore()

    assert explorer.interleavings() > 1


# A second poller, and somebody who changes the order between any two calls, is a hundred times the states.
WAITING = [Budget(2, 0, 0, 0), Budget(1, 1, 1, 0), Budget(1, 0, 0, 1)] if THOROUGH else [Budget(1, 1, 0, 0)]


@pytest.mark.parametrize("budget", WAITING)
@pytest.mark.parametrize("start", STARTS)
def test_whenever_an_order_that_waits_is_changed_and_its_function_dies_nothing_is_lost_or_done_twice(
    world: World, start: str, budget: Budget
) -> None:
    explorer = explorer_of(world, STARTS[start], budget)

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
