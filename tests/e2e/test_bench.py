"""The bench on a running system: every way to load it accounts for every order."""

import os
import subprocess
import sys
from typing import Any

import orjson
import pytest

from local.settings import ROOT
from tests.harness.own_system import OwnSystem


def bench(run: OwnSystem, *words: str) -> dict[str, Any]:
    command = [sys.executable, "-m", "tests.harness", "bench", "--base-url", run.url, "--json", *words]
    environment = os.environ | {"ORDERFLOW_HOME": str(run.home)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    document: dict[str, Any] = orjson.loads(done.stdout)
    return document


@pytest.mark.parametrize(
    "load",
    [
        ("--concurrency", "10"),
        ("--concurrency", "10", "--orders-per-socket", "7"),
        ("--concurrency", "10", "--no-sockets", "--in-flight", "20"),
        ("--rate", "50"),
        ("--rate", "50", "--no-sockets"),
    ],
    ids=" ".join,
)
def test_every_order_of_a_load_is_accounted_for(load: tuple[str, ...], shared_run: OwnSystem) -> None:
    result = bench(shared_run, "--orders", "40", "--warm-up", "0", *load)

    assert result["clean"]
    assert result["confirmed"] + result["failed"] == result["accepted"] == result["ledger_orders"] == 40
    assert result["beyond_simulated_ms"]["count"] == result["confirmed"]
    assert result["beyond_simulated_ms"]["p50"] < result["post_to_confirmed_ms"]["p50"]
    assert 0 < result["most_in_flight"] <= 40
    assert result["pace"]["verdict"]


def test_a_system_is_warmed_up_for_as_long_as_it_is_said_and_measured_as_often(shared_run: OwnSystem) -> None:
    result = bench(shared_run, "--seconds", "1", "--warm-up", "2", "--repeat", "2", "--unloaded", "2")

    assert len(result["runs"]) == 2
    assert all(run["unloaded_ms"]["count"] == 2 for run in result["runs"])
    assert all(run["warm_up"].startswith("warm-up: ") for run in result["runs"])
    assert any(figure["label"] == "end-to-end orders per second" for figure in result["figures"])
