"""An order's statuses and the one table of which may follow which."""

from enum import StrEnum

from orderflow.errors import IllegalTransitionError


class Status(StrEnum):
    PENDING = "pending"
    ROUTING = "routing"
    BUILDING = "building"
    SUBMITTED = "submitted"
    CONFIRMED = "confirmed"
    FAILED = "failed"


# Any stage may find that the order can never succeed, so `failed` follows every status that is not an end.
FOLLOWERS: dict[Status, frozenset[Status]] = {
    Status.PENDING: frozenset({Status.ROUTING, Status.FAILED}),
    Status.ROUTING: frozenset({Status.BUILDING, Status.FAILED}),
    Status.BUILDING: frozenset({Status.SUBMITTED, Status.FAILED}),
    Status.SUBMITTED: frozenset({Status.CONFIRMED, Status.FAILED}),
    Status.CONFIRMED: frozenset(),
    Status.FAILED: frozenset(),
}

TERMINAL = frozenset(status for status, followers in FOLLOWERS.items() if not followers)


def check_transition(current: Status, following: Status) -> None:
    """Raise IllegalTransitionError ("submitted -> routing") unless `following` may follow `current`."""
    if following not in FOLLOWERS[current]:
        raise IllegalTransitionError(f"{current} -> {following}")
