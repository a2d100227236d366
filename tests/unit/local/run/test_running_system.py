"""The running system is found by the state in its home, or is one of which only the URL is known."""

import os
from pathlib import Path

import orjson
import pytest

from local.run.running_system import System, find

URL = "http://127.0.0.1:4000"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    write_state(tmp_path, os.getpid())
    return tmp_path


def write_state(home: Path, pid: int) -> None:
    state = {
        "url": URL,
        "pid": pid,
        "processes": {"gateway": 7},
        "database_url": "postgresql://x",
        "redis_url": "unix:///x",
        "speed": 0,
        "partitions": 2,
    }
    (home / "state.json").write_bytes(orjson.dumps(state))


def test_the_system_that_runs_in_the_home_is_found(home: Path) -> None:
    assert find(home=home) == System(URL, {"gateway": 7}, "postgresql://x", 0, "unix:///x", 2)


def test_a_base_url_of_that_system_gets_its_processes_too(home: Path) -> None:
    found = find(URL, home)

    assert found is not None
    assert found.processes == {"gateway": 7}


def test_another_base_url_is_a_system_of_which_nothing_else_is_known(home: Path) -> None:
    assert find("https://elsewhere.example", home) == System("https://elsewhere.example")


def test_nothing_is_found_where_nothing_runs(tmp_path: Path) -> None:
    assert find(home=tmp_path) is None


def test_the_state_of_a_killed_system_is_not_a_running_system(tmp_path: Path) -> None:
    write_state(tmp_path, 2**22 + 1)

    assert find(home=tmp_path) is None


def test_a_state_that_is_not_whole_is_no_system(tmp_path: Path) -> None:
    (tmp_path / "state.json").write_text('{"url":')

    assert find(home=tmp_path) is None
