"""How functions are invoked: what counts as the function's fault, and what only means that the batch should wait."""

import io
import json
import threading
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from orderflow.errors import RejectedError, RetryableError
from orderflow.event_source.invoke import FunctionError, InLambda, InProcess

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

EVENT = {"Records": [{"messageId": "1-0"}]}
NAMES = {"route_order": "orderflow-RouteOrder-ABC"}


def in_process(answer: Any) -> InProcess:
    def handler(event: Any, context: Any) -> Any:
        assert (event, context) == (EVENT, None)
        if isinstance(answer, Exception):
            raise answer
        return answer

    return InProcess({"route_order": handler})


def test_in_this_process_a_handler_is_called_with_the_event() -> None:
    assert in_process({"batchItemFailures": []})("route_order", EVENT) == {"batchItemFailures": []}


@pytest.mark.parametrize("error", [KeyError("x"), ValueError("y"), RejectedError("z")])
def test_whatever_a_handler_raises_is_the_functions_error(error: Exception) -> None:
    with pytest.raises(FunctionError) as failure:
        in_process(error)("route_order", EVENT)

    assert str(failure.value) == f"{type(error).__name__}: {error}"
    assert failure.value.__cause__ is error


def test_a_handler_may_say_that_the_batch_should_wait() -> None:
    with pytest.raises(RetryableError, match="^Postgres is away$"):
        in_process(RetryableError("Postgres is away"))("route_order", EVENT)


def test_a_function_that_outruns_its_time_out_ends_the_process_as_lambda_would() -> None:
    ended, release = threading.Event(), threading.Event()
    invoke = InProcess(
        {"quick": lambda *_: None, "slow": lambda *_: release.wait(30)},
        {"quick": 0.01, "slow": 0.01},
        end_process=ended.set,
    )

    for _ in range(20):
        invoke("quick", EVENT)
    quick_ended = ended.is_set()
    hanging = threading.Thread(target=invoke, args=("slow", EVENT))
    hanging.start()

    assert ended.wait(30)
    release.set()
    hanging.join()
    assert not quick_ended


@pytest.fixture
def client() -> "LambdaClient":
    return boto3.client(
        "lambda",
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        endpoint_url="http://127.0.0.1:9",
    )


def answer(payload: bytes, function_error: str | None = None) -> dict[str, Any]:
    response: dict[str, Any] = {"StatusCode": 200, "Payload": StreamingBody(io.BytesIO(payload), len(payload))}
    return response | ({"FunctionError": function_error} if function_error else {})


def invoke(client: "LambdaClient", response: dict[str, Any]) -> Any:
    with Stubber(client) as stubber:
        asked = {"FunctionName": "orderflow-RouteOrder-ABC", "Payload": json.dumps(EVENT)}
        stubber.add_response("invoke", response, asked)
        return InLambda(client, NAMES)("route_order", EVENT)


def test_in_lambda_a_function_goes_by_its_own_name_and_its_payload_is_read(client: "LambdaClient") -> None:
    assert invoke(client, answer(b'{"batchItemFailures": []}')) == {"batchItemFailures": []}


def test_an_error_in_lambda_is_the_functions_error(client: "LambdaClient") -> None:
    payload = b'{"errorType": "KeyError", "errorMessage": "\'x\'"}'

    with pytest.raises(FunctionError, match="^KeyError: 'x'$"):
        invoke(client, answer(payload, "Unhandled"))


def test_a_function_in_lambda_may_say_that_the_batch_should_wait(client: "LambdaClient") -> None:
    payload = b'{"errorType": "RetryableError", "errorMessage": "Redis is away"}'

    with pytest.raises(RetryableError, match="Redis is away"):
        invoke(client, answer(payload, "Unhandled"))


def test_an_answer_that_breaks_off_makes_the_batch_wait(client: "LambdaClient") -> None:
    with pytest.raises(RetryableError, match="^route_order can't be invoked: "):
        invoke(client, answer(b'{"batchItem'))


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceNotFoundException", "ServiceException"])
def test_a_function_that_lambda_can_not_run_makes_the_batch_wait(client: "LambdaClient", code: str) -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("invoke", code)
        with pytest.raises(RetryableError, match=f"^route_order can't be invoked: .*{code}"):
            InLambda(client, NAMES)("route_order", EVENT)
