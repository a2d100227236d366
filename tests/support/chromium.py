"""The browser that tests and commands drive: the distribution's Chromium, started by Playwright, which brings none."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, sync_playwright

from orderflow.errors import OrderflowError

SETTING = "ORDERFLOW_CHROMIUM"
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


class NoBrowserError(OrderflowError):
    """There is no Chromium here; the message says how to get one."""


def find_chromium() -> str:
    """Return the path of the Chromium to drive: what ORDERFLOW_CHROMIUM names, or the first that is installed.

    Raises NoBrowserError.
    """
    named = os.environ.get(SETTING)
    found = shutil.which(named) if named else next(filter(None, map(shutil.which, NAMES)), None)
    if found:
        return found
    tried = named or ", ".join(NAMES)
    raise NoBrowserError(f"no Chromium ({tried}): apt-get install chromium, or name one with {SETTING}")


@contextmanager
def chromium() -> Iterator[Browser]:
    """Lend a Chromium without a window. Raises NoBrowserError.

    While it lasts the thread has a running event loop, Playwright's own.
    """
    path = find_chromium()
    # Its sandbox does not start as root, and shared memory is small in containers.
    arguments = ["--disable-dev-shm-usage", *(["--no-sandbox"] if os.geteuid() == 0 else [])]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=arguments)
        try:
            yield browser
        finally:
            browser.close()
