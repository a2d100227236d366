"""A model check of the pipeline: its real Lua, stages and pollers under every interleaving, and under chance.

`MODEL=thorough` looks much longer: at more interleavings, and at thousands of runs by chance.
"""

import os
from collections.abc import Iterator

import pytest
import redis
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from orderflow.adapters.intake import NewOrder
from orderflow.domain.order import Order
from tests.model.actors import Fate
from tests.model.arrivals import ORDER_ID, bound, bring, let_ended_leave
from tests.model.drain import drain
from tests.model.explorer import Budget
from tests.model.machine import Machine
from tests.model.opened import opened
from tests.model.requests import MARKETS
from tests.model.starts import ENDS, STARTS, explorer_at, explorer_at_the_clock, explorer_of
from tests.model.witness import Witness
from tests.model.world import World
from tests.support.lifecycle import LINE

THOROUGH = os.environ.get("MODEL") == "thorough"


@pytest.fixture
def world(quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    quick_redis.flushall()
    with opened(quick_redis, monkeypatch) as world:
        yield world


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
MORE = [Budget(1, 1, 0, 0, pauses=True), Budget(2, 0, 0, 0), Budget(1, 1, 1, 0), Budget(1, 0, 0, 1)]
WAITING = MORE if THOROUGH else [Budget(1, 1, 0, 0)]


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


@pytest.mark.parametrize("calls", range(1, 6))
def test_however_far_confirm_order_comes_what_is_kept_of_an_order_that_leaves_before_it_is_back_goes_too(
    world: World, calls: int
) -> None:
    witness, confirms = Witness(world), bound(world, "confirm_order")
    witness.go_on(world.creator(NewOrder(Order.accept(ORDER_ID, MARKETS[0], world.now_ms))))
    bring(witness, confirms)
    witness.go_on(world.reader(*confirms), calls, Fate.LOST)

    let_ended_leave(witness, confirms)

    drain(witness)


def run_by_chance(world: World, examples: int) -> None:
    chance = settings(
        max_examples=examples,
        stateful_step_count=40,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(lambda: Machine(world), settings=chance)  # type: ignore[arg-type]


@pytest.mark.parametrize("few_at_once", [True, False])
def test_whatever_happens_in_whatever_order_nothing_is_lost_and_nothing_is_executed_twice(
    quick_redis: redis.Redis, monkeypatch: pytest.MonkeyPatch, few_at_once: bool
) -> None:
    with opened(quick_redis, monkeypatch, few_at_once=few_at_once) as world:
        run_by_chance(world, 1_500 if THOROUGH else 13)
