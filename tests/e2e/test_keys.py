"""A system where everyone needs a key, as its users have it: keys from the command, orders, sockets and tickets."""

import asyncio
import json
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.sync.client import ClientConnection, connect

from local.settings import ROOT
from tests.harness.acceptance import run_suites
from tests.harness.own_system import OwnSystem
from tests.support.front_door import README
from tests.support.waiting import eventually

ORDER = '{"token_in":"SOL","token_out":"USDC","amount":12.5,"order_type":"market"}'
EXECUTE, ORDERS, STATUS, TICKETS = "/api/orders/execute", "/api/orders", "/api/orders/status", "/api/sockets/tickets"
TIMEOUT_S = 10
REVOKED_WITHIN_S = 6.0
"""A process asks about a key anew after 5 s."""


class Answered(NamedTuple):
    status: int
    headers: dict[str, str]
    document: Any


class Keys:
    """A running system with the commands for its keys."""

    def __init__(self, run: OwnSystem) -> None:
        self.run = run

    def command(self, *arguments: str) -> str:
        """Run `keys …` and return what it prints."""
        environment = os.environ | {"ORDERFLOW_HOME": str(self.run.home)}
        command = [sys.executable, "-m", "local", "keys", *arguments]
        return subprocess.run(
            command, env=environment, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()

    def ask(self, method: str, path: str, key: str | None = None, body: str | None = None) -> Answered:
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {key}"} if key else {})}
        connection = HTTPConnection("127.0.0.1", self.run.port, timeout=TIMEOUT_S)
        connection.request(method, path, body, headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        return Answered(answer.status, {**answer.headers}, json.loads(content))

    def open_socket(self, key: str = "", path: str = STATUS) -> ClientConnection:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        url = f"ws://127.0.0.1:{self.run.port}{path}"
        return connect(url, additional_headers=headers, open_timeout=TIMEOUT_S)

    def refused(self, key: str = "", path: str = STATUS) -> int:
        """Return the status with which a handshake is answered that is refused."""
        with pytest.raises(InvalidStatus) as error, self.open_socket(key, path):
            pass
        return error.value.response.status_code

    def opens(self, stack: ExitStack, key: str) -> bool:
        """Return whether a socket opens, which stays open as long as `stack`."""
        try:
            stack.enter_context(self.open_socket(key))
        except InvalidStatus:
            return False
        return True


@pytest.fixture(scope="module")
def keys() -> Iterator[Keys]:
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        run = OwnSystem(Path(directory), {"SPEED": "0", "AUTH": "keys"}, own_servers=True)
        run.start()
        yield Keys(run)
        assert run.stop() != -signal.SIGKILL


def test_an_order_is_placed_watched_and_confirmed_with_a_key(keys: Keys) -> None:
    key = keys.command("add", "--account", "alice")

    placed = keys.ask("POST", EXECUTE, key, ORDER)

    assert placed.status == 202
    with keys.open_socket(key) as socket:
        socket.send(placed.document["order_id"])
        while (frame := json.loads(socket.recv(TIMEOUT_S)))["status"] != "confirmed":
            assert "error" not in frame
    assert keys.ask("GET", placed.headers["location"], key).document["status"] == "confirmed"
    assert keys.ask("GET", placed.headers["location"], keys.command("add", "--account", "bob")).status == 404


def test_the_lines_of_the_readme_lead_from_no_key_to_a_confirmed_order(keys: Keys) -> None:
    blocks: list[str] = re.findall(r"```sh\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    (lines,) = [block for block in blocks if "keys add" in block]

    done = subprocess.run(
        ["sh", "-euc", lines.replace(".venv/bin/python", sys.executable)],
        env=os.environ | {"ORDERFLOW_HOME": str(keys.run.home)},
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )

    assert "confirmed" in done.stdout
    assert "of_local_" not in done.stdout + done.stderr


def test_without_a_key_or_with_a_bad_one_nothing_but_what_is_public_is_answered(keys: Keys) -> None:
    typo = keys.command("add")[:-1] + "!"

    for method, path in [("POST", EXECUTE), ("GET", ORDERS), ("POST", TICKETS)]:
        without, bad = keys.ask(method, path, body=ORDER), keys.ask(method, path, typo, ORDER)
        assert (without.status, without.headers["www-authenticate"]) == (401, "Bearer")
        assert (bad.status, bad.document["detail"]) == (403, "this key is not valid here")
    assert [keys.refused(), keys.refused(typo), keys.refused(path=f"{STATUS}?ticket=x")] == [401, 403, 403]
    assert keys.ask("GET", "/health").status == keys.ask("GET", "/openapi.json").status == 200


def test_a_key_that_only_reads_trades_nothing_and_leaves_no_trace(keys: Keys) -> None:
    reader = keys.command("add", "--account", "carol", "--permissions", "read")

    refused = keys.ask("POST", EXECUTE, reader, ORDER)

    assert (refused.status, refused.document["detail"]) == (403, "this key may not trade")
    assert keys.ask("GET", ORDERS, reader).document["orders"] == []


def test_a_ticket_opens_a_socket_once(keys: Keys) -> None:
    ticket = keys.ask("POST", TICKETS, keys.command("add")).document["ticket"]

    with keys.open_socket(path=f"{STATUS}?ticket={ticket}") as socket:
        socket.send('{"action":"ping"}')
        assert json.loads(socket.recv(TIMEOUT_S)) == {"action": "pong"}
        assert keys.refused(path=f"{STATUS}?ticket={ticket}") == 403


def test_a_key_that_is_revoked_is_refused_soon_and_its_open_socket_is_closed(keys: Keys) -> None:
    key = keys.command("add")
    with keys.open_socket(key) as socket:
        assert keys.ask("GET", ORDERS, key).status == 200

        keys.command("revoke", key.split("_")[2])
        revoked = time.monotonic()

        assert json.loads(socket.recv(TIMEOUT_S)) == {"error": "key revoked"}
        with pytest.raises(ConnectionClosed) as error:
            socket.recv(TIMEOUT_S)
        assert error.value.rcvd is not None
        assert error.value.rcvd.code == 4403
    eventually(lambda: keys.ask("GET", ORDERS, key).status == 403, REVOKED_WITHIN_S - (time.monotonic() - revoked))
    assert keys.refused(key) == 403


def test_an_account_has_so_many_sockets_and_a_gateway_that_is_killed_does_not_keep_them(keys: Keys) -> None:
    key = keys.command("add", "--account", "dave")
    with ExitStack() as stack:
        opened = [stack.enter_context(keys.open_socket(key)) for _ in range(20)]
        assert keys.refused(key) == 429
        opened[0].close()
        eventually(lambda: keys.opens(stack, key))
        assert keys.refused(key) == 429

        before = keys.run.pid("gateway")
        os.kill(before, signal.SIGKILL)
        eventually(lambda: keys.run.pid("gateway") != before)

        for _ in range(20):
            stack.enter_context(keys.open_socket(key))
        assert keys.refused(key) == 429


def test_reports_are_for_keys_that_may_see_them_and_show_no_account_s_orders(keys: Keys) -> None:
    trader, reader = (
        keys.command("add", "--account", "frank", "--permissions", each) for each in ("trade,read", "read")
    )
    admin = keys.command("add", "--account", "grace", "--permissions", "read,admin")
    engine, market = (json.dumps({"action": "subscribe", "channel": channel}) for channel in ("engine", "market"))

    with keys.open_socket(reader) as socket:
        socket.send(engine)
        assert json.loads(socket.recv(TIMEOUT_S)) == {"channel": "engine", "error": "this key may not see the engine"}
        socket.send(market)
        assert json.loads(socket.recv(TIMEOUT_S)) == {"channel": "market", "subscribed": True}
    with keys.open_socket(admin) as socket:
        socket.send(engine)
        assert json.loads(socket.recv(TIMEOUT_S)) == {"channel": "engine", "subscribed": True}
        socket.recv(TIMEOUT_S)
        placed = keys.ask("POST", EXECUTE, trader, ORDER).document["order_id"]
        frames: list[str] = []
        while not frames or json.loads(frames[-1])["engine"]["latency_ms"]["count"] == 0:
            frames.append(str(socket.recv(TIMEOUT_S)))

    assert [frame for frame in frames if placed in frame or "frank" in frame] == []


def test_a_client_of_this_repository_takes_its_key_from_the_environment(
    keys: Keys, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ORDERFLOW_KEY", keys.command("add", "--account", "erin"))

    report = asyncio.run(run_suites(keys.run.url, ["lifecycle"], quick=True))

    assert report.failures == []
    assert report.passed


def test_a_system_that_other_machines_reach_says_how_to_start_it(new_run: Callable[..., OwnSystem]) -> None:
    run = new_run(HOST="0.0.0.0")  # noqa: S104 - it does not start

    assert run.launch().wait(60) == 1

    assert "AUTH=keys " in run.last_lines
    assert "AUTH=open " in run.last_lines


def test_a_system_that_is_open_to_other_machines_starts_with_a_warning(new_run: Callable[..., OwnSystem]) -> None:
    run = new_run(HOST="0.0.0.0", AUTH="open", SPEED="0")  # noqa: S104 - for a moment

    run.start()

    assert "WARNING: with AUTH=open and HOST=0.0.0.0 " in run.output.read_text()
    assert run.stop() == 0
