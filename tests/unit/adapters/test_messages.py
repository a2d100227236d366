"""How messages name orders, and how kept steps become orders."""

import json

import pytest

from orderflow.adapters.messages import kept_steps, merge, name_of, order_id_of, order_name
from tests.support.builders import ORDER_ID, encode, make_order


def test_a_name_says_the_order_and_its_step() -> None:
    assert order_name({"order": name_of(ORDER_ID, 3)}) == (ORDER_ID, 3)


@pytest.mark.parametrize(
    "text", ["", "{}", encode(make_order()), ORDER_ID, f"{ORDER_ID} ", f"{ORDER_ID} one", "order 7"]
)
def test_what_is_no_name_is_left_to_the_function(text: str) -> None:
    assert order_name({"order": text}) is None


def test_an_entry_without_an_order_names_none() -> None:
    assert order_name({"action": "subscribe"}) is None


def test_of_members_with_one_name_the_last_holds() -> None:
    assert json.loads(merge(['{"a":1,"b":[2]}', '{"a":3}', '{"c":"{}"}'])) == {"a": 3, "b": [2], "c": "{}"}


def test_of_each_step_its_document_is_kept_or_the_event_of_the_release_before() -> None:
    fields = {"sequence": "3", "status": "building", "order": "{}", "event:1": "a", "event:2": "b", "step:3": "c"}

    assert kept_steps(fields) == ["a", "b", "c"]
    assert kept_steps({}) == []


@pytest.mark.parametrize(
    "fields", [{"order_id": ORDER_ID}, {"order": name_of(ORDER_ID, 3)}, {"order": encode(make_order())}]
)
def test_a_record_is_about_an_order_however_it_names_it(fields: dict[str, str]) -> None:
    assert order_id_of(fields) == ORDER_ID


@pytest.mark.parametrize("fields", [{}, {"tick": "{}"}, {"order": '{"heartbeat":true}'}, {"order": "no JSON"}])
def test_a_record_without_an_order_is_about_none(fields: dict[str, str]) -> None:
    assert order_id_of(fields) is None
