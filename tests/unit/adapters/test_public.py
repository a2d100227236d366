"""What clients see: atoms as decimal strings, everywhere, and all else as it is stored."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from functions.accept_order.accepted import Accepted
from orderflow.adapters.codec import encoder
from orderflow.adapters.ledger import Fill
from orderflow.adapters.public import ATOMS, public_event, public_json
from orderflow.domain.launches import Launch
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import StatusEvent, event_of, step_of
from orderflow.domain.routing import Leg, Route, VenueQuote
from orderflow.domain.status import Status
from orderflow.domain.tokens import Token
from orderflow.runtime.http.order_conditions import OrderFilters, OrderTrigger
from orderflow.runtime.http.order_view import OrderDetails
from tests.support.builders import encode, make_order, order_at

SMALL = {
    *("sequence", "slot", "share_bps", "decimals", "trail_bps", "trigger_slots", "slices", "interval", "attempts"),
    *("slots_from_open", "top10_bps", "announced_slot", "open_slot", "close_slot", "max_top10_bps"),
    *("gain_bps", "loss_bps"),
}
"""Integers that never come near 2^53."""


@pytest.mark.parametrize(
    "seen",
    [StatusEvent, Route, Leg, VenueQuote, Fill, OrderDetails, OrderTrigger, OrderFilters, Launch, Accepted, Token],
)
def test_every_integer_that_clients_see_is_small_or_a_field_of_atoms(seen: type) -> None:
    integers = {
        field.encode_name
        for field in msgspec.structs.fields(seen)
        if any(isinstance(kind, msgspec.inspect.IntType) for kind in _kinds(msgspec.inspect.type_info(field.type)))
    }

    assert integers <= ATOMS | SMALL


def _kinds(kind: msgspec.inspect.Type) -> list[msgspec.inspect.Type]:
    return list(kind.types) if isinstance(kind, msgspec.inspect.UnionType) else [kind]


@pytest.mark.parametrize("status", list(Status))
def test_a_step_is_shown_as_its_event_with_atoms_as_strings(status: Status) -> None:
    order = order_at(status)

    assert public_event(encode(step_of(order))).encode() == public_json(event_of(order))


def test_the_event_of_a_step_shows_every_atom_as_a_string() -> None:
    steps = [step_of(make_order(status)) for status in (Status.ROUTING, Status.BUILDING)]

    routing, building = (json.loads(public_event(encode(step))) for step in steps)

    assert building["minimum_out"] == "2609586671"
    assert [leg["amount_in"] for leg in routing["route"]["legs"]] == ["12500000000"]


@pytest.mark.parametrize("status", [*COURSE, Status.FAILED])
def test_what_the_version_before_kept_is_shown_alike(status: Status) -> None:
    # Its events, and the whole orders of its status entries, which stand in for their latest steps.
    order = make_order(status)
    shown = public_event(encode(step_of(order)))

    assert public_event(encode(event_of(order))) == shown
    assert public_event(encode(order)) == shown


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
