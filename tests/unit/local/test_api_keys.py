"""`python -m local keys` on the stores that are set, of the system that runs here, or of the servers alone."""

from pathlib import Path

import pytest

from local.api_keys import NoStoresError, Stores, stores_of
from local.run.running_system import System, write_state
from local.run.shared_secret import POSTGRES, REDIS, shared_secret
from local.settings import LocalSettings


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def settings(home: Path, **differ: object) -> LocalSettings:
    return LocalSettings(orderflow_home=str(home), redis_port=7001, postgres_port=7002, **differ)  # type: ignore[arg-type]  # a test's


def test_the_stores_that_are_set_go_first(home: Path) -> None:
    write_state(home, System("http://x", database_url="postgresql://found", redis_url="redis://found"))

    both = stores_of(settings(home, database_url="postgresql://set", redis_url="redis://set", redis_cluster=True))
    one = stores_of(settings(home, database_url="postgresql://set", redis_cluster=True))

    assert both == Stores("postgresql://set", "redis://set", redis_cluster=True)
    assert one == Stores("postgresql://set", "redis://found", redis_cluster=False)


def test_the_system_that_runs_goes_before_the_servers_alone(home: Path) -> None:
    for name in (REDIS, POSTGRES):
        shared_secret(home / "services" / name)
    alone = stores_of(settings(home))
    write_state(home, System("http://x", database_url="postgresql://found", redis_url="redis://found"))

    assert stores_of(settings(home)) == Stores("postgresql://found", "redis://found")
    assert alone.redis_url.endswith("@127.0.0.1:7001")
    assert alone.database_url.endswith("@127.0.0.1:7002/orderflow")


def test_where_nothing_runs_and_nothing_is_set_there_are_no_keys(home: Path) -> None:
    with pytest.raises(NoStoresError, match="make run"):
        stores_of(settings(home))

    assert [*home.iterdir()] == [], "to look must make nothing"
