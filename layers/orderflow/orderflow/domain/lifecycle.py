"""The life of an order as one table: which status may follow which, and at which stages an order waits meanwhile."""

from dataclasses import dataclass
from functools import cached_property

from orderflow.domain.status import Status
from orderflow.errors import IllegalTransitionError, UnknownStatusError


@dataclass(frozen=True)
class Row:
    """What becomes of an order of one status; an end has nothing here.

    `streams` are those of the stages that get the order, one after the other: each passes it on as it is, but for the
    last, which gives it the status `then`. When it is `at_venue`, the venue has it before the first of them.
    """

    streams: tuple[str, ...] = ()
    then: Status | None = None
    at_venue: bool = False

    @cached_property
    def followers(self) -> frozenset[Status]:
        """The statuses that may follow. Any stage may find that the order can never succeed."""
        return frozenset({self.then, Status.FAILED}) if self.then else frozenset()


LIFECYCLE: dict[Status, Row] = {
    Status.PENDING: Row(("route",), Status.ROUTING),
    Status.ROUTING: Row(("build",), Status.BUILDING),
    Status.BUILDING: Row(("submit",), Status.SUBMITTED),
    Status.SUBMITTED: Row(("confirm",), Status.CONFIRMED, at_venue=True),
    Status.CONFIRMED: Row(),
    Status.FAILED: Row(),
}

BEFORE: dict[Status, Row] = {}
"""Those rows of the release before that this one has changed or removed, as they were.

Its orders are under way when this one is deployed, so this one takes them on from where they are. The release after
this one begins with none.
"""

TERMINAL = frozenset(status for status, row in LIFECYCLE.items() if not row.followers)

COURSE = tuple(status for status in LIFECYCLE if status is not Status.FAILED)
"""The statuses of an order that is executed, from its first to its end."""

STREAMS = tuple(
    dict.fromkeys(stream for rows in (LIFECYCLE, BEFORE) for row in rows.values() for stream in row.streams)
)
"""The streams of all stages, in the order in which an order passes through them."""

RESULT_STREAM = next(row.streams[0] for row in LIFECYCLE.values() if row.at_venue)
"""The stream on which an order goes on when the venue has its result."""


def is_known(status: Status) -> bool:
    """Return whether this release, or the one before, knows a status; any other was written by newer code."""
    return status in LIFECYCLE or status in BEFORE


def followers(status: Status) -> frozenset[Status]:
    """Return the statuses that may follow one, for orders of this release and of the one before."""
    return frozenset(follower for row in _rows(status) for follower in row.followers)


def check_transition(current: Status, following: Status) -> None:
    """Raise IllegalTransitionError ("submitted -> routing") unless `following` may follow `current`.

    Raises UnknownStatusError when `current` is of newer code, which knows what may follow it.
    """
    if any(following in row.followers for row in _rows(current)):
        return
    if not is_known(current):
        raise UnknownStatusError(f"the status {current} is of newer code")
    raise IllegalTransitionError(f"{current} -> {following}")


def first_stream(status: Status) -> str | None:
    """Return the stream on which an order is put when it gets `status`; None at an end, or when the venue has it."""
    row = _rows(status)[0]
    return None if row.at_venue or not row.streams else row.streams[0]


def stream_after(stream: str, status: Status) -> str:
    """Return the stream to which the stage at `stream` passes on an order that keeps its `status`.

    Raises IllegalTransitionError when that stage has to give it another one.
    """
    for row in _rows(status):
        if stream in row.streams[:-1]:
            return row.streams[row.streams.index(stream) + 1]
    raise IllegalTransitionError(f"no stage follows {stream} while an order is {status}")


def may_be_at_venue(status: Status, stream: str) -> bool:
    """Return whether an order of `status` may be at the venue when its message at `stream` is given up.

    That is so from the stage on that submits orders, for it records the status before it sends. A message of an earlier
    stage is a late copy, behind one that has taken the order on.
    """
    rows = _rows(status)
    if not any(row.at_venue for row in rows):
        return False
    waits = {stream for row in rows for stream in row.streams}
    return stream not in STREAMS or stream in waits or stream in _given_at(status)


def _given_at(status: Status) -> set[str]:
    """Return the streams whose stages give an order this status."""
    rows = (*LIFECYCLE.values(), *BEFORE.values())
    return {row.streams[-1] for row in rows if row.then is status}


def _rows(status: Status) -> list[Row]:
    """Return a status' row, then the one of the release before."""
    return [rows[status] for rows in (LIFECYCLE, BEFORE) if status in rows]
