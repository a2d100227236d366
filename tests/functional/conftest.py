"""Functions among fakes: what they would reach is in memory, and what they opened is closed after each test."""

import asyncio
from collections.abc import Iterator

import pytest
from websockets.sync.client import connect

from orderflow.runtime import clients
from tests.support.fakes.outside import Outside
from tests.support.management_api import ManagementApi, Watcher
from tests.support.raw_http import Recorder
from tests.support.served import Served, served

_OPENED = [opened for opened in vars(clients).values() if hasattr(opened, "cache_clear")]


@pytest.fixture(autouse=True)
def _fresh_clients() -> Iterator[None]:
    """Forget the clients that a test opened."""
    yield
    for opened in _OPENED:
        opened.cache_clear()


@pytest.fixture
def outside(monkeypatch: pytest.MonkeyPatch) -> Outside:
    """Put fakes in the place of everything outside a function."""
    outside = Outside()
    outside.take_place(monkeypatch)
    return outside


@pytest.fixture
def _event_loop() -> Iterator[None]:
    """Set an event loop: on Lambda's main thread there is one, on which Mangum runs its application."""
    loop = asyncio.new_event_loop()
    asyncio.set_event_loop(loop)
    yield
    loop.run_until_complete(loop.shutdown_default_executor())
    loop.close()
    asyncio.set_event_loop(None)


@pytest.fixture(scope="session")
def recorder() -> Recorder:
    """Return the application that `gateway` serves; `app` is the same one, to look into."""
    return Recorder()


@pytest.fixture(scope="session")
def gateway(recorder: Recorder) -> Iterator[Served]:
    """Lend a server that speaks as the local gateway does; some files have one of their own, with more of it."""
    with served(recorder) as gateway:
        yield gateway


@pytest.fixture
def app(recorder: Recorder) -> Recorder:
    """Return the application behind `gateway`, all requests forgotten."""
    recorder.requests.clear()
    recorder.scopes.clear()
    return recorder


@pytest.fixture(scope="session")
def management() -> Iterator[ManagementApi]:
    """Lend a running management API."""
    management = ManagementApi()
    yield management
    management.stop()


@pytest.fixture
def watchers(management: ManagementApi) -> Iterator[tuple[Watcher, Watcher]]:
    """Lend two clients of it."""
    management.left.clear()
    with connect(f"ws://{management.address}") as one, connect(f"ws://{management.address}") as other:
        yield Watcher(one), Watcher(other)
