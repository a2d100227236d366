"""The health check of the containers: a port in, an exit status out."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from local.settings import ROOT
from tests.support.ports import free_port


@contextmanager
def serving(status: int) -> Iterator[int]:
    """Lend the port of a server whose health is `status`."""

    class Health(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status if self.path == "/health" else 404)
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: object) -> None:
            pass

    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_port
        server.shutdown()
        thread.join()


def check(port: int) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-IS", str(ROOT / "local/run/healthy.py"), str(port)]
    return subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize(("status", "verdict"), [(200, 0), (503, 1), (404, 1)])
def test_only_an_answer_of_200_is_healthy(status: int, verdict: int) -> None:
    with serving(status) as port:
        done = check(port)

    assert done.returncode == verdict
    assert f" {status} " in done.stdout


def test_where_nobody_listens_it_is_unhealthy_and_says_so() -> None:
    done = check(free_port())

    assert done.returncode == 1
    assert "refused" in done.stdout
