"""The HTTP API when something fails below it: 503 for what is unavailable, 500 for what nobody expected."""

import asyncio
import json
from collections.abc import Callable, MutableMapping
from typing import Any

import pytest
import redis
from redis import exceptions

from functions.watch_order.handler import websocket_api
from orderflow.errors import RetryableError
from orderflow.runtime import faults, refusals
from tests.support.builders import ORDER_ID, read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import Answer, assert_problem, get, post, written

pytestmark = pytest.mark.usefixtures("_event_loop")

UNAVAILABLE = [
    redis.ConnectionError("Connection closed by server."),
    exceptions.MaxConnectionsError(),
    exceptions.BusyLoadingError("Redis is loading the dataset in memory"),
    exceptions.AuthenticationError("WRONGPASS"),
    redis.TimeoutError("Timeout reading from socket"),
    TimeoutError(),
    ConnectionResetError("Connection reset by peer"),
    OSError("No route to host"),
    exceptions.ClusterError("All slots are not covered"),
    exceptions.ClusterDownError("The cluster is down"),
    exceptions.MasterDownError("Link with MASTER is down"),
    exceptions.MovedError("7 127.0.0.1:7001"),
    exceptions.AskError("7 127.0.0.1:7001"),
    exceptions.TryAgainError("Multiple keys request during rehashing of slot"),
    exceptions.ReadOnlyError("You can't write against a read only replica."),
    exceptions.NoScriptError("No matching script."),
    exceptions.OutOfMemoryError("command not allowed when used memory > 'maxmemory'."),
    exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
    exceptions.ResponseError("NOREPLICAS Not enough good replicas to write."),
    exceptions.ResponseError("BUSY Redis is busy running a script."),
    exceptions.ResponseError("UNKILLABLE Sorry the script already executed write commands"),
    exceptions.ExecAbortError("Transaction discarded because of previous errors."),
    exceptions.WatchError("Watched variable changed."),
    exceptions.InvalidResponse("Protocol Error"),
    RetryableError("0 of 1 replicas have what was written to p0"),
]
BUG = KeyError("the-innermost-secret")


def fail(outside: Outside, error: Exception) -> None:
    outside.intake.error = outside.orders.error = outside.chain.error = outside.ledger.error = error


ROUTES: dict[str, Callable[[], Answer]] = {
    "post": lambda: post(written()),
    "order": lambda: get(f"/api/orders/{ORDER_ID}"),
    "orders": lambda: get("/api/orders"),
    "quote": lambda: get("/api/quote", token_in="SOL", token_out="USDC", amount="1"),
}
every_route = pytest.mark.parametrize("ask", ROUTES.values(), ids=ROUTES.keys())


@every_route
@pytest.mark.parametrize("error", UNAVAILABLE, ids=lambda error: f"{type(error).__name__}: {error}"[:40])
def test_what_is_unavailable_is_to_be_asked_for_again_later(
    outside: Outside, error: Exception, ask: Callable[[], Answer]
) -> None:
    fail(outside, error)

    answer = ask()

    problem = assert_problem(answer, 503, "Service Unavailable")
    assert answer.headers["retry-after"] == "1"
    assert str(error) not in problem["detail"] or not str(error)


@every_route
def test_what_nobody_expected_is_a_problem_and_one_line(
    outside: Outside, ask: Callable[[], Answer], caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "LINE_EVERY_S", 0.0)
    fail(outside, BUG)

    answer = ask()

    problem = assert_problem(answer, 500, "Internal Server Error")
    assert "secret" not in answer.text
    assert problem["detail"] == "something went wrong here; the log says what"
    (line,) = [vars(line) for line in caplog.records if line.levelname == "ERROR"]
    assert (line["message"], line["reason"]) == ("fault", "KeyError")
    assert "the-innermost-secret" in line["detail"]
    assert "outage.py" in line["detail"]
    assert "\n" not in line["detail"]
    assert line["exc_info"] is None


def test_many_faults_of_a_kind_are_one_line_until_the_next_is_due(
    outside: Outside, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "LINE_EVERY_S", 3600.0)
    fail(outside, ValueError("the same again"))

    for _ in range(50):
        assert_problem(get("/api/orders"), 500)

    lines = [vars(line) for line in caplog.records if vars(line).get("reason") == "ValueError"]
    assert len(lines) == 1
    assert [line for line in caplog.records if line.exc_info] == []


def test_a_frame_that_nobody_expected_to_fail_is_answered_in_json(
    outside: Outside, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refusals, "LINE_EVERY_S", 0.0)
    outside.subscriptions.error = BUG

    answer = websocket_api(read_event("watch_order.default"), None)  # type: ignore[arg-type]

    assert answer["statusCode"] == 500
    assert json.loads(answer["body"]) == {"error": "something went wrong here; the log says what"}
    assert [line.getMessage() for line in caplog.records if line.levelname == "ERROR"] == ["fault"]


@pytest.mark.parametrize(
    "path", ["/\ud800", "/api/orders/\ud800", "/api/orders/\udfff" + "x" * 9_000, "/" + "ü" * 9_000]
)
def test_half_a_character_in_a_path_is_answered_as_any_unknown_path(outside: Outside, path: str) -> None:
    assert_problem(get(path), 404)


def test_a_request_that_is_cancelled_is_answered_to_try_again() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def hangs(_scope: object, _receive: object, _send: object) -> None:
        await asyncio.sleep(60)

    async def run() -> None:
        stopped = faults.Answer(503, {"retry-after": "1"}, b"{}")
        app = faults.Faults(hangs, "test", faults.Answer(500, {}, b""), stopped)

        async def receive() -> MutableMapping[str, Any]:
            return {}

        async def send(message: MutableMapping[str, Any]) -> None:
            sent.append(message)

        request = asyncio.create_task(app({"type": "http"}, receive, send))
        await asyncio.sleep(0)
        request.cancel()
        await request

    asyncio.run(run())

    assert [message.get("status") for message in sent] == [503, None]
