"""What documents of orders come to."""

import json

import msgspec
import pytest

from orderflow.adapters.codec import decode_event
from orderflow.adapters.ledger_documents import OrderDocument, decode_document, rounds
from orderflow.adapters.public import public_json
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderRequest, event_of, step_of
from orderflow.domain.status import Status
from tests.support.builders import encode, make_order, make_waiting_order
from tests.support.order_steps import step_document, whole_document
from tests.support.ways import WAYS, in_parts, tried_again

WAY = [make_order(status) for status in COURSE]
STEPS = [step_document(order) for order in WAY]


@pytest.mark.parametrize("length", range(1, 6))
def test_the_first_steps_of_an_order_come_to_the_whole_order(length: int) -> None:
    [[merged]] = rounds(STEPS[:length])

    assert merged == msgspec.structs.replace(whole_document(WAY[length - 1]), steps=length)


def test_later_steps_come_to_what_they_change_of_an_order_that_has_those_before() -> None:
    [[merged]] = rounds(STEPS[2:4])

    assert merged == msgspec.structs.replace(STEPS[3], steps=2)
    assert not merged.is_whole


def test_a_step_that_comes_twice_counts_once() -> None:
    assert list(rounds([*STEPS[1:3], STEPS[1]])) == list(rounds(STEPS[1:3]))


def test_a_whole_order_says_all_that_the_steps_up_to_it_say() -> None:
    whole = whole_document(WAY[2])

    assert list(rounds([STEPS[1], STEPS[2], whole])) == [[whole]]
    [[merged]] = rounds([whole, STEPS[3], STEPS[2]])
    assert merged == msgspec.structs.replace(whole_document(WAY[3]), steps=2)


def test_what_is_behind_a_missing_step_is_a_document_of_its_own() -> None:
    first, second = rounds([STEPS[0], STEPS[2], STEPS[3]])

    assert [(document.sequence, document.steps) for document in (*first, *second)] == [(1, 1), (4, 2)]


def test_without_documents_there_is_nothing_to_do() -> None:
    assert list(rounds([])) == []


def test_a_request_without_the_time_of_its_order_is_refused() -> None:
    text = encode(step_of(WAY[0])).replace("created_at_ms", "made_at_ms")

    with pytest.raises(msgspec.ValidationError, match="come together"):
        decode_document(text)


def test_a_time_without_a_request_is_refused() -> None:
    with pytest.raises(ValueError, match="come together"):
        OrderDocument("", 1, Status.PENDING, 0, created_at_ms=0)
    assert OrderDocument("", 1, Status.PENDING, 0, 0, OrderRequest("SOL", "USDC", 1, "market", 0)).is_whole


@pytest.mark.parametrize("name", WAYS)
def test_steps_of_one_transaction_come_to_what_the_order_says(name: str) -> None:
    way = WAYS[name]()

    for length in range(1, len(way) + 1):
        order, documents = way[length - 1], list(rounds([step_document(each) for each in way[:length]]))
        [[first], *_, [last]] = [[documents[0][0]], *documents]
        assert first.is_whole
        assert (last.sequence, last.status, last.reason or None) == (order.sequence, order.status, order.reason)
        if len(documents) == 1:
            assert last.request == order.request
            assert (last.tx_hash or None, last.amount_out) == (order.tx_hash, order.amount_out)
            assert (last.attempts or 0, last.amount_filled or 0) == (order.attempts, order.amount_filled)


def test_what_follows_a_fill_is_written_after_it_so_that_each_fill_keeps_its_signature() -> None:
    way = in_parts()

    written = [document for [document] in rounds([step_document(order) for order in reversed(way)])]

    assert [document.tx_hash for document in written if document.fills] == ["0x01", "0x03", "0x04"]
    assert [document.legs_before for document in written if document.fills] == [
        order.legs_before for order in way if step_of(order).fills
    ]
    assert sum(document.steps for document in written) == len(way)


def test_a_later_step_takes_back_what_an_earlier_one_said() -> None:
    way = tried_again()
    refused, fired = [step_document(order) for order in way[6:8]]

    [[merged]] = rounds([refused, fired])

    assert (refused.tx_hash, refused.takes_back) == ("0x01", False)
    assert refused.reason
    assert (merged.tx_hash, merged.takes_back, merged.reason) == (None, True, None)


def test_a_request_that_comes_again_is_not_the_whole_order() -> None:
    opened = step_document(make_waiting_order(Status.OPEN))

    assert opened.request is not None
    assert not opened.is_whole


def test_the_event_of_a_market_order_follows_and_that_of_an_order_that_waits_is_the_frame() -> None:
    assert {bytes(step.event) for step in STEPS} == {b""}
    for order in tried_again():
        assert public_json(decode_event(bytes(step_document(order).event).decode())) == public_json(event_of(order))
        assert step_document(order).event == whole_document(order).event


def test_terms_are_what_a_request_says_beyond_its_columns() -> None:
    assert bytes(STEPS[0].terms) == b""
    order = make_waiting_order(Status.PENDING)
    assert json.loads(bytes(step_document(order).terms)) == {"limit": {"price": {"value": 219}}}
