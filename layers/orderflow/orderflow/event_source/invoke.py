"""Invokes functions: an event in, a batch response out, whether the function runs here or in Lambda."""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from orderflow.errors import ConfigurationError, OrderflowError, RetryableError
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import record_batch

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


TIMED_OUT = 124
"""Exit status of a process that a function's time-out ended (as coreutils' timeout has it)."""

WATCH_S = 0.25

CONNECT_TIMEOUT_S = 5


def _names(kind: type[Exception]) -> set[str]:
    return {kind.__name__}.union(*(_names(each) for each in kind.__subclasses__()))


NOT_THE_BATCH = _names(RetryableError) | {
    "ConfigurationError",
    "Runtime.BuiltInModuleConflict",
    "Runtime.HandlerNotFound",
    "Runtime.ImportModuleError",
    "Runtime.MalformedHandlerName",
    "Runtime.UserCodeSyntaxError",
}
"""Errors for which no record is to blame: the function needs something that is unavailable, or was deployed so that it
can't start. A batch waits until that is corrected, so that its orders do not fail."""


class FunctionError(OrderflowError):
    """The function raised, ran out of time or died: a record of this batch is at fault."""


class Invoke(Protocol):
    """Runs a function on an event and returns what it returned."""

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Raises FunctionError when the function failed, and RetryableError when the batch should just wait:
        the function could not be run, or something that it depends on is unavailable.
        """


class InProcess:
    """Runs handlers in this process, as Lambda's runtime would: an exception becomes an error of the invocation.

    `time_outs_s` holds the functions to their time-outs. A thread can't be ended, so the process is, as Lambda ends the
    environment of a function that takes too long; the next process recovers the records that were under way.
    """

    def __init__(
        self,
        handlers: Mapping[str, Callable[[Any, Any], Any]],
        time_outs_s: Mapping[str, float] | None = None,
        end_process: Callable[[], None] = lambda: os._exit(TIMED_OUT),
    ) -> None:
        self._handlers = handlers
        self._time_outs_s = time_outs_s or {}
        self._end_process = end_process
        self._under_way: dict[int, tuple[str, float]] = {}
        if time_outs_s:
            threading.Thread(target=self._watch, name="time-outs", daemon=True).start()

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Call the handler."""
        try:
            with self._timed(function):
                return self._handlers[function](event, None)
        except RetryableError:
            raise
        except ConfigurationError as error:
            raise RetryableError(f"{function} can't run: {error}") from error
        except (Exception, SystemExit) as error:
            get_logger(function).exception("function raised")
            raise FunctionError(f"{type(error).__name__}: {error}") from error

    @contextmanager
    def _timed(self, function: str) -> Iterator[None]:
        thread = threading.get_ident()
        self._under_way[thread] = function, time.monotonic() + self._time_outs_s.get(function, threading.TIMEOUT_MAX)
        try:
            yield
        finally:
            del self._under_way[thread]

    def _watch(self) -> None:
        while True:
            time.sleep(WATCH_S)
            for thread, (function, deadline) in list(self._under_way.items()):
                if time.monotonic() > deadline:
                    stack = "".join(traceback.format_stack(sys._current_frames().get(thread)))
                    limit_s = self._time_outs_s[function]
                    get_logger(function).error("function timed out", extra={"limit_s": limit_s, "stack": stack})
                    self._end_process()
                    return


class InLambda:
    """Invokes functions through Lambda's API: on AWS, LocalStack or `sam local start-lambda`."""

    def __init__(self, client: "LambdaClient", names: Mapping[str, str]) -> None:
        self._client = client
        self._names = names

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke the function and wait for its response."""
        started = time.perf_counter()
        answer = self._invoke(function, event)
        items = answer.get("batchItemFailures") if isinstance(answer, dict) else None
        counts = {"records": len(event["Records"]), "failures": len(items) if isinstance(items, list) else 0}
        # In this process alone: for CloudWatch the function has written them itself, over there.
        record_batch(function, counts, (time.perf_counter() - started) * 1000)
        return answer

    def _invoke(self, function: str, event: dict[str, Any]) -> Any:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client.invoke(FunctionName=self._names[function], Payload=json.dumps(event))
            payload = response["Payload"].read()
        except ClientError as error:
            if error.response["ResponseMetadata"]["HTTPStatusCode"] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise FunctionError(f"Lambda does not take the batch: {error}") from error
            raise RetryableError(f"{function} can't be invoked: {error}") from error
        except BotoCoreError as error:
            raise RetryableError(f"{function} can't be invoked: {error}") from error
        return _answer(payload, failed="FunctionError" in response)


def _answer(payload: bytes, *, failed: bool) -> Any:
    """Return what the function returned. Raises FunctionError or RetryableError when that is an error."""
    try:
        answer = json.loads(payload)
    except ValueError as error:
        # SAM answers so, and in no JSON, when the function was ended because it took too long.
        raise FunctionError(f"the answer is no JSON: {payload[:200].decode(errors='replace')}") from error
    if not failed:
        return answer
    name = answer.get("errorType") or "Error"
    text = f"{name}: {answer.get('errorMessage')}"
    raise RetryableError(text) if name in NOT_THE_BATCH else FunctionError(text)


def lambda_client(endpoint: str, invocations: int, timeout_s: float) -> "LambdaClient":
    """Return a client for up to `invocations` at once, of functions that take up to `timeout_s` seconds.

    `endpoint` is where Lambda's API is, empty for AWS itself. Raises ConfigurationError when there is no such place.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    config = Config(
        # A second sending would run the function twice at the same time: harmless, but the poller decides on retries.
        retries={"total_max_attempts": 1},
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=timeout_s,
        max_pool_connections=invocations,
        tcp_keepalive=True,
    )
    # Unlike other SDKs, boto3 does not read AWS_REGION, which is what ECS sets.
    region = os.environ.get("AWS_REGION") or None
    try:
        return boto3.client("lambda", region_name=region, endpoint_url=endpoint or None, config=config)
    except (BotoCoreError, ValueError) as error:
        raise ConfigurationError(f"Lambda can't be reached: {error}") from error
