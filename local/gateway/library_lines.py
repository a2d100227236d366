"""Writes what the server's libraries log as lines of ours: for each place in them one a second at most, counted."""

import asyncio
import logging

from orderflow.runtime.logging import get_logger
from orderflow.runtime.refusals import Refusals

LIBRARIES = ("uvicorn", "websockets", "asyncio")


class LibraryLines(logging.Handler):
    """Takes the lines of libraries, which any client may cause as many of as it likes."""

    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self._lines = Refusals("gateway", "server")

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
            # Not by the text, of which a client may make many.
            self._lines.note(f"{record.name}.{record.funcName}", text)


def take_library_lines() -> None:
    """Have this process' libraries write their lines so."""
    handler = LibraryLines()
    for name in LIBRARIES:
        logger = logging.getLogger(name)
        logger.handlers = [handler]
        logger.propagate = False
