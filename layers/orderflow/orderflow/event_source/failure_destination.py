"""Gives records up after their last attempt: the order that waits in one ends, the record becomes a dead letter."""

from collections.abc import Sequence
from typing import Protocol

from orderflow.adapters.streams import Entry, Streams
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import count

logger = get_logger("event_source")


class EndedOrder(Protocol):
    """What the event source logs of an order that was ended."""

    @property
    def order_id(self) -> str: ...

    @property
    def status(self) -> str: ...


class EndOrder(Protocol):
    """Ends the order that waits in an entry of a stream, on which the function has failed for good."""

    def __call__(self, function: str, stream: str, entry: Entry, error: str) -> EndedOrder | None:
        """Return the order as it ended, or None when there was none to end.

        Raises RetryableError or redis' errors when it can't be ended now; it is called again then for the same entry.
        """


class FailureDestination:
    """The failure destination of every mapping."""

    def __init__(self, end_order: EndOrder) -> None:
        self._end_order = end_order

    def dead_letter(self, streams: Streams, mapping: EventSourceMapping, failed: Sequence[tuple[Entry, str]]) -> None:
        """End the orders that wait in these entries, then move the entries to the dead-letter stream.

        The order ends first, so that after a crash in between the entry is still there and does both again.
        """
        for entry, error in failed:
            ended = self._end_order(mapping.function, mapping.stream, entry, error)
            streams.dead_letter(mapping.stream, mapping.function, entry, error)
            count(mapping.function, {"given_up": 1})
            logger.error(
                "dead letter",
                extra={
                    "function": mapping.function,
                    "partition": streams.partition,
                    "message_id": entry.id,
                    "attempts": entry.attempt,
                    "order_id": ended.order_id if ended else None,
                    "status_to": str(ended.status) if ended else None,
                    "error": error,
                },
            )
