"""The tables of orders that must be refused for what they wait for, against what reads orders."""

import orjson
import pytest

from orderflow.runtime import clock
from orderflow.runtime.http.order_amounts import check_amounts
from orderflow.runtime.http.order_input import read_json_order
from orderflow.runtime.http.problems import ProblemError
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.harness.acceptance.bad_conditions import NEEDS, BadCondition, bad_conditions, waiting_order
from tests.harness.acceptance.bad_snipers import NO_TOKEN_YET, bad_snipers, sniper
from tests.harness.acceptance.trial import Order


def check(order: Order) -> None:
    check_amounts(read_json_order(orjson.dumps(order)).request(clock.now_ms()), OPENING_PRICES)


@pytest.mark.parametrize("bad", [*bad_conditions(), *bad_snipers()])
def test_each_is_refused_by_its_field_alone(bad: BadCondition) -> None:
    with pytest.raises(ProblemError) as refused:
        check(bad.order)

    [error] = refused.value.errors
    assert error.field == bad.field
    assert bad.rule in (None, error.rule)


@pytest.mark.parametrize("order_type", NEEDS)
def test_what_they_are_made_of_is_accepted(order_type: str) -> None:
    check(waiting_order(order_type))


@pytest.mark.parametrize("more", [{}, {"target": {"mint": NO_TOKEN_YET}}])
def test_what_those_for_launches_are_made_of_is_accepted(more: Order) -> None:
    check(sniper(**more))
