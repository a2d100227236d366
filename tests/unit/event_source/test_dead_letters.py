"""What is given up: the order ends, by the chain's word where it may have been sent; the record is kept."""

from typing import Any

import msgspec
import pytest

from orderflow.adapters.streams import DeadLetter, Entry, Streams
from orderflow.domain.execution import apply_execution
from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.event_source import dead_letters
from orderflow.event_source.dead_letters import DeadLetters
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS, encode, land, make_order, status_fields
from tests.support.fakes import FakeChain, FakeOrders, FakeReplication, fake_venue
from tests.support.poller_bench import FakeStreams, Patience

ROUTE = EventSourceMapping(function="route_order", stream="route")
BUILD = EventSourceMapping(function="build_order", stream="build")
SUBMIT = EventSourceMapping(function="submit_order", stream="submit")
CONFIRM = EventSourceMapping(function="confirm_order", stream="confirm")
CHAIN = EventSourceMapping(function="produce_block", stream="transactions", scope="chain")
SUBMITTED = make_order(Status.SUBMITTED)


@pytest.fixture(autouse=True)
def _at_now(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(dead_letters, "now_ms", lambda: NOW_MS)


class Desk:
    """Dead letters among fakes, with an order on record as it is by now."""

    def __init__(self, on_record: Order | None = None) -> None:
        self.orders, self.chain, self.replication = FakeOrders(), FakeChain(), FakeReplication()
        self.journal: list[Any] = []
        if on_record is not None:
            self.orders.known[on_record.order_id] = on_record, [event_of(on_record)]

    def dead_letter(self, mapping: EventSourceMapping, fields: dict[str, str], error: str = "x") -> list[Order]:
        """Give up a record; return the steps that orders took by that."""
        streams: Streams = FakeStreams(self.journal, Patience())
        DeadLetters(self.orders, MockVenue(self.chain, Latency(seed=1, speed=1), self.replication)).dead_letter(
            streams, mapping, [(Entry("1-0", fields, 4), error)]
        )
        return [transition.order for transition in self.orders.transitions]


def message(order: Order) -> dict[str, str]:
    return {"order": encode(order)}


def test_the_order_fails_with_the_function_the_attempts_and_the_error() -> None:
    order = make_order(Status.PENDING)
    desk = Desk(order)

    steps = desk.dead_letter(ROUTE, message(order), "KeyError: 'meteora'")

    assert steps == [order.fail("Gave up in route_order after 4 attempts: KeyError: 'meteora'", NOW_MS)]
    assert desk.journal == [("dead_letter", "1-0", 4, "KeyError: 'meteora'")]


def test_the_order_fails_before_its_record_is_moved() -> None:
    desk = Desk()
    desk.orders.error = ConnectionError("away")

    with pytest.raises(ConnectionError):
        desk.dead_letter(ROUTE, message(make_order()))

    assert desk.journal == []


@pytest.mark.parametrize("status", [Status.ROUTING, Status.SUBMITTED, Status.CONFIRMED, Status.FAILED])
def test_an_order_that_went_on_meanwhile_is_left_alone(status: Status) -> None:
    desk = Desk(make_order(status))

    assert desk.dead_letter(ROUTE, message(make_order(Status.PENDING))) == []
    assert [entry[:2] for entry in desk.journal] == [("dead_letter", "1-0")]


def test_an_order_with_a_status_of_newer_code_is_left_to_it() -> None:
    pending = make_order(Status.PENDING)
    desk = Desk(msgspec.structs.replace(pending, status=Status("simulating")))

    assert desk.dead_letter(ROUTE, message(pending)) == []
    assert [entry[:2] for entry in desk.journal] == [("dead_letter", "1-0")]


@pytest.mark.parametrize("mapping", [SUBMIT, CONFIRM, CHAIN])
def test_a_transaction_that_has_not_landed_never_will_and_its_order_fails(mapping: EventSourceMapping) -> None:
    desk = Desk(SUBMITTED)

    [failed] = desk.dead_letter(mapping, message(SUBMITTED))

    reason = f"Gave up in {mapping.function} after 4 attempts: x"
    assert failed == SUBMITTED.fail(reason, NOW_MS)
    assert desk.chain.executions[SUBMITTED.signature].error == reason


@pytest.mark.parametrize("mapping", [SUBMIT, CONFIRM, CHAIN])
def test_an_order_whose_transaction_was_executed_is_confirmed(mapping: EventSourceMapping) -> None:
    desk = Desk(SUBMITTED)
    [execution] = land([SUBMITTED]).executions
    desk.chain.executions[SUBMITTED.signature] = execution

    steps = desk.dead_letter(mapping, message(SUBMITTED))

    assert [step.status for step in steps] == [Status.CONFIRMED]
    assert steps == [apply_execution(SUBMITTED, execution, NOW_MS)]


@pytest.mark.parametrize("mapping", [SUBMIT, CONFIRM, CHAIN])
@pytest.mark.parametrize("executed", [True, False])
def test_the_chain_forgets_the_result_of_an_order_that_is_ended_for_nothing_else_has_it_do_so(
    mapping: EventSourceMapping, *, executed: bool
) -> None:
    desk = Desk(SUBMITTED)
    if executed:
        [desk.chain.executions[SUBMITTED.signature]] = land([SUBMITTED]).executions

    desk.dead_letter(mapping, message(SUBMITTED))

    assert SUBMITTED.transaction is not None
    assert desk.chain.forgotten == [(SUBMITTED.signature, SUBMITTED.transaction.expires_at_ms)]


@pytest.mark.parametrize("on_record", [SUBMITTED.fail("x", NOW_MS), None], ids=["ended", "left Redis"])
def test_the_result_is_forgotten_although_a_crash_came_between_the_end_and_that(on_record: Order | None) -> None:
    desk = Desk(on_record)

    assert desk.dead_letter(CONFIRM, message(SUBMITTED)) == []
    assert [signature for signature, _ in desk.chain.forgotten] == [SUBMITTED.signature]


def test_the_result_of_an_order_under_way_is_kept() -> None:
    desk = Desk(SUBMITTED)

    desk.dead_letter(ROUTE, message(make_order(Status.PENDING)))

    assert desk.chain.forgotten == []


def test_an_order_is_not_ended_by_what_a_failover_may_take_back() -> None:
    desk = Desk(SUBMITTED)
    desk.replication.error = RetryableError("0 of 1 replicas have what was written to chain")

    with pytest.raises(RetryableError):
        desk.dead_letter(SUBMIT, message(SUBMITTED))

    assert desk.orders.transitions == []
    assert desk.journal == []


def test_an_order_that_goes_on_while_it_is_ended_is_looked_at_again() -> None:
    desk = Desk(make_order(Status.BUILDING))
    desk.orders.sequences[SUBMITTED.order_id] = SUBMITTED.sequence
    looks = iter([make_order(Status.BUILDING), SUBMITTED])
    desk.orders.find = lambda _: (next(looks), [])  # type: ignore[method-assign, assignment]

    [failed] = desk.dead_letter(SUBMIT, message(make_order(Status.BUILDING)))

    assert (failed.status, failed.tx_hash) == (Status.FAILED, SUBMITTED.tx_hash)


def test_a_submit_message_whose_step_was_taken_before_sending_failed_ends_its_order() -> None:
    desk = Desk(SUBMITTED)

    [failed] = desk.dead_letter(SUBMIT, message(make_order(Status.BUILDING)))

    assert failed.status is Status.FAILED
    assert SUBMITTED.signature in desk.chain.executions


def test_the_chain_is_not_asked_about_an_order_that_another_message_has_brought_on() -> None:
    desk = Desk(SUBMITTED)

    assert desk.dead_letter(BUILD, message(make_order(Status.ROUTING))) == []
    assert desk.chain.executions == {}


@pytest.mark.parametrize("fields", [{"order": "{"}, {"order": "{}"}, {}, {"other": "x"}])
def test_a_record_that_holds_no_order_is_moved_all_the_same(fields: dict[str, str]) -> None:
    desk = Desk()

    assert desk.dead_letter(ROUTE, fields) == []
    assert [entry[:2] for entry in desk.journal] == [("dead_letter", "1-0")]


def test_giving_up_the_telling_of_a_status_does_not_fail_the_order() -> None:
    publish = EventSourceMapping(function="publish_status", stream="status", ordered=True)
    desk = Desk(make_order())

    assert desk.dead_letter(publish, status_fields(make_order())) == []
    assert [entry[:2] for entry in desk.journal] == [("dead_letter", "1-0")]


def test_a_letter_says_where_it_comes_from() -> None:
    letters: list[DeadLetter] = []

    class Streams(FakeStreams):
        def dead_letter(self, stream: str, group: str, letters_: Any) -> None:
            letters.extend(letters_)

    dead = DeadLetters(FakeOrders(), fake_venue())
    dead.dead_letter(Streams([], Patience()), ROUTE, [(Entry("1-0", {}, 4), "x")])

    assert letters == [DeadLetter(Entry("1-0", {}, 4), "route_order", "route", "x")]
