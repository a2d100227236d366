"""Watches a page: what its console says, its errors, breaches of its policy, and requests to another host."""

import re
from urllib.parse import urlsplit

from playwright.sync_api import ConsoleMessage, Page, Request, WebSocket

_BREACHES = """
addEventListener("securitypolicyviolation", (event) =>
    console.error(`policy: ${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}:${event.lineNumber}`));
"""
_OWN_SCHEMES = {"data", "blob", "about"}


class PageGuard:
    """What has gone wrong in a page since it was opened; `host` is the only one that it may reach."""

    def __init__(self, page: Page, host: str) -> None:
        self._host = host
        self._problems: list[str] = []
        self._expected: list[re.Pattern[str]] = []
        page.add_init_script(_BREACHES)
        page.on("console", self._console)
        page.on("pageerror", lambda error: self._problems.append(f"error: {error}"))
        page.on("request", self._request)
        page.on("websocket", self._socket)

    def expect(self, pattern: str) -> None:
        """Let what matches a pattern be, from now on and until now: a test makes it happen."""
        self._expected.append(re.compile(pattern))

    @property
    def problems(self) -> list[str]:
        """What went wrong and was not expected."""
        return [text for text in self._problems if not any(pattern.search(text) for pattern in self._expected)]

    def _console(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._problems.append(f"{message.type}: {message.text} ({message.location.get('url', '')})")

    def _request(self, request: Request) -> None:
        self._check(request.url)

    def _socket(self, socket: WebSocket) -> None:
        self._check(socket.url)

    def _check(self, url: str) -> None:
        address = urlsplit(url)
        if address.scheme not in _OWN_SCHEMES and address.netloc != self._host:
            self._problems.append(f"request to another host: {url}")
