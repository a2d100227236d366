"""The table of answers against `make run AUTH=keys`, as everywhere else that it runs."""

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from local.settings import ROOT
from tests.harness.own_system import OwnSystem, own_system
from tests.support.access_table import TableOfAnswers, Way, make_keys, open_way


def keys_of(run: OwnSystem, *words: str) -> str:
    """Run `python -m local keys` on a running system and return what it prints."""
    command = [sys.executable, "-m", "local", "keys", *words]
    environment = os.environ | {"ORDERFLOW_HOME": str(run.home)}
    return subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def way() -> Iterator[Way]:
    """Lend a system that lets nobody in without a key."""
    with own_system({"SPEED": "0", "AUTH": "keys"}, own_servers=True) as run:
        run.start()
        yield open_way(run.url, make_keys(lambda *words: keys_of(run, *words)))


class TestAnswers(TableOfAnswers):
    pass
