"""What documents of orders come to."""

import msgspec
import pytest

from orderflow.adapters.ledger_documents import OrderDocument, decode_document, rounds
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderRequest, step_of
from orderflow.domain.status import Status
from tests.support.builders import encode, make_order
from tests.support.order_steps import step_document, whole_document

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
