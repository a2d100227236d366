"""Invokes functions: an event in, a batch response out, whether the function runs here or in Lambda."""

import json
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Protocol

from orderflow.errors import OrderflowError, RetryableError
from orderflow.runtime.logging import get_logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


TIMED_OUT = 124
"""Exit status of a process that a function's time-out ended (as coreutils' timeout has it)."""

WATCH_S = 0.25


class FunctionError(OrderflowError):
    """The function raised, ran out of time or died: something in this batch is at fault."""


class Invoke(Protocol):
    """Runs a function on an event and returns what it returned."""

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Raises FunctionError when the function failed, and RetryableError when the batch should just wait:
        the function could not be run, or said itself that what it depends on is away.
        """


class InProcess:
    """Runs handlers in this process, as Lambda's runtime would: an exception becomes an error of the invocation.

    `time_outs_s` holds the functions to their time-outs. A thread can't be ended, so the process is, as Lambda ends the
    environment of a function that takes too long; what was under way is taken up again by whoever comes next.
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
        except Exception as error:
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
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            response = self._client.invoke(FunctionName=self._names[function], Payload=json.dumps(event))
            payload = json.load(response["Payload"])
        except (BotoCoreError, ClientError, ValueError) as error:
            raise RetryableError(f"{function} can't be invoked: {error}") from error
        if "FunctionError" in response:
            message = f"{payload.get('errorType')}: {payload.get('errorMessage')}"
            raise (RetryableError(message) if payload.get("errorType") == "RetryableError" else FunctionError(message))
        return payload
