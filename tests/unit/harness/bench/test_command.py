"""What the bench measures: a system of its own, or the one at --base-url."""

import argparse
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import orjson
import pytest

from local.run.running_system import System
from tests.harness.bench import arguments, command
from tests.harness.bench.measurement import Plan
from tests.harness.own_system import SystemNotReadyError

URL = "http://127.0.0.1:1"


@pytest.fixture
def started(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Have a system run in ORDERFLOW_HOME; lend the speeds of those that are started, none of which comes up."""
    state = {"url": URL, "pid": os.getpid(), "speed": 1}
    (tmp_path / "state.json").write_bytes(orjson.dumps(state))
    monkeypatch.setenv("ORDERFLOW_HOME", str(tmp_path))
    for name in ("REDIS_URL", "DATABASE_URL"):
        monkeypatch.delenv(name, raising=False)
    speeds: list[float] = []

    @contextmanager
    def start(speed: float) -> Iterator[System]:
        speeds.append(speed)
        raise SystemNotReadyError("not here")
        yield

    monkeypatch.setattr(command, "started", start)
    return speeds


def bench(*words: str) -> int:
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)
    return command.run(parser.parse_args(words))


def test_a_system_that_happens_to_run_is_left_alone_and_said_how_to_measure(
    started: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench() == 1

    assert started == [0.0]
    said = capsys.readouterr().err
    assert f"Starting a system with SPEED=0 … Left alone: the one at {URL}; --base-url {URL} measures it." in said


def test_the_one_that_is_named_is_measured_and_said_to_keep_the_orders(
    started: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench("--base-url", URL) == 1

    assert started == []
    assert f"Measuring the system at {URL} (SPEED=1); its ledger keeps the orders." in capsys.readouterr().err


def test_servers_that_are_shared_are_said_to_keep_the_orders(
    started: list[float], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("REDIS_URL", "redis://elsewhere")

    assert bench() == 1

    assert "It uses REDIS_URL, where the orders stay." in capsys.readouterr().err


def test_another_commit_is_not_measured_against_a_system_that_runs_elsewhere(
    started: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit):
        bench("--against", "HEAD", "--base-url", URL)

    assert "not allowed with argument" in capsys.readouterr().err
    assert started == []


def plan(*words: str) -> Plan:
    parser = argparse.ArgumentParser()
    arguments.add_arguments(parser)
    return arguments.plan_of(parser.parse_args(words))


def test_a_load_has_an_end_whatever_is_left_out() -> None:
    assert (plan().load.orders, plan().load.seconds) == (None, arguments.DEFAULT_SECONDS)
    assert (plan("--orders", "9").load.orders, plan("--orders", "9").load.seconds) == (9, None)
    assert (plan("--seconds", "7").load.orders, plan("--seconds", "7").load.seconds) == (None, 7)


def test_each_run_of_a_pair_is_repeated_by_the_pairs() -> None:
    assert plan("--repeat", "4").repeat == 4
    assert plan("--repeat", "4", "--against", "HEAD").repeat == 1


@pytest.mark.parametrize("what", ["flat", "resting", "sniper", "floors", "routing", "imports"])
@pytest.mark.parametrize("target", [("--against", "HEAD"), ("--base-url", URL)])
def test_what_needs_systems_of_its_own_takes_no_other(
    what: str, target: tuple[str, str], started: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    assert bench(what, *target) == 2

    assert f"{what} takes neither --against nor --base-url" in capsys.readouterr().err
