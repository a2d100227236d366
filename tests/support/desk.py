"""The desk in a browser, as tests of all its views handle it: a page and the system behind it."""

import os
import signal
from importlib.resources import files
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from playwright.sync_api import Browser, BrowserContext, Page, Response

from tests.harness.own_system import OwnSystem
from tests.support.page_guard import PageGuard

VIEWS = ("trade", "orders", "market", "engine")
WIDE = {"width": 1280, "height": 800}
PHONE = {"width": 360, "height": 740}
SERIOUS = ("serious", "critical")
PATIENCE_MS = 20_000.0
"""How long an action or an expectation waits: machines are busy."""


class Shape(NamedTuple):
    """How a page is looked at."""

    viewport: dict[str, int] = WIDE
    scheme: Any = "light"


class Desk:
    """The desk of a system, open in a page of its own; `guard` has what goes wrong in it."""

    def __init__(self, browser: Browser, system: OwnSystem, shape: Shape) -> None:
        self.system = system
        self.url = system.url
        self.context: BrowserContext = browser.new_context(
            viewport=shape.viewport,  # type: ignore[arg-type]  # a TypedDict of these two
            color_scheme=shape.scheme,
            reduced_motion="reduce",
            locale="en-GB",
            timezone_id="UTC",
        )
        self.context.set_default_timeout(PATIENCE_MS)
        self.page: Page = self.context.new_page()
        self.guard = PageGuard(self.page, urlsplit(self.url).netloc)
        self.key = ""

    def open(self, address: str = "trade") -> Page:
        """Load the page at an address, such as `orders/<id>`, and return it when its view is there."""
        answer = self.load(address)
        assert answer is None or answer.ok
        self.page.locator("#view > *").first.wait_for()
        return self.page

    def load(self, address: str = "trade") -> Response | None:
        """Load the page at an address; return the answer, None where only the part behind its # has changed."""
        return self.page.goto(f"{self.url}/#{address}")

    def use_key(self, key: str) -> None:
        """Have the page, which is open, and `place` use an API key."""
        self.key = key
        self.page.get_by_label("API key").fill(key)
        self.page.get_by_role("button", name="Use").click()

    def place(self, order_type: str = "market", **fields: Any) -> str:
        """Place an order past the page, and return its id; by default it sells 1 SOL for USDC.

        A field that is None is left out.
        """
        given = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "order_type": order_type, **fields}
        order = {name: value for name, value in given.items() if value is not None}
        answer = self.ask("POST", "/api/orders/execute", order)
        return str(answer["order_id"])

    def ask(self, method: str, path: str, document: Any = None) -> dict[str, Any]:
        """Return the document that the API answers a request past the page with, which has to succeed."""
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        answer = self.context.request.fetch(f"{self.url}{path}", method=method, data=document, headers=headers)
        assert answer.ok, answer.text()
        return dict(answer.json())

    def end_gateway(self) -> None:
        """Kill the gateway, which the runner starts again: every socket is lost."""
        os.kill(self.system.pid("gateway"), signal.SIGKILL)

    def overflow(self) -> int:
        """Return by how many pixels the page is wider than the window."""
        # The body is as wide as the window without the room for a scroll bar.
        return int(self.page.evaluate("document.documentElement.scrollWidth - document.body.offsetWidth"))

    def findings(self) -> list[str]:
        """Return what axe finds wrong for people with disabilities, serious and critical, as texts."""
        if not self.page.evaluate("'axe' in window"):
            self.page.evaluate((files("axe_playwright_python") / "axe.min.js").read_text(encoding="utf-8"))
        found = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{each['id']} ({each['impact']}): {each['help']}: {[node['target'] for node in each['nodes']][:5]}"
            for each in found["violations"]
            if each["impact"] in SERIOUS
        ]

    def close(self) -> list[str]:
        """Close the page and return what has gone wrong in it."""
        self.context.close()
        return self.guard.problems
