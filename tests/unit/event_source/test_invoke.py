"""How functions are invoked: what counts as the function's fault, and what only means that the batch should wait."""

import io
import json
import os
import socket
import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from orderflow.errors import ConfigurationError, RejectedError, RetryableError
from orderflow.event_source.invoke import FunctionError, InLambda, InProcess, lambda_client
from tests.support.kept_metrics import kept_metrics

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


def test_a_handler_that_leaves_its_process_has_failed_as_on_lambda() -> None:
    def leave(_event: Any, _context: Any) -> None:
        raise SystemExit(3)

    with pytest.raises(FunctionError, match="^SystemExit: 3$"):
        InProcess({"route_order": leave})("route_order", EVENT)


def test_a_setting_that_can_not_be_used_is_put_right_and_not_blamed_on_a_record() -> None:
    with pytest.raises(RetryableError, match="^route_order can't run: PARTITIONS=2 can't be used$"):
        in_process(ConfigurationError("PARTITIONS=2 can't be used"))("route_order", EVENT)


def test_a_handler_may_say_that_the_batch_should_wait() -> None:
    with pytest.raises(RetryableError, match="^Postgres is unavailable$"):
        in_process(RetryableError("Postgres is unavailable"))("route_order", EVENT)


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


def test_of_a_function_in_lambda_its_batch_is_recorded_here_and_written_there(
    client: "LambdaClient", monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "Orderflow")
    with kept_metrics() as kept:
        invoke(client, answer(b'{"batchItemFailures": [{"itemIdentifier": "1-0"}]}'))
        invoke(client, answer(b'"no batch response"'))

    assert kept.sums("records", "failures") == {("records", "route_order"): 2, ("failures", "route_order"): 1}
    assert len(kept.values["elapsed", "route_order"]) == 2
    assert capsys.readouterr().out == ""


def test_an_error_in_lambda_is_the_functions_error(client: "LambdaClient") -> None:
    payload = b'{"errorType": "KeyError", "errorMessage": "\'x\'"}'

    with pytest.raises(FunctionError, match="^KeyError: 'x'$"):
        invoke(client, answer(payload, "Unhandled"))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("RetryableError", "Redis is unavailable"),
        ("LoginRefusedError", "Postgres refuses the login"),
        ("UnknownStatusError", "newer code gave orders the status of_newer_code"),
        ("ConfigurationError", "REDIS_URL can't be used"),
        ("Runtime.ImportModuleError", "Unable to import module 'functions.route_order.handler'"),
    ],
)
def test_a_batch_waits_when_the_function_says_so_or_can_not_start(
    client: "LambdaClient", name: str, message: str
) -> None:
    payload = json.dumps({"errorType": name, "errorMessage": message}).encode()

    with pytest.raises(RetryableError, match=f"^{name}: {message}$"):
        invoke(client, answer(payload, "Unhandled"))


@pytest.mark.parametrize(
    "payload",
    [
        b'{"errorType": "Sandbox.Timedout", "errorMessage": "RequestId: 1 Error: Task timed out after 15.00 seconds"}',
        b'{"errorMessage": "2026-11-22T18:14:01.123Z 1 Task timed out after 15.00 seconds"}',
    ],
)
def test_a_time_out_in_lambda_is_the_functions_error(client: "LambdaClient", payload: bytes) -> None:
    with pytest.raises(FunctionError, match=r"Task timed out after 15\.00 seconds$"):
        invoke(client, answer(payload, "Unhandled"))


def test_an_answer_that_is_no_json_is_the_functions_error(client: "LambdaClient") -> None:
    with pytest.raises(FunctionError, match=r"^the answer is no JSON: Task timed out after 15\.00 seconds$"):
        invoke(client, answer(b"Task timed out after 15.00 seconds"))


def test_an_answer_that_breaks_off_makes_the_batch_wait(client: "LambdaClient") -> None:
    response = answer(b'{"batchItem')
    response["Payload"] = StreamingBody(io.BytesIO(b'{"batchItem'), content_length=25)

    with pytest.raises(RetryableError, match="^route_order can't be invoked: "):
        invoke(client, response)


def test_a_batch_that_lambda_does_not_take_is_at_fault_itself(client: "LambdaClient") -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("invoke", "RequestTooLargeException", http_status_code=413)
        with pytest.raises(FunctionError, match="^Lambda does not take the batch: "):
            InLambda(client, NAMES)("route_order", EVENT)


@pytest.mark.parametrize("code", ["TooManyRequestsException", "ResourceNotFoundException", "ServiceException"])
def test_a_function_that_lambda_can_not_run_makes_the_batch_wait(client: "LambdaClient", code: str) -> None:
    with Stubber(client) as stubber:
        stubber.add_client_error("invoke", code)
        with pytest.raises(RetryableError, match=f"^route_order can't be invoked: .*{code}"):
            InLambda(client, NAMES)("route_order", EVENT)


class SlowLambda:
    """An address at which one takes invocations and answers none; it counts them."""

    def __init__(self) -> None:
        self._server = socket.create_server(("127.0.0.1", 0))
        self._server.settimeout(10)
        self.url = f"http://127.0.0.1:{self._server.getsockname()[1]}"
        self.invocations = 0
        self._connections: list[socket.socket] = []
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> "SlowLambda":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        for each in (*self._connections, self._server):
            each.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                self._connections.append(self._server.accept()[0])
                self.invocations += 1


@pytest.fixture
def _credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "x")
    monkeypatch.setenv("AWS_REGION", "eu-central-1")


@pytest.mark.usefixtures("_credentials")
def test_what_takes_longer_than_a_function_may_is_waited_for_no_longer_and_invoked_only_once() -> None:
    with SlowLambda() as slow:
        in_lambda = InLambda(lambda_client(slow.url, invocations=1, timeout_s=0.2), NAMES)

        with pytest.raises(RetryableError, match="^route_order can't be invoked: Read timeout"):
            in_lambda("route_order", EVENT)

        assert slow.invocations == 1


@pytest.mark.usefixtures("_credentials")
def test_lambda_unavailable_makes_the_batch_wait() -> None:
    in_lambda = InLambda(lambda_client("http://127.0.0.1:1", invocations=1, timeout_s=1), NAMES)

    with pytest.raises(RetryableError, match="^route_order can't be invoked: Could not connect"):
        in_lambda("route_order", EVENT)


@pytest.mark.usefixtures("_credentials")
def test_as_many_invocations_as_asked_for_run_at_once() -> None:
    config: Any = lambda_client("", invocations=37, timeout_s=1).meta.config

    assert config.max_pool_connections == 37


@pytest.mark.parametrize(("endpoint", "region"), [("nowhere", "eu-central-1"), ("", "")])
def test_an_endpoint_or_a_region_that_can_not_be_used_is_named(
    monkeypatch: pytest.MonkeyPatch, endpoint: str, region: str
) -> None:
    monkeypatch.setenv("AWS_REGION", region)
    monkeypatch.setenv("AWS_CONFIG_FILE", os.devnull)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)

    with pytest.raises(ConfigurationError, match=r"^Lambda can't be reached: .*(nowhere|region)"):
        lambda_client(endpoint, invocations=1, timeout_s=1)
