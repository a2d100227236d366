"""Invokes functions: an event in, a batch response out, whether the function runs here or in Lambda."""

import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Protocol

from orderflow.errors import OrderflowError, RetryableError
from orderflow.runtime.logging import get_logger

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient


class FunctionError(OrderflowError):
    """The function raised, ran out of time or died: something in this batch is at fault."""


class Invoke(Protocol):
    """Runs a function on an event and returns what it returned."""

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Raises FunctionError when the function failed, and RetryableError when the batch should just wait:
        the function could not be run, or said itself that what it depends on is away.
        """


class InProcess:
    """Runs handlers in this process, as Lambda's runtime would: an exception becomes an error of the invocation."""

    def __init__(self, handlers: Mapping[str, Callable[[Any, Any], Any]]) -> None:
        self._handlers = handlers

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Call the handler."""
        try:
            return self._handlers[function](event, None)
        except RetryableError:
            raise
        except Exception as error:
            get_logger(function).exception("function raised")
            raise FunctionError(f"{type(error).__name__}: {error}") from error


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
