"""The example events of the streams, and what all the stages of an order do alike with an event."""

import json
from collections.abc import Callable
from typing import Any

import pytest
import redis

from functions.produce_block.handler import lambda_handler as produce_block
from functions.publish_reports.handler import lambda_handler as publish_reports
from functions.publish_status.handler import lambda_handler as publish_status
from functions.record_order.handler import lambda_handler as record_order
from local.run.poller import handler_of
from orderflow.adapters.codec import encoder, order_decoder, step_decoder
from orderflow.domain.status import Status
from orderflow.domain.tally import Tally
from orderflow.errors import RetryableError
from orderflow.runtime.batch import BatchResponse, StreamEvent
from tests.support.builders import ORDER_ID, OTHER_ID, land, make_order, message_ids, order_records, read_event
from tests.support.example_events import example_events
from tests.support.fakes.outside import Outside
from tests.support.lifecycle import STAGES, TEMPLATE, WAITING, Stage

FUNCTIONS = [
    *(stage.handler for stage in STAGES),
    *(handler_of(TEMPLATE.function(name)) for name in WAITING),
    produce_block,
    publish_status,
    record_order,
    publish_reports,
]

every_stage = pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.function)


@pytest.fixture(autouse=True)
def _landed(outside: Outside) -> None:
    """Have the transactions of the example orders on the chain, for the stage that asks."""
    orders = [order_decoder.decode(record["data"]["order"]) for record in read_event("confirm_order")["Records"]]
    outside.chain.executions = {execution.signature: execution for execution in land(orders).executions}


def gone_on(outside: Outside) -> list[tuple[str, Status, str | None]]:
    """Return the orders that a stage has taken on: with a step, or to the next stage for their status."""
    if outside.orders.transitions:
        return [(step.order.order_id, step.order.status, step.next_stream) for step in outside.orders.transitions]
    return [(order.order_id, order.status, stream) for stream, order, _ in outside.orders.scheduled]


@pytest.mark.parametrize(("name", "event"), list(example_events()), ids=[name for name, _ in example_events()])
def test_an_example_event_is_what_the_pipeline_makes(name: str, event: StreamEvent) -> None:
    # A change of the market or of a message gives other events; orders that are under way look as before.
    assert read_event(name) == event, "if this is meant: .venv/bin/python -m tests.support.example_events"


# What asks for a report is about no order.
@pytest.mark.parametrize("name", [name for name, _ in example_events() if name != "publish_reports"])
def test_the_documents_of_an_example_event_are_read_in_full_and_written_alike(name: str) -> None:
    for record in read_event(name)["Records"]:
        data = record["data"]
        if "order" in data:
            assert encoder.encode(order_decoder.decode(data["order"])).decode() == data["order"]
        if "event" in data:
            assert encoder.encode(step_decoder.decode(data["event"])).decode() == data["event"]


@every_stage
def test_a_stage_takes_every_order_of_its_example_event_on(stage: Stage, outside: Outside) -> None:
    response = stage.handler(read_event(stage.function), None)

    assert response == {"batchItemFailures": []}
    assert gone_on(outside) == [
        (ORDER_ID, stage.after, stage.next_stream),
        (OTHER_ID, stage.after, stage.next_stream),
    ]


@every_stage
def test_a_step_that_was_taken_before_is_not_taken_again_and_no_failure(stage: Stage, outside: Outside) -> None:
    stage.handler(read_event(stage.function), None)
    taken = list(outside.orders.transitions)

    response = stage.handler(read_event(stage.function), None)

    assert response == {"batchItemFailures": []}
    assert outside.orders.transitions == taken


@every_stage
@pytest.mark.parametrize("poison", [{"order": "{"}, {"order": "{}"}, {"order": "null"}, {"order": ""}, {}])
def test_a_poisoned_record_is_reported_alone_while_the_others_go_on(
    stage: Stage, poison: dict[str, str], outside: Outside
) -> None:
    event: StreamEvent = read_event(stage.function)
    event["Records"].insert(1, event["Records"][0] | {"messageId": "7-7", "data": poison})

    response = stage.handler(event, None)

    (failure,) = response["batchItemFailures"]
    assert failure["itemIdentifier"] == "7-7"
    assert failure["error"].startswith(("DecodeError: ", "ValidationError: ", "KeyError: "))
    assert [order_id for order_id, *_ in gone_on(outside)] == [ORDER_ID, OTHER_ID]


@every_stage
def test_an_order_that_the_stage_can_not_follow_on_is_reported_alone(stage: Stage, outside: Outside) -> None:
    ended = make_order(Status.CONFIRMED)
    event = order_records(stage.stream, ended, make_order(stage.before, order_id=OTHER_ID))
    outside.chain.executions |= {
        execution.signature: execution
        for execution in land([make_order(Status.SUBMITTED, order_id=OTHER_ID)]).executions
    }

    response = stage.handler(event, None)

    (failure,) = response["batchItemFailures"]
    passes_on = f"no stage follows {stage.stream} while an order is confirmed"
    reason = passes_on if stage.passes_on else f"confirmed -> {stage.after}"
    assert failure == {"itemIdentifier": message_ids(event)[0], "error": f"IllegalTransitionError: {reason}"}
    assert [order_id for order_id, *_ in gone_on(outside)] == [OTHER_ID]


@every_stage
def test_a_stage_works_on_a_batch_without_records(stage: Stage, outside: Outside) -> None:
    assert stage.handler({"Records": []}, None) == {"batchItemFailures": []}
    assert outside.orders.transitions == []


@pytest.mark.parametrize("handler", FUNCTIONS, ids=lambda handler: handler.__module__.split(".")[1])
@pytest.mark.parametrize(
    "error",
    [
        redis.ConnectionError("refused"),
        redis.TimeoutError("no answer"),
        redis.exceptions.BusyLoadingError("LOADING"),
        redis.exceptions.OutOfMemoryError("OOM"),
        redis.exceptions.ReadOnlyError("READONLY"),
        redis.exceptions.NoScriptError("No matching script."),
        redis.ResponseError("MISCONF Redis is configured to save RDB snapshots, but it can't"),
        redis.ResponseError("NOREPLICAS Not enough good replicas to write."),
        redis.ResponseError("BUSY Redis is busy running a script."),
        redis.ResponseError("UNKILLABLE Sorry the script already executed write commands."),
        redis.exceptions.AskError("1 127.0.0.1:7000"),
        redis.exceptions.MovedError("1 127.0.0.1:7000"),
        redis.exceptions.TryAgainError("Multiple keys request during rehashing of slot"),
        redis.exceptions.ClusterDownError("CLUSTERDOWN"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_when_redis_is_unavailable_the_batch_is_asked_to_wait(
    handler: Callable[[StreamEvent, Any], BatchResponse], error: Exception, outside: Outside
) -> None:
    for part in (outside.orders, outside.books, outside.chain, outside.watchers, outside.reports):
        part.error = error
    name = handler.__module__.split(".")[1]

    with pytest.raises(RetryableError, match="^Redis can't be reached: "):
        handler(read_event(name), None)

    assert outside.sockets.sent == []


@pytest.mark.parametrize("wanted", [True, False])
def test_records_that_come_again_are_counted_while_somebody_follows_the_engine(wanted: bool, outside: Outside) -> None:
    outside.tallies.wanted = wanted
    event = read_event("record_order")
    for number, record in enumerate(event["Records"]):
        record["attempt"] = number + 1

    record_order(event, None)
    record_order(read_event("record_order"), None)

    again = {outside.now_ms // 1000: Tally(retries=len(event["Records"]) - 1)}
    assert outside.tallies.by_second == (again if wanted else {})


def test_an_event_is_plain_json() -> None:
    for name, event in example_events():
        assert json.loads(json.dumps(event)) == event, name
