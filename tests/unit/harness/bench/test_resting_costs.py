"""What is measured of functions and of Redis comes to a cost."""

import time

import pytest

from tests.harness.bench.resting_costs import Cost


def test_a_cost_is_all_of_its_parts_and_can_be_divided() -> None:
    cost = Cost({"produce_block": 900.0, "trigger_orders": 300.0}, 600.0)

    assert cost.total == 1_800
    assert cost.each(3).parts == {"produce_block": 300, "trigger_orders": 100, "redis": 200}


def test_what_a_function_takes_is_added_up_and_waiting_is_not() -> None:
    cost = Cost()
    for _ in range(2):
        with cost.of("f"):
            until = time.process_time() + 0.01
            while time.process_time() < until:
                pass
    with cost.of("g"):
        time.sleep(0.02)

    assert cost.functions["f"] >= 20_000
    assert cost.functions["g"] < 20_000
    assert cost.total == pytest.approx(sum(cost.functions.values()))
