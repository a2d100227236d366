"""A mapping names the partitions that its stream is in; all partitions follow from the mappings."""

import msgspec
import pytest

from orderflow.event_source.mapping import EventSourceMapping, partitions_of, streams_on

ROUTE = EventSourceMapping(function="route_order", stream="route")
PUBLISH = EventSourceMapping(function="publish_status", stream="status")
RECORD = EventSourceMapping(function="record_order", stream="status")
BLOCKS = EventSourceMapping(function="produce_block", stream="transactions", scope="chain")
TICKS = EventSourceMapping(function="keep_ticks", stream="ticks", scope="chain")
QUOTES = EventSourceMapping(function="keep_quotes", stream="quotes", scope="feed")


def test_a_partition_of_its_own_comes_before_those_of_the_orders_once() -> None:
    assert partitions_of([ROUTE, BLOCKS, PUBLISH, TICKS, QUOTES], 2) == ["chain", "feed", "p0", "p1"]
    assert partitions_of([ROUTE], 1) == ["p0"]


def test_a_partition_has_the_streams_of_the_mappings_that_are_on_it() -> None:
    mappings = [ROUTE, BLOCKS, PUBLISH, RECORD, QUOTES]

    assert streams_on(mappings, "p1") == ["route", "status"]
    assert streams_on(mappings, "chain") == ["transactions"]
    assert streams_on(mappings, "elsewhere") == []


def test_a_scope_that_is_a_partition_of_the_orders_is_refused() -> None:
    with pytest.raises(msgspec.ValidationError, match="scope"):
        msgspec.convert({"function": "route_order", "stream": "route", "scope": "p0"}, EventSourceMapping)


@pytest.mark.parametrize(
    ("mapping", "may_share"),
    [
        (EventSourceMapping(function="a", stream="s"), True),
        (EventSourceMapping(function="a", stream="s", ordered=True), True),
        (EventSourceMapping(function="a", stream="s", own_poller=True), False),
        (EventSourceMapping(function="a", stream="s", maximum_batching_window_ms=1), False),
    ],
)
def test_a_function_shares_a_poller_unless_it_would_make_others_wait(
    mapping: EventSourceMapping, may_share: bool
) -> None:
    assert mapping.may_share == may_share
