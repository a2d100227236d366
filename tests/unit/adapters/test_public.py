"""What clients see: atoms as decimal strings, everywhere, and all else as it is stored."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.accept_order.accepted import Accepted
from functions.read_orders.order_view import OrderDetails
from orderflow.adapters.codec import encoder
from orderflow.adapters.ledger import Fill
from orderflow.adapters.public import ATOMS, public_event, public_json
from orderflow.domain.order import StatusEvent, event_of
from orderflow.domain.routing import Leg, Route, VenueQuote
from orderflow.domain.status import Status
from orderflow.domain.tokens import Token
from tests.support.builders import encode, make_order, read_event

SMALL = {"sequence", "slot", "share_bps", "decimals"}
"""Integers that never come near 2^53."""

ROUTING = (
    '{"order_id":"01a20477-0e28-7d4b-9a3f-2b7c5d8e9f10","status":"rerouting","sequence":2,"route":{"slot":9,"legs":'
    '[{"amount_in":18446744073709551615,"amount_out":10000000000000001,"fee":0,"fee_token":"SOL","hops":3}],'
    '"price_impact":0.000000,"network_fee":12459,"price":219.750000000000000001},"minimum_out":null,"colour":"red"}'
)
SHOWN = (
    '{"order_id":"01a20477-0e28-7d4b-9a3f-2b7c5d8e9f10","status":"rerouting","sequence":2,"route":{"slot":9,"legs":'
    '[{"amount_in":"18446744073709551615","amount_out":"10000000000000001","fee":"0","fee_token":"SOL","hops":3}],'
    '"price_impact":0.000000,"network_fee":"12459","price":219.750000000000000001},"minimum_out":null,"colour":"red"}'
)


@pytest.mark.parametrize("seen", [StatusEvent, Route, Leg, VenueQuote, Fill, OrderDetails, Accepted, Token])
def test_every_integer_that_clients_see_is_small_or_a_field_of_atoms(seen: type) -> None:
    integers = {
        field.encode_name
        for field in msgspec.structs.fields(seen)
        if any(isinstance(kind, msgspec.inspect.IntType) for kind in _kinds(msgspec.inspect.type_info(field.type)))
    }

    assert integers <= ATOMS | SMALL


def _kinds(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    return list(kind.types) if isinstance(kind, msgspec.inspect.UnionType) else [kind]


def test_an_event_is_shown_with_its_atoms_as_strings_and_all_else_as_it_is() -> None:
    assert public_event(ROUTING) == SHOWN


def test_what_is_shown_already_stays_as_it_is() -> None:
    assert public_event(SHOWN) == SHOWN


@pytest.mark.parametrize("status", list(Status))
def test_an_event_is_shown_alike_from_its_text_and_from_the_event(status: Status) -> None:
    event = event_of(make_order(status))

    assert public_event(encode(event)).encode() == public_json(event)
    assert (public_event(encode(event)) == encode(event)) == (status not in (Status.ROUTING, Status.BUILDING))


def test_events_that_the_version_before_has_recorded_are_shown_too() -> None:
    events = [record["data"]["event"] for record in read_event("record_order")["Records"] if "event" in record["data"]]

    shown = [json.loads(public_event(event)) for event in events]

    assert [event["minimum_out"] for event in shown if "minimum_out" in event] == ["2609586671"]
    (route,) = [event["route"] for event in shown if "route" in event]
    assert [leg["amount_in"] for leg in route["legs"]] == ["12500000000"]


@pytest.mark.parametrize("inside", [list, tuple])
def test_atoms_are_shown_as_strings_however_deep_they_lie(inside: type) -> None:
    document = {"a": inside([{"b": inside([{"fee": 2**64 - 1, "sequence": 3}])}]), "network_fee": {"amount": "0.1"}}

    shown: Any = json.loads(public_json(document))

    assert shown == {"a": [{"b": [{"fee": str(2**64 - 1), "sequence": 3}]}], "network_fee": {"amount": "0.1"}}


def test_decimals_keep_every_digit() -> None:
    assert public_json({"price": Decimal("0.333333333333"), "zero": Decimal("0.00")}) == (
        encoder.encode({"price": Decimal("0.333333333333"), "zero": Decimal("0.00")})
    )


@pytest.mark.parametrize("said", ['"fee":', 'a "fee":12', "fee"])
def test_a_text_that_looks_like_a_field_of_atoms_is_shown_as_it_is(said: str) -> None:
    assert json.loads(public_json({"detail": said, "status": 400})) == {"detail": said, "status": 400}
