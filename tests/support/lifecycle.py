"""The stages of an order, as the template and the table of an order's life have them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from local.run.poller import handler_of
from local.template import read_template
from orderflow.domain.lifecycle import LIFECYCLE, RESULT_STREAM, STREAMS, first_stream, stream_after
from orderflow.domain.status import Status
from orderflow.event_source.mapping import ORDERS
from orderflow.runtime.batch import BatchResponse, StreamEvent

TEMPLATE = read_template(Path(__file__).parents[2] / "template.yaml")

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


def _stages() -> list[Stage]:
    reader = {binding.stream: binding.function for binding in TEMPLATE.event_sources}
    stages = []
    for status, row in LIFECYCLE.items():
        if row.then is not None:
            *passing, giving = row.streams
            stages += [Stage(reader[each], each, status, status, stream_after(each, status)) for each in passing]
            stages.append(Stage(reader[giving], giving, status, row.then, first_stream(row.then)))
    return stages


STAGES = _stages()
"""The stages in the order in which an order passes through them."""

(_VENUE,) = (binding.function for binding in TEMPLATE.event_sources if binding.scope != ORDERS)
_ON_THE_WAY = [stage.function for stage in STAGES]
_AT = STREAMS.index(RESULT_STREAM)

LINE = (*_ON_THE_WAY[:_AT], _VENUE, *_ON_THE_WAY[_AT:])
"""The functions that an order passes through, the venue's among them."""
