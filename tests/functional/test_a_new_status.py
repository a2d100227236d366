"""A release that puts a stage with a new status between two others, and the orders that are under way meanwhile."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from functions.build_order import handler as build_order
from functions.confirm_order import handler as confirm_order
from functions.record_order import handler as record_order
from functions.route_order import handler as route_order
from functions.submit_order import handler as submit_order
from orderflow.adapters.codec import order_decoder
from orderflow.domain.lifecycle import BEFORE, LIFECYCLE, Row
from orderflow.domain.order import event_of
from orderflow.domain.status import Status
from orderflow.errors import UnknownStatusError
from orderflow.runtime.batch import StreamEvent
from tests.support.builders import ORDER_ID, encode, land, make_order, order_records, records, status_fields
from tests.support.fakes import Outside
from tests.support.http_api import get

Handler = Callable[[StreamEvent, Any], Any]

STAGES: list[tuple[Handler, str, Status, Status]] = [
    (route_order.lambda_handler, "route", Status.PENDING, Status.ROUTING),
    (build_order.lambda_handler, "build", Status.ROUTING, Status.BUILDING),
    (submit_order.lambda_handler, "submit", Status.BUILDING, Status.SUBMITTED),
    (confirm_order.lambda_handler, "confirm", Status.SUBMITTED, Status.CONFIRMED),
]
SIMULATING = Status("simulating")


@pytest.fixture(params=STAGES, ids=lambda stage: stage[1])
def stage(request: pytest.FixtureRequest, outside: Outside) -> tuple[Handler, str, Status, Status]:
    """Lend each stage, with the status that its message comes with and the one that it gives."""
    submitted = make_order(Status.SUBMITTED)
    outside.chain.executions = {each.signature: each for each in land([submitted]).executions}
    given: tuple[Handler, str, Status, Status] = request.param
    return given


def test_an_order_of_the_version_before_goes_on_where_a_new_status_came_in_between(
    stage: tuple[Handler, str, Status, Status], outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    handler, stream, before, after = stage
    # The new status stands before the one that this stage gives.
    row = LIFECYCLE[before]
    monkeypatch.setitem(BEFORE, before, row)
    monkeypatch.setitem(LIFECYCLE, before, Row(("simulate",), frozenset({SIMULATING, Status.FAILED})))
    monkeypatch.setitem(LIFECYCLE, SIMULATING, row)

    response = handler(order_records(stream, make_order(before)), None)

    assert response == {"batchItemFailures": []}
    assert [step.order.status for step in outside.orders.transitions] == [after]


def test_an_order_with_the_new_status_goes_on_too(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIFECYCLE, SIMULATING, LIFECYCLE[Status.ROUTING])

    build_order.lambda_handler(simulated("build"), None)

    assert [step.order.status for step in outside.orders.transitions] == [Status.BUILDING]


def test_an_order_of_the_version_before_goes_on_where_its_status_was_taken_away(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BEFORE, SIMULATING, LIFECYCLE[Status.ROUTING])

    build_order.lambda_handler(simulated("build"), None)

    assert [step.order.status for step in outside.orders.transitions] == [Status.BUILDING]


@pytest.mark.parametrize("handler", [handler for handler, *_ in STAGES])
def test_an_order_of_newer_code_waits_for_it_and_the_others_of_its_batch_do_not(
    handler: Handler, outside: Outside
) -> None:
    pending = make_order(Status.PENDING, order_id=ORDER_ID.replace("f10", "f11"))
    batch = records("route", [simulated("route")["Records"][0]["data"], {"order": encode(pending)}])

    with pytest.raises(UnknownStatusError, match="^newer code gave orders the status simulating; "):
        handler(batch if handler is route_order.lambda_handler else simulated("any"), None)

    stepped = [step.order.order_id for step in outside.orders.transitions]
    assert stepped == ([pending.order_id] if handler is route_order.lambda_handler else [])


def test_a_step_to_a_new_status_is_recorded(outside: Outside) -> None:
    fields = status_fields(make_order(Status.ROUTING)) | {"status": "simulating"}

    assert record_order.lambda_handler(records("status", [fields]), None) == {"batchItemFailures": []}
    assert [step.status for step in outside.ledger.written] == ["simulating"]


@pytest.mark.usefixtures("_event_loop")
def test_an_order_with_a_new_status_is_shown(outside: Outside) -> None:
    order = order_decoder.decode(simulated("build")["Records"][0]["data"]["order"])
    outside.orders.known[ORDER_ID] = order, [event_of(order)]

    assert get(f"/api/orders/{ORDER_ID}").document["status"] == "simulating"


def simulated(stream: str) -> StreamEvent:
    """Return the event with an order to which newer, or older, code gave the status `simulating`."""
    order = json.loads(encode(make_order(Status.ROUTING))) | {"status": "simulating"}
    return records(stream, [{"order": json.dumps(order)}])
