"""Gives records up after their last attempt: the order fails with a reason, the record goes to the dead letters."""

from collections.abc import Sequence

import msgspec

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import DeadLetter, Entry, Streams
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger

logger = get_logger("event_source")


class DeadLetters:
    """The failure destination of every mapping."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders

    def bury(self, streams: Streams, mapping: EventSourceMapping, failed: Sequence[tuple[Entry, str]]) -> None:
        """Fail the orders that wait in these entries, then move the entries to the dead-letter stream.

        In that sequence, so that a crash in between is made good when the entry is taken up again. An order that has
        gone on meanwhile is left alone, as every step at the wrong sequence is.
        """
        for entry, error in failed:
            failed_now = self._fail_order(mapping, entry, error)
            streams.bury(mapping.stream, mapping.function, [DeadLetter(entry, mapping.function, mapping.stream, error)])
            logger.error(
                "dead letter",
                extra={
                    "function": mapping.function,
                    "partition": streams.partition,
                    "message_id": entry.id,
                    "attempts": entry.attempt,
                    "order_failed": failed_now,
                    "error": error,
                },
            )

    def _fail_order(self, mapping: EventSourceMapping, entry: Entry, error: str) -> bool:
        if mapping.stream == "status" or "order" not in entry.fields:
            return False  # the order has made its step already; only its telling or recording is given up
        try:
            order = order_decoder.decode(entry.fields["order"])
        except msgspec.DecodeError:
            return False
        reason = f"Gave up in {mapping.function} after {entry.attempt} attempts: {error}"
        return self._orders.apply([Transition(order.fail(reason, now_ms()))])[0]
