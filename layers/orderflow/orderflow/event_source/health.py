"""Answers GET /health: 200 while the event source works, otherwise 503 and what is wrong. GET /metrics is a scrape."""

import threading
import time
from collections.abc import Callable
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import msgspec

from orderflow.errors import ConfigurationError
from orderflow.event_source.prometheus import Exposition, Scrape
from orderflow.event_source.source import EventSource

FRESH_S = 15.0
"""Leases are renewed every second; after this long without, the event source stands still or Redis is unavailable."""


class HealthServer:
    """Answers on a port of every address, from a thread of its own, so that no other thread can delay the answer.

    There are metrics where it is given a `scrape`.

    Raises ConfigurationError when the port is taken.
    """

    def __init__(
        self,
        source: EventSource,
        port: int,
        clock: Callable[[], float] = time.monotonic,
        scrape: Scrape | None = None,
    ) -> None:
        self._source = source
        self._clock = clock
        try:
            self._server = ThreadingHTTPServer(("", port), _handler(self.check, scrape))
        except OSError as error:
            raise ConfigurationError(f"HEALTH_PORT={port} can't be used: {error.strerror}") from error
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, name="health", daemon=True).start()

    @property
    def port(self) -> int:
        """The port, also where 0 left the choice to the system."""
        return int(self._server.server_address[1])

    def check(self) -> tuple[HTTPStatus, dict[str, object]]:
        """Return the answer to GET /health."""
        silent_s = self._clock() - self._source.renewed_at
        if silent_s > FRESH_S:
            return HTTPStatus.SERVICE_UNAVAILABLE, {"status": f"leases not renewed for {FRESH_S:.0f} s"}
        return HTTPStatus.OK, {"status": "ok", "partitions": self._source.partitions}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _handler(
    check: Callable[[], tuple[HTTPStatus, dict[str, object]]], scrape: Scrape | None
) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        timeout = 5

        def do_GET(self) -> None:
            if self.path == "/metrics" and scrape:
                self._send(HTTPStatus.OK, scrape(self.headers.get("Accept", "")))
                return
            status, answer = check() if self.path == "/health" else (HTTPStatus.NOT_FOUND, {"status": "not found"})
            self._send(status, Exposition(msgspec.json.encode(answer), "application/json"))

        def _send(self, status: HTTPStatus, answer: Exposition) -> None:
            self.send_response(status)
            self.send_header("Content-Type", answer.content_type)
            self.send_header("Content-Length", str(len(answer.body)))
            self.end_headers()
            self.wfile.write(answer.body)

        def log_message(self, *_: object) -> None:
            """Write nothing: health is asked for every few seconds."""

    return Handler
