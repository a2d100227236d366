"""Lambda's entry to the WebSocket API: API Gateway's WebSocket events in, the app's answers out."""

from http import HTTPStatus
from typing import Any

from mangum import Mangum
from mangum.types import LambdaConfig, LambdaContext, LambdaEvent, Response, Scope

from functions.watch_order.app import app
from orderflow.runtime.observability import traced


class WebSocketEvents:
    """Shows a WebSocket event to the app as a POST to its route key, such as `/$default`, the frame being the body."""

    @classmethod
    def infer(cls, event: LambdaEvent, _context: LambdaContext, _config: LambdaConfig) -> bool:
        """Return whether `event` is one."""
        return "connectionId" in event.get("requestContext", {})

    def __init__(self, event: LambdaEvent, context: LambdaContext, _config: LambdaConfig) -> None:
        self._event = event
        self._context = context

    @property
    def body(self) -> bytes:
        """The frame's text; API Gateway refuses binary frames itself."""
        return str(self._event.get("body") or "").encode()

    @property
    def scope(self) -> Scope:
        """The ASGI scope of the POST, with the event in it under `aws.event`."""
        request = self._event["requestContext"]
        return {
            "type": "http",
            "method": "POST",
            "http_version": "1.1",
            "scheme": "wss",
            "path": f"/{request['routeKey']}",
            "raw_path": None,
            "root_path": "",
            "query_string": b"",
            "headers": [],
            "server": (request.get("domainName", "localhost"), 443),
            "client": (request.get("identity", {}).get("sourceIp"), 0),
            "asgi": {"version": "3.0", "spec_version": "2.0"},
            "aws.event": self._event,
            "aws.context": self._context,
        }

    def __call__(self, response: Response) -> dict[str, Any]:
        """Return the app's response as API Gateway takes it; a body goes to the client as a frame.

        That of a refusal answers the handshake, with its headers.
        """
        answer: dict[str, Any] = {"statusCode": response["status"], "body": response["body"].decode()}
        if response["status"] >= HTTPStatus.BAD_REQUEST:
            answer["headers"] = {name.decode(): value.decode() for name, value in response["headers"]}
        return answer


websocket_api = Mangum(app, lifespan="off", custom_handlers=[WebSocketEvents])
lambda_handler = traced(websocket_api)
