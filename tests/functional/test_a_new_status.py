"""A release that puts a stage with a new status between two others, and the orders that are under way meanwhile."""

import json

import pytest

from functions.build_order import handler as build_order
from functions.record_order import handler as record_order
from orderflow.adapters.codec import order_decoder
from orderflow.domain.lifecycle import BEFORE, LIFECYCLE, Row
from orderflow.domain.order import event_of
from orderflow.domain.status import Status
from orderflow.errors import UnknownStatusError
from orderflow.runtime.batch import StreamEvent
from tests.support.builders import ORDER_ID, encode, land, make_order, order_records, records, status_fields
from tests.support.fakes.outside import Outside
from tests.support.http_api import get
from tests.support.lifecycle import STAGES, Stage

NEWER = Status("of_newer_code")

every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.stream)


@pytest.fixture(params=[stage for stage in STAGES if not stage.passes_on], ids=lambda stage: stage.stream)
def stage(request: pytest.FixtureRequest, outside: Outside) -> Stage:
    """Lend each stage that gives orders a status."""
    submitted = make_order(Status.SUBMITTED)
    outside.chain.executions = {each.signature: each for each in land([submitted]).executions}
    given: Stage = request.param
    return given


def test_an_order_of_the_version_before_goes_on_where_a_new_status_came_in_between(
    stage: Stage, outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = stage.before
    # The new status stands before the one that this stage gives.
    row = LIFECYCLE[before]
    monkeypatch.setitem(BEFORE, before, row)
    monkeypatch.setitem(LIFECYCLE, before, Row(("simulate",), NEWER))
    monkeypatch.setitem(LIFECYCLE, NEWER, row)

    response = stage.handler(order_records(stage.stream, make_order(before)), None)

    assert response == {"batchItemFailures": []}
    assert [step.order.status for step in outside.orders.transitions] == [stage.after]


def test_an_order_with_the_new_status_goes_on_too(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(LIFECYCLE, NEWER, LIFECYCLE[Status.ROUTING])

    build_order.lambda_handler(simulated("build"), None)

    assert [step.order.status for step in outside.orders.transitions] == [Status.BUILDING]


def test_an_order_of_the_version_before_goes_on_where_its_status_was_removed(
    outside: Outside, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(BEFORE, NEWER, LIFECYCLE[Status.ROUTING])

    build_order.lambda_handler(simulated("build"), None)

    assert [step.order.status for step in outside.orders.transitions] == [Status.BUILDING]


@every_stage
def test_an_order_of_newer_code_waits_for_it_and_the_others_of_its_batch_do_not(stage: Stage, outside: Outside) -> None:
    pending = make_order(Status.PENDING, order_id=ORDER_ID.replace("f10", "f11"))
    batch = records("route", [simulated("route")["Records"][0]["data"], {"order": encode(pending)}])

    with pytest.raises(UnknownStatusError, match="^newer code gave orders the status of_newer_code; "):
        stage.handler(batch if stage.before is Status.PENDING else simulated(stage.stream), None)

    stepped = [step.order.order_id for step in outside.orders.transitions]
    assert stepped == ([pending.order_id] if stage.before is Status.PENDING else [])


def test_a_step_to_a_new_status_is_recorded(outside: Outside) -> None:
    fields = status_fields(make_order(Status.ROUTING)) | {"order": simulated("build")["Records"][0]["data"]["order"]}

    assert record_order.lambda_handler(records("status", [fields]), None) == {"batchItemFailures": []}
    assert [step.status for step in outside.ledger.written] == ["of_newer_code"]


@pytest.mark.usefixtures("_event_loop")
def test_an_order_with_a_new_status_is_shown(outside: Outside) -> None:
    order = order_decoder.decode(simulated("build")["Records"][0]["data"]["order"])
    outside.orders.known[ORDER_ID] = order, [event_of(order)]

    assert get(f"/api/orders/{ORDER_ID}").document["status"] == "of_newer_code"


def simulated(stream: str) -> StreamEvent:
    """Return the event with an order to which newer, or older, code gave the status `of_newer_code`."""
    order = json.loads(encode(make_order(Status.ROUTING))) | {"status": "of_newer_code"}
    return records(stream, [{"order": json.dumps(order)}])
