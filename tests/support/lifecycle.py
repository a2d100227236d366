"""The stages of an order, as the template and the table of an order's life have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from local.run.poller import handler_of
from local.template import read_template
from orderflow.domain.lifecycle import (
    COURSE,
    EXPIRED_STREAM,
    LIFECYCLE,
    RESULT_STREAM,
    SLICE_ENDED,
    SNIPING,
    first_stream,
    stream_after,
)
from orderflow.domain.status import Status
from orderflow.runtime.batch import BatchResponse, StreamEvent

TEMPLATE = read_template(Path(__file__).parents[2] / "template.yaml")
TRANSACTIONS, TICKS = "transactions", "ticks"
"""The streams of the mock market: what has landed, and the prices after each block."""

Handler = Callable[[StreamEvent, Any], BatchResponse]


class Stage(NamedTuple):
    """A stage: its function, the stream and the status that an order comes to it with, and what it goes on with."""

    function: str
    stream: str
    before: Status
    after: Status
    next_stream: str | None

    @property
    def passes_on(self) -> bool:
        """Whether an order goes on from here with the status that it came with."""
        return self.after is self.before

    @property
    def handler(self) -> Handler:
        """The function itself."""
        return handler_of(TEMPLATE.function(self.function))


_READER = {binding.stream: binding.function for binding in TEMPLATE.event_sources}


def _stages() -> list[Stage]:
    stages = []
    for status in COURSE:
        row = LIFECYCLE[status]
        if row.then is not None:
            *passing, giving = row.streams
            stages += [Stage(_READER[each], each, status, status, stream_after(each, status)) for each in passing]
            stages.append(Stage(_READER[giving], giving, status, row.then, first_stream(row.then)))
    return stages


STAGES = _stages()
"""The stages of a market order, in the order in which it passes through them."""

WAITING_STREAMS = (
    *dict.fromkeys(row.waiting for row in LIFECYCLE.values() if row.waiting),
    TICKS,
    *SNIPING,
    EXPIRED_STREAM,
    SLICE_ENDED,
)
WAITING = tuple(_READER[stream] for stream in WAITING_STREAMS)
"""The functions that only orders that wait come to, with the stream of each: while they rest, and when they end."""

_ON_THE_WAY = [stage.function for stage in STAGES]
_AT = [stage.stream for stage in STAGES].index(RESULT_STREAM)

LINE = (*_ON_THE_WAY[:_AT], _READER[TRANSACTIONS], *_ON_THE_WAY[_AT:])
"""The functions that a market order passes through, the venue's among them."""
