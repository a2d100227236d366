"""Writes the log records of the server's libraries as our lines: one a second at most for each place, counted."""

import asyncio
import logging

from orderflow.runtime.logging import get_logger
from orderflow.runtime.refusals import Refusals

LIBRARIES = ("uvicorn", "websockets", "asyncio")


class LibraryLogHandler(logging.Handler):
    """Counts the records of libraries: any client can cause any number of them."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._refusals = Refusals("gateway", "server")

    def emit(self, record: logging.LogRecord) -> None:
        """Write a line, or count it."""
        text = record.getMessage().strip()
        if record.exc_info and record.exc_info[1]:
            text = f"{text}: {type(record.exc_info[1]).__name__}: {record.exc_info[1]}"
        try:
            asyncio.get_running_loop()
        except RuntimeError:  # while it starts or ends
            get_logger("gateway").warning(text)
        else:
            # Counted by place, not by text: a client can cause any number of texts.
            self._refusals.note(f"{record.name}.{record.funcName}", text)


def handle_library_logs() -> None:
    """Give the loggers of this process' libraries that handler alone."""
    handler = LibraryLogHandler()
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
