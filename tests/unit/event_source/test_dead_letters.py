"""What is given up: the order fails with the reason, the record is kept for a person to look at."""

from typing import Any

import pytest

from orderflow.adapters.streams import DeadLetter, Entry, Streams
from orderflow.domain.status import Status
from orderflow.event_source import dead_letters
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.mapping import EventSourceMapping
from tests.builders import NOW_MS, encode, make_order, status_fields
from tests.fakes import FakeOrders
from tests.poller_bench import FakeStreams, Patience

ROUTE = EventSourceMapping(function="route_order", stream="route")


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "now_ms", lambda: NOW_MS)


def streams(journal: list[Any]) -> Streams:
    return FakeStreams(journal, Patience())


def test_the_order_fails_with_the_function_the_attempts_and_the_error() -> None:
    orders, journal, order = FakeOrders(), list[Any](), make_order(Status.PENDING)

    DeadLetters(orders).bury(
        streams(journal), ROUTE, [(Entry("1-0", {"order": encode(order)}, 4), "KeyError: 'meteora'")]
    )

    reason = "Gave up in route_order after 4 attempts: KeyError: 'meteora'"
    assert [transition.order for transition in orders.transitions] == [order.fail(reason, NOW_MS)]
    assert journal == [("bury", "1-0", 4, "KeyError: 'meteora'")]


def test_the_order_fails_before_its_record_is_moved() -> None:
    orders, journal = FakeOrders(), list[Any]()
    orders.error = ConnectionError("away")

    with pytest.raises(ConnectionError):
        DeadLetters(orders).bury(streams(journal), ROUTE, [(Entry("1-0", {"order": encode(make_order())}, 4), "x")])

    assert journal == []


def test_an_order_that_went_on_meanwhile_is_left_alone() -> None:
    orders, journal, order = FakeOrders(), list[Any](), make_order(Status.PENDING)
    orders.sequences[order.order_id] = 3

    DeadLetters(orders).bury(streams(journal), ROUTE, [(Entry("1-0", {"order": encode(order)}, 4), "x")])

    assert orders.transitions == []
    assert [entry[:2] for entry in journal] == [("bury", "1-0")]


@pytest.mark.parametrize("fields", [{"order": "{"}, {"order": "{}"}, {}, {"other": "x"}])
def test_a_record_that_holds_no_order_is_moved_all_the_same(fields: dict[str, str]) -> None:
    orders, journal = FakeOrders(), list[Any]()

    DeadLetters(orders).bury(streams(journal), ROUTE, [(Entry("1-0", fields, 4), "x")])

    assert orders.transitions == []
    assert [entry[:2] for entry in journal] == [("bury", "1-0")]


def test_giving_up_the_telling_of_a_status_does_not_fail_the_order() -> None:
    orders, journal = FakeOrders(), list[Any]()
    publish = EventSourceMapping(function="publish_status", stream="status", ordered=True)

    DeadLetters(orders).bury(streams(journal), publish, [(Entry("1-0", status_fields(make_order()), 4), "x")])

    assert orders.transitions == []
    assert [entry[:2] for entry in journal] == [("bury", "1-0")]


def test_a_letter_says_where_it_comes_from() -> None:
    letters: list[DeadLetter] = []

    class Streams(FakeStreams):
        def bury(self, stream: str, group: str, letters_: Any) -> None:
            letters.extend(letters_)

    DeadLetters(FakeOrders()).bury(Streams([], Patience()), ROUTE, [(Entry("1-0", {}, 4), "x")])

    assert letters == [DeadLetter(Entry("1-0", {}, 4), "route_order", "route", "x")]
