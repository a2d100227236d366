"""Lambda's Invoke API over functions that run here: what the event source sees of AWS, LocalStack or SAM.

`python -m tests.support.lambda_api PORT` serves the template's functions under their logical ids, as
`sam local start-lambda` does, until it is ended.
"""

import json
import sys
import threading
from collections.abc import Callable, Mapping
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote

from local.run.poller import handler_of
from local.settings import ROOT
from local.template import read_template

Function = Callable[[Any], Any]


class LambdaApi(ThreadingHTTPServer):
    """Serves functions by their names; one that raises has its error returned as Lambda returns it."""

    daemon_threads = True

    def __init__(self, functions: Mapping[str, Function], port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Invocation)
        self.functions = functions
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    def __enter__(self) -> "LambdaApi":
        threading.Thread(target=self.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.shutdown()
        self.server_close()


class Invocation(BaseHTTPRequestHandler):
    """One request: POST /2015-03-31/functions/<name>/invocations."""

    protocol_version = "HTTP/1.1"
    server: LambdaApi

    def do_POST(self) -> None:
        event = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        name = unquote(self.path.split("/")[3])
        if name not in self.server.functions:
            error = {"x-amzn-errortype": "ResourceNotFoundException"}
            self._answer(HTTPStatus.NOT_FOUND, {"Message": f"Function not found: {name}"}, error)
            return
        try:
            self._answer(HTTPStatus.OK, self.server.functions[name](event))
        except Exception as error:  # noqa: BLE001 - as Lambda's runtime does
            body = {"errorType": type(error).__name__, "errorMessage": str(error)}
            self._answer(HTTPStatus.OK, body, {"x-amz-function-error": "Unhandled"})

    def _answer(self, status: HTTPStatus, answer: Any, headers: Mapping[str, str] | None = None) -> None:
        body = json.dumps(answer).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Write nothing."""


def _of_the_template() -> dict[str, Function]:
    functions = read_template(ROOT / "template.yaml").functions
    return {
        function.logical_id: _without_context(handler_of(function)) for function in functions if function.event_source
    }


def _without_context(handler: Callable[[Any, Any], Any]) -> Function:
    return lambda event: handler(event, None)


if __name__ == "__main__":
    LambdaApi(_of_the_template(), int(sys.argv[1])).serve_forever()
