"""An order's statuses."""

import re
from enum import StrEnum

_WORD = re.compile(r"[a-z_]{1,32}")


class Status(StrEnum):
    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"
    OPEN = "open"
    TRIGGERED = "triggered"
    PARTIALLY_FILLED = "partially_filled"
    CANCELLED = "cancelled"
    EXPIRED = "expired"

    @classmethod
    def _missing_(cls, value: object) -> "Status | None":
        """Return a status that only newer or older code knows: to be read and shown, no step leads from it or to it."""
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = value.upper(), value
        return unknown
