"""An order's statuses and the one table of which may follow which."""

import re
from enum import StrEnum

from orderflow.errors import IllegalTransitionError, UnknownStatusError

_WORD = re.compile(r"[a-z_]{1,32}")


class Status(StrEnum):
    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"

    @classmethod
    def _missing_(cls, value: object) -> "Status | None":
        """Return a status that only newer or older code knows: to be read and shown, no step leads from it or to it."""
        if not isinstance(value, str) or not _WORD.fullmatch(value):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_, unknown._value_ = value.upper(), value
        return unknown


# Any stage may find that the order can never succeed, so `failed` follows every status that is not an end.
FOLLOWERS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.ROUTING, Status.FAILED}),
    Status.ROUTING: frozenset({Status.BUILDING, Status.FAILED}),
    Status.BUILDING: frozenset({Status.SUBMITTED, Status.FAILED}),
    Status.SUBMITTED: frozenset({Status.CONFIRMED, Status.FAILED}),
    Status.CONFIRMED: frozenset(),
    Status.FAILED: frozenset(),
}

# What the release before let follow. Its orders are under way when this one is deployed, so this one takes them on as
# they are; the release after this one has this one's table here.
FOLLOWERS_BEFORE: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.ROUTING, Status.FAILED}),
    Status.ROUTING: frozenset({Status.BUILDING, Status.FAILED}),
    Status.BUILDING: frozenset({Status.SUBMITTED, Status.FAILED}),
    Status.SUBMITTED: frozenset({Status.CONFIRMED, Status.FAILED}),
    Status.CONFIRMED: frozenset(),
    Status.FAILED: frozenset(),
}

TERMINAL = frozenset(status for status, followers in FOLLOWERS.items() if not followers)


def is_known(status: Status) -> bool:
    """Tell whether this release, or the one before, knows a status; what else is read was written by newer code."""
    return status in FOLLOWERS or status in FOLLOWERS_BEFORE


def check_transition(current: Status, following: Status) -> None:
    """Raise IllegalTransitionError ("submitted -> routing") unless `following` may follow `current`.

    Raises UnknownStatusError when `current` is of newer code, which knows what may follow it.
    """
    if following in FOLLOWERS.get(current, ()) or following in FOLLOWERS_BEFORE.get(current, ()):
        return
    if not is_known(current):
        raise UnknownStatusError(f"the status {current} is of newer code")
    raise IllegalTransitionError(f"{current} -> {following}")
