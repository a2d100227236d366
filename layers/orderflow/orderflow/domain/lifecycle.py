"""The life of an order as one table: which status may follow which, and at which stages an order waits meanwhile."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from orderflow.domain.status import Status
from orderflow.errors import IllegalTransitionError, UnknownStatusError


@dataclass(frozen=True)
class Row:
    """What becomes of an order of one status; an end has nothing here.

    `streams` are those of the stages that get the order, one after the other: each passes it on as it is, but for the
    last, which gives it the status `then`. When it is `at_venue`, the venue has it before the first of them. `others`
    are further statuses that may follow; `waiting` is the stream of an order that waits, where that is another one, and
    `sniping` of one that waited for a launch: its stage takes several steps at once.
    """

    streams: tuple[str, ...] = ()
    then: Status | None = None
    at_venue: bool = False
    others: frozenset[Status] = frozenset()
    waiting: str | None = None
    sniping: str | None = None

    @cached_property
    def followers(self) -> frozenset[Status]:
        """The statuses that may follow. Any stage may find that the order can never succeed."""
        return frozenset({self.then, Status.FAILED, *self.others}) if self.then else frozenset()


_TAKEN_BACK = frozenset({Status.CANCELLED, Status.EXPIRED})
_BACK = frozenset({Status.OPEN, Status.TRIGGERED, *_TAKEN_BACK})
_AT_REST = frozenset({Status.OPEN, Status.PARTIALLY_FILLED, Status.CONFIRMED, *_TAKEN_BACK})

LIFECYCLE: dict[Status, Row] = {
    Status.PENDING: Row(("route",), Status.ROUTING, others=frozenset({Status.OPEN, *_TAKEN_BACK}), waiting="open"),
    Status.OPEN: Row(("open",), Status.TRIGGERED, others=_AT_REST),
    Status.PARTIALLY_FILLED: Row(("open",), Status.TRIGGERED, others=_AT_REST),
    Status.TRIGGERED: Row(("route",), Status.ROUTING, others=_BACK, sniping="snipe"),
    Status.ROUTING: Row(("build",), Status.BUILDING, others=_BACK),
    Status.BUILDING: Row(("submit",), Status.SUBMITTED, others=_BACK),
    Status.SUBMITTED: Row(
        ("confirm",), Status.CONFIRMED, at_venue=True, others=_BACK | frozenset({Status.PARTIALLY_FILLED})
    ),
    Status.CONFIRMED: Row(),
    Status.FAILED: Row(),
    Status.CANCELLED: Row(),
    Status.EXPIRED: Row(),
}
"""Orders that rest (`open`, `partially_filled`) come to the stage `open` once after each step, and then stay where they
rest until a price, their time or their client takes them on."""

BEFORE: dict[Status, Row] = {}
"""Those rows of the release before that allowed what this one no longer does, as they were.

Its orders are under way when this one is deployed, so this one takes them on from where they are. The release after
this one begins with none.
"""

TERMINAL = frozenset(status for status, row in LIFECYCLE.items() if not row.followers)

RESTING = frozenset({Status.OPEN, Status.PARTIALLY_FILLED})
"""The statuses of orders that rest."""


def _course() -> Iterator[Status]:
    status: Status | None = Status.PENDING
    while status is not None:
        yield status
        status = LIFECYCLE[status].then


COURSE = tuple(_course())
"""The statuses of a market order that is executed, from its first to its end."""

SLICE_ENDED = "settle"
"""The stream on which a slice goes on when it has ended: its parent is notified."""
EXPIRED_STREAM = "expire"
"""The stream on which an order comes when it has expired, whatever its status."""

SNIPING = tuple(row.sniping for row in LIFECYCLE.values() if row.sniping)
"""The streams of orders that a launch has fired: their stages route, build and submit them at once."""

STREAMS = tuple(
    dict.fromkeys(
        [*(stream for rows in (LIFECYCLE, BEFORE) for row in rows.values() for stream in row.streams), *SNIPING]
    )
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


def first_stream(status: Status, *, waits: bool = False, snipes: bool = False) -> str | None:
    """Return the stream on which an order is put when it gets `status`; None at an end, or when the venue has it.

    `waits` says whether it is an order that waits, `snipes` whether it waits for a launch.
    """
    row = _rows(status)[0]
    if snipes and row.sniping:
        return row.sniping
    if waits and row.waiting:
        return row.waiting
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
    own = {*STREAMS, SLICE_ENDED, EXPIRED_STREAM}
    return stream not in own or stream in waits or stream in _given_at(status)


def _given_at(status: Status) -> set[str]:
    """Return the streams whose stages give an order this status."""
    rows = (*LIFECYCLE.values(), *BEFORE.values())
    at_once = SNIPING if status is Status.SUBMITTED else ()
    return {*at_once, *(row.streams[-1] for row in rows if row.then is status)}


def _rows(status: Status) -> list[Row]:
    """Return a status' row, then the one of the release before."""
    return [rows[status] for rows in (LIFECYCLE, BEFORE) if status in rows]
