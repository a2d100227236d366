"""The market by hand: its path on the local gateway, which only CLOCK=manual has, and what it answers."""

import json
from collections.abc import Iterator
from http.client import HTTPConnection
from typing import Any

import pytest
import redis

from local.gateway.app import gateway_app
from orderflow.adapters.reports import MARKET
from orderflow.venues.mock.background import advance
from tests.support.builders import market_state
from tests.support.fakes.outside import Outside
from tests.support.memory_venue import MemoryVenue
from tests.support.served import Served, served

PATH = "/api/market/advance"


@pytest.fixture
def by_hand(outside: Outside) -> Iterator[Served]:
    with served(gateway_app(10, 10, market_by_hand=True)) as gateway:
        yield gateway


def ask(gateway: Served, body: str, method: str = "POST", content_type: str = "application/json") -> tuple[int, Any]:
    connection = HTTPConnection(gateway.address, timeout=20)
    connection.request(method, PATH, body, {"content-type": content_type})
    answer = connection.getresponse()
    document = json.loads(answer.read())
    connection.close()
    return answer.status, document


def test_slots_pass_each_with_a_block_of_its_own(outside: Outside, by_hand: Served) -> None:
    assert ask(by_hand, '{"slots":3}') == (200, {"slot": 3})
    assert ask(by_hand, '{"slots":1}') == (200, {"slot": 4})

    opening = market_state()
    around = advance(1, 0, 4, opening.fair, opening.pools)
    assert [block.after.slot for block in outside.chain.blocks] == [1, 2, 3, 4]
    assert outside.chain.latest.fair == around.fair
    assert outside.chain.latest.pools == opening.pools | around.changed
    assert outside.chain.ticks == []


def test_each_slot_has_its_tick_while_something_rests(outside: Outside, by_hand: Served) -> None:
    outside.venue.keep_time()
    outside.books.rests = True
    ask(by_hand, '{"slots":2}')
    outside.books.rests = False
    ask(by_hand, '{"slots":2}')

    assert [tick.slot for tick in outside.chain.ticks] == [1, 2]
    assert outside.chain.latest.slot == 4


def test_each_slot_has_its_tick_while_somebody_follows_the_market(outside: Outside, by_hand: Served) -> None:
    outside.venue.keep_time()
    outside.reports.followers[MARKET] = {"one=": 0}
    ask(by_hand, '{"slots":2}')
    outside.reports.followers[MARKET].clear()
    ask(by_hand, '{"slots":2}')

    assert [tick.slot for tick in outside.chain.ticks] == [1, 2]


def test_a_slot_passes_after_a_block_that_came_first(outside: Outside, by_hand: Served) -> None:
    outside.chain.rivals = 2

    assert ask(by_hand, '{"slots":2}') == (200, {"slot": 2})


@pytest.mark.parametrize(
    "body",
    ["", "{}", "[]", '{"slots":0}', '{"slots":10001}', '{"slots":1.5}', '{"slots":"3"}', '{"slots":1,"more":2}'],
)
def test_a_body_that_names_no_number_of_slots_is_refused(outside: Outside, by_hand: Served, body: str) -> None:
    status, problem = ask(by_hand, body)

    assert status == 400
    assert problem["detail"] == 'slots must be a whole number from 1 to 10000, as in {"slots":10}'
    assert problem["errors"][0]["field"] == "slots"
    assert outside.chain.blocks == []


def test_only_json_is_taken_and_only_by_post(by_hand: Served) -> None:
    assert ask(by_hand, '{"slots":1}', content_type="text/plain")[0] == 415
    assert ask(by_hand, "", method="GET")[0] == 405


def test_while_redis_is_gone_the_answer_is_503(outside: Outside, by_hand: Served) -> None:
    outside.chain.error = redis.ConnectionError("gone")

    assert ask(by_hand, '{"slots":1}')[0] == 503


def test_another_venue_has_no_slots_by_hand(outside: Outside, by_hand: Served) -> None:
    outside.venue = MemoryVenue()

    assert ask(by_hand, '{"slots":1}')[0] == 503


def test_other_paths_are_those_of_any_gateway(by_hand: Served) -> None:
    connection = HTTPConnection(by_hand.address, timeout=20)
    connection.request("GET", "/api/orders")
    answer = connection.getresponse()
    answer.read()
    connection.close()

    assert answer.status == 200


def test_where_the_clock_runs_by_itself_there_is_nothing_at_the_path(outside: Outside) -> None:
    with served(gateway_app(10, 10)) as gateway:
        status, problem = ask(gateway, '{"slots":1}')

    assert (status, problem["detail"]) == (404, f"there is nothing at {PATH}")
    assert outside.chain.blocks == []
