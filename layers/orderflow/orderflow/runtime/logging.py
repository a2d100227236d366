"""Logging: one canonical line per unit of work, readable in a terminal or as JSON."""

import logging
import os
from datetime import datetime
from functools import cache
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.logging.formatter import BasePowertoolsFormatter

_STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


class TextFormatter(BasePowertoolsFormatter):
    """Writes `18:14:00.123 INFO    route_order    batch  orders=3 elapsed_ms=1.2`, then a traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        at = datetime.fromtimestamp(record.created).astimezone().strftime("%H:%M:%S")
        pairs = " ".join(
            f"{name}={value}" for name, value in vars(record).items() if name not in _STANDARD and value is not None
        )
        line = f"{at}.{int(record.msecs):03d} {record.levelname:<7} {record.name:<14} {record.getMessage()}  {pairs}"
        if record.exc_info:
            line = f"{line.rstrip()}\n{self.formatException(record.exc_info)}"
        return line.rstrip()

    def append_keys(self, **_additional_keys: Any) -> None:
        """Do nothing: our lines carry their keys themselves."""

    def clear_state(self) -> None:
        """Do nothing: there is no state."""


@cache
def get_logger(service: str) -> Logger:
    """Return the logger of a function or process.

    LOG_LEVEL sets what is written; LOG_FORMAT is `json` (the default on Lambda) or `text` (elsewhere).
    """
    default = "json" if "AWS_LAMBDA_FUNCTION_NAME" in os.environ else "text"
    level = os.environ.get("LOG_LEVEL") or "INFO"
    if (os.environ.get("LOG_FORMAT") or default) == "json":
        return Logger(service=service, level=level)
    return Logger(service=service, level=level, logger_formatter=TextFormatter())
