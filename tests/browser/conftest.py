"""The desk in a real browser: a system for each file of tests, a page for each test, whose every error is a failure."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.harness.own_system import OwnSystem
from tests.support.chromium import NoBrowserError, chromium, find_chromium
from tests.support.desk import PATIENCE_MS, Desk, Shape
from tests.support.desk_orders import keys_of, with_key

expect.set_options(timeout=PATIENCE_MS)


@pytest.fixture(scope="module", autouse=True)
def _browser_is_here() -> None:
    """Leave the tests out where there is no browser, or fail them where there has to be one."""
    try:
        find_chromium()
    except NoBrowserError as error:
        end = pytest.fail if os.environ.get("ORDERFLOW_BROWSER") == "1" else pytest.skip
        end(str(error))


@pytest.fixture(scope="module")
def browser(_browser_is_here: None) -> Iterator[Browser]:
    """Lend a browser. It ends with the file, since asyncio runs nothing else in its thread while it is there."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    """Return the settings of the system behind the page; a file with another fixture of this name has its own."""
    return {"SPEED": "0.1"}


@pytest.fixture(scope="module")
def running(desk_settings: dict[str, str], browser: Browser) -> Iterator[OwnSystem]:
    """Lend the system behind the page, which all tests of a file share."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        system = OwnSystem(Path(directory), desk_settings, own_servers=True)
        system.start()
        yield system
        assert system.stop() != -signal.SIGKILL


@pytest.fixture
def shape() -> Shape:
    """Return how the page is looked at; a test with `@pytest.mark.parametrize("shape", …)` has its own."""
    return Shape()


@pytest.fixture
def desk(browser: Browser, running: OwnSystem, shape: Shape) -> Iterator[Desk]:
    """Lend the desk, not open yet; whatever goes wrong in its page, and is not expected, is a failure."""
    desk = Desk(browser, running, shape)
    yield desk
    assert desk.close() == []


@pytest.fixture(scope="module")
def key_of(running: OwnSystem) -> Callable[[str], str]:
    """Return a function that returns the key of an account of the system, the same each time."""
    return keys_of(running)


@pytest.fixture
def mine(desk: Desk, key_of: Callable[[str], str]) -> Desk:
    """Lend the desk with the key of an account that the tests share."""
    return with_key(desk, key_of("mine"))
