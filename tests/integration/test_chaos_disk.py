"""tests/harness/chaos/nemesis/disk.py: a disk for Postgres alone, which can be full."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.servers.postgres_server import start_postgres
from orderflow.adapters.postgres import connect
from tests.harness.chaos.nemesis import disk
from tests.harness.chaos.nemesis.disk import DiskError, SmallDisk


@pytest.fixture
def home() -> Iterator[Path]:
    """Lend a home with a path short enough for sockets."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        yield Path(directory)


def test_postgres_runs_on_a_disk_that_is_full_until_it_is_emptied(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(disk, "SIZE", "100m")
    small = SmallDisk(home)
    try:
        small.mount()
    except DiskError as error:
        pytest.skip(f"{error}; chaos says so too and goes on without")
    try:
        postgres = start_postgres(home, None)
        small.fill()
        full = os.statvfs(home / "postgres")
        small.empty()
        emptied = os.statvfs(home / "postgres")
        connection = connect(postgres.url)
        answer = connection.run("SELECT 1")
        connection.close()
        postgres.stop()
    finally:
        small.unmount()

    assert full.f_bfree == 0
    assert emptied.f_bfree > 0
    assert answer == [[1]]
    assert list((home / "postgres").iterdir()) == []


def test_where_nothing_can_be_mounted_that_is_said_and_nothing_is_left(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "")
    small = SmallDisk(home)

    with pytest.raises(DiskError, match="can't mount"):
        small.mount()

    assert list(home.iterdir()) == []
    small.unmount()
