"""Starting and stopping `python -m local up`: what works, and what is said when it can't."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable

import psutil
import pytest

from tests.harness.own_system import OwnSystem
from tests.support.ports import free_port

NewRun = Callable[..., OwnSystem]


def test_it_stops_within_five_seconds_and_leaves_no_process_behind(new_run: NewRun) -> None:
    run = new_run()
    run.start()
    processes = psutil.Process(run.state["pid"]).children(recursive=True)
    started = time.monotonic()

    status = run.stop(signal.SIGINT)

    assert status == 0
    assert time.monotonic() - started < 5
    assert [process for process in processes if process.is_running()] == []
    assert not (run.home / "state.json").exists()


def test_it_says_what_to_try(shared_run: OwnSystem) -> None:
    said = shared_run.output.read_text()

    assert f"curl {shared_run.url}/api/orders/execute" in said
    assert f"npx --yes wscat -c ws://127.0.0.1:{shared_run.port}/api/orders/status" in said


def test_a_second_run_on_the_same_home_is_refused(shared_run: OwnSystem, new_run: NewRun) -> None:
    second = new_run(ORDERFLOW_HOME=str(shared_run.home))

    status = second.launch().wait(30)

    assert status == 1
    assert f"already runs on {shared_run.home}" in second.output.read_text()
    assert shared_run.url in second.output.read_text()


def test_a_taken_port_is_named_and_another_proposed(new_run: NewRun) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = new_run(PORT=str(port))

        status = run.launch().wait(30)

    assert status == 1
    assert f"Port {port} on 127.0.0.1 can't be used" in run.output.read_text()
    assert "make run PORT=" in run.output.read_text()


def test_of_a_port_that_another_orderflow_has_it_says_what_started_that_one(
    shared_run: OwnSystem, new_run: NewRun
) -> None:
    run = new_run(PORT=str(shared_run.port))

    run.launch().wait(30)

    assert "An Orderflow that was started by make run has it" in run.output.read_text()


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"REDIS_URL": "redis://:secret@127.0.0.1:1/0"}, "127.0.0.1:1"),
        ({"DATABASE_URL": "postgresql://me:secret@127.0.0.1:1/ledger"}, "127.0.0.1:1"),
        ({"DATABASE_URL": "mysql://me:secret@127.0.0.1/ledger"}, "DATABASE_URL"),
        ({"SPEED": "fast"}, "SPEED='fast' can't be used"),
        ({"VENUE": "moc"}, "VENUE='moc' can't be used: it must be mock, or module:function"),
        ({"MARKET_SCRIPT": "no.csv"}, "MARKET_SCRIPT='no.csv' can't be used: No such file or directory"),
        ({"CLOCK": "manual", "INVOKE": "lambda"}, "CLOCK='manual' can't be used: with INVOKE=lambda"),
        ({"PARTITIONS": "0"}, "PARTITIONS='0' can't be used"),
        ({"PORT": "70000"}, "PORT='70000' can't be used"),
        ({"ORDERFLOW_HOME": os.devnull}, f"ORDERFLOW_HOME={os.devnull} can't be used"),
    ],
)
def test_what_can_not_be_used_is_named_and_no_password_is_shown(
    new_run: NewRun, settings: dict[str, str], said: str
) -> None:
    run = new_run(**settings)

    status = run.launch().wait(60)

    assert status == 1
    assert said in run.output.read_text()
    assert "secret" not in run.output.read_text()
    assert "Traceback" not in run.output.read_text()


def test_a_terminal_that_lacks_our_characters_stops_nothing(new_run: NewRun) -> None:
    locale = {"PYTHONIOENCODING": "ascii", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
    run = new_run(**locale, SPEED="0")
    run.start()
    command = [sys.executable, "-m", "local", "watch", "--base-url", run.url]
    watched = subprocess.run(command, env=os.environ | locale, capture_output=True, text=True, encoding="ascii")
    unwatched = subprocess.run([*command, "--token-in", "…"], env=os.environ | locale, capture_output=True)
    status = run.stop(signal.SIGINT)

    assert (watched.returncode, unwatched.returncode, status) == (0, 1, 0)
    assert "1.5 SOL -> USDC" in watched.stdout
    said = run.output.read_text(encoding="ascii")
    assert "Migrating the ledger ..." in said
    assert "Stopping: finishing what is under way ..." in said
    assert "UnicodeEncodeError" not in said + watched.stderr + unwatched.stderr.decode("ascii")


@pytest.mark.parametrize("encoding", ["ascii", "iso8859-1", "cp1252", "utf-8"])
def test_every_command_explains_itself_on_every_terminal(encoding: str) -> None:
    ours = [("local",), ("local", "up"), ("local", "watch"), ("local", "dead-letters"), ("orderflow.migrate",)]
    ours.append(("orderflow.event_source.dead_letters",))
    judges = [("tests.harness",), *(("tests.harness", name) for name in ("bench", "chaos", "acceptance"))]
    for command in [*ours, *judges]:
        environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}
        help_of = subprocess.run([sys.executable, "-m", *command, "--help"], env=environment, capture_output=True)

        assert help_of.returncode == 0, help_of.stderr


def test_two_runs_with_homes_of_their_own_live_side_by_side(shared_run: OwnSystem, new_run: NewRun) -> None:
    other = new_run(PORT=str(free_port()))

    other.start()

    assert other.state["url"] != shared_run.url


def test_another_number_of_partitions_is_refused_while_orders_may_lie_in_the_old_ones(new_run: NewRun) -> None:
    first = new_run(PARTITIONS="3")
    first.start()
    first.stop()
    second = new_run(PARTITIONS="2", ORDERFLOW_HOME=str(first.home))

    status = second.launch().wait(60)

    assert status == 1
    assert "Use PARTITIONS=3" in second.output.read_text()
