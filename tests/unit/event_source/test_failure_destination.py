"""A record that is given up: its order is ended first, then the record becomes a dead letter."""

from typing import Any

import pytest

from orderflow.adapters.streams import Entry
from orderflow.domain.status import Status
from orderflow.event_source.failure_destination import EndOrder, FailureDestination
from orderflow.event_source.mapping import EventSourceMapping
from tests.support.builders import make_order
from tests.support.poller_bench import FakeStreams, Patience, ends_nothing

ROUTE = EventSourceMapping(function="route_order", stream="route")
FIRST, SECOND = Entry("1-0", {"order": "first"}, 4), Entry("2-0", {"order": "second"}, 5)


def test_each_order_is_ended_before_its_record_is_moved() -> None:
    journal: list[Any] = []

    def end_order(function: str, stream: str, entry: Entry, error: str) -> None:
        journal.append(("end order", function, stream, entry.id, error))

    streams = FakeStreams(journal, Patience())
    FailureDestination(end_order).dead_letter(streams, ROUTE, [(FIRST, "x"), (SECOND, "y")])

    assert journal == [
        ("end order", "route_order", "route", "1-0", "x"),
        ("dead_letter", "1-0", 4, "x"),
        ("end order", "route_order", "route", "2-0", "y"),
        ("dead_letter", "2-0", 5, "y"),
    ]


def test_a_record_stays_where_its_order_can_not_be_ended() -> None:
    journal: list[Any] = []

    def end_order(function: str, stream: str, entry: Entry, error: str) -> None:
        raise ConnectionError("Redis is unavailable")

    with pytest.raises(ConnectionError):
        FailureDestination(end_order).dead_letter(FakeStreams(journal, Patience()), ROUTE, [(FIRST, "x")])

    assert journal == []


@pytest.mark.parametrize(
    ("end_order", "order_id", "status"),
    [
        (lambda *_: make_order(Status.FAILED), make_order().order_id, "failed"),
        (ends_nothing, None, None),
    ],
)
def test_the_log_line_names_the_record_and_the_order_that_it_ended(
    end_order: EndOrder, order_id: str | None, status: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    FailureDestination(end_order).dead_letter(FakeStreams([], Patience()), ROUTE, [(FIRST, "KeyError: 'x'")])

    [line] = [record for record in caplog.records if record.message == "dead letter"]
    assert {
        "function": "route_order",
        "partition": "p0",
        "message_id": "1-0",
        "attempts": 4,
        "order_id": order_id,
        "status_to": status,
        "error": "KeyError: 'x'",
    }.items() <= vars(line).items()
