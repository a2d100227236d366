"""Gives records up after their last attempt: the order fails with a reason, the record goes to the dead letters."""

from collections.abc import Sequence

import msgspec

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import DeadLetter, Entry, Streams
from orderflow.domain.execution import apply_execution
from orderflow.domain.lifecycle import TERMINAL, is_known, may_be_at_venue
from orderflow.domain.order import Order
from orderflow.domain.venue import Venue
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.clock import now_ms
from orderflow.runtime.logging import get_logger

logger = get_logger("event_source")


class DeadLetters:
    """The failure destination of every mapping."""

    def __init__(self, orders: Orders, venue: Venue) -> None:
        self._orders = orders
        self._venue = venue

    def dead_letter(self, streams: Streams, mapping: EventSourceMapping, failed: Sequence[tuple[Entry, str]]) -> None:
        """End the orders that wait in these entries, then move the entries to the dead-letter stream.

        In that sequence, so that a crash in between is made good when the entry is taken up again. An order that has
        gone on meanwhile is left alone. One whose transaction may be out ends as the chain has it.
        """
        for entry, error in failed:
            ended = self._end_order(mapping, entry, error)
            streams.dead_letter(
                mapping.stream, mapping.function, [DeadLetter(entry, mapping.function, mapping.stream, error)]
            )
            logger.error(
                "dead letter",
                extra={
                    "function": mapping.function,
                    "partition": streams.partition,
                    "message_id": entry.id,
                    "attempts": entry.attempt,
                    "order_id": ended.order_id if ended else None,
                    "status_to": ended.status.value if ended else None,
                    "error": error,
                },
            )

    def _end_order(self, mapping: EventSourceMapping, entry: Entry, error: str) -> Order | None:
        """Return the order as it was ended, or None when there was nothing to end."""
        if mapping.stream == "status" or "order" not in entry.fields:
            return None  # the order has made its step already; only its telling or recording is given up
        try:
            waiting = order_decoder.decode(entry.fields["order"])
        except msgspec.DecodeError:
            return None
        found = self._orders.find(waiting.order_id)
        if found is None:
            self._forget(waiting)
            return None
        order, _ = found
        if not is_known(order.status):
            return None  # newer code has taken it on
        reason = f"Gave up in {mapping.function} after {entry.attempt} attempts: {error}"
        if may_be_at_venue(order.status, mapping.stream):
            # Its signature is on record, so it may have been sent, and executed: only the chain can tell.
            result = self._venue.abandon(order.signature, reason)
            ended = apply_execution(order, result, now_ms())
        elif order.sequence == waiting.sequence and order.status not in TERMINAL:
            ended = order.fail(reason, now_ms())
        else:
            if order.status in TERMINAL:
                self._forget(order)
            return None
        if self._orders.apply([Transition(ended)])[0]:
            self._forget(ended)
            return ended
        # It went on between the look and the step; look again. An order has few steps, so this comes to an end.
        return self._end_order(mapping, entry, error)

    def _forget(self, ended: Order) -> None:
        """Let the chain forget an ended order's result: the record that would have done so is given up."""
        self._venue.forget([ended])
