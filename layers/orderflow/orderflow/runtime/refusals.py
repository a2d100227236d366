"""Logs refusals: for each reason one line and one metric a second at most, with the number of them."""

import asyncio
from collections import Counter

from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import count

LINE_EVERY_S = 1.0
MOST_DETAIL = 800
# A detail may quote a client, who must not be able to begin a line of its own.
_ESCAPES = {
    number: chr(number).encode("unicode_escape").decode()
    for number in (*range(32), *range(127, 160), 0x2028, 0x2029, *range(0xD800, 0xE000))
}


class Refusals:
    """The refusals of a function or process, by reason; with another `message`, any other event that may come often.

    Each message is a metric of its own (`runtime.metrics`).
    """

    def __init__(self, service: str, message: str = "refused", *, errors: bool = False) -> None:
        self._service = service
        self._message = message
        self._errors = errors
        self._not_logged: Counter[str] = Counter()
        self._details: dict[str, str] = {}
        self._next_line: dict[str, asyncio.TimerHandle] = {}

    def note(self, reason: str, detail: str) -> None:
        """Count a refusal; the first is logged at once, those of the second after it in one line at its end.

        Of the details the last is logged. Has to be called from a running event loop.
        """
        self._not_logged[reason] += 1
        self._details[reason] = detail
        loop = asyncio.get_running_loop()
        due = self._next_line.get(reason)
        # Overdue when its loop stands still or is no more: Lambda freezes a process between two invocations.
        if due is None or due.when() < loop.time() - LINE_EVERY_S:
            self._log(reason, loop)

    def _log(self, reason: str, loop: asyncio.AbstractEventLoop) -> None:
        if due := self._next_line.pop(reason, None):
            due.cancel()
        refused = self._not_logged.pop(reason, 0)
        if not refused:
            return
        self._next_line[reason] = loop.call_later(LINE_EVERY_S, self._log, reason, loop)
        detail = self._details[reason][:MOST_DETAIL].translate(_ESCAPES)
        extra = {"reason": reason, "detail": detail, "count": refused}
        logger = get_logger(self._service)
        (logger.error if self._errors else logger.warning)(self._message, extra=extra)
        count(self._service, {self._message: refused}, reason)
