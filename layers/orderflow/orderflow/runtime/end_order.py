"""Ends the order whose record was given up: the record and its last error in, the order that has ended out."""

import msgspec

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import Entry
from orderflow.domain.lifecycle import EXPIRED_STREAM, SLICE_ENDED, SNIPING, TERMINAL, is_known, may_be_at_venue
from orderflow.domain.order import Order
from orderflow.domain.venue import Venue
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients
from orderflow.runtime.after_execution import step_after
from orderflow.runtime.clock import now_ms
from orderflow.runtime.expiring import expire
from orderflow.runtime.slices import settle

STEPS_AT_ONCE = 3
"""How many steps an order takes at once that a launch has fired: to `routing`, `building` and `submitted`."""


def end_order(function: str, stream: str, entry: Entry, error: str) -> Order | None:
    """Do as OrderEnder, with this process's orders and venue; raise RetryableError while its settings are wrong."""
    try:
        end = OrderEnder(clients.orders(), clients.venue())
    except ConfigurationError as e:
        raise RetryableError(f"no order can be ended: {e}") from e
    return end(function, stream, entry, error)


class OrderEnder:
    """Ends orders that no function takes on any more."""

    def __init__(self, orders: Orders, venue: Venue) -> None:
        self._orders = orders
        self._venue = venue

    def __call__(self, function: str, stream: str, entry: Entry, error: str) -> Order | None:
        """End the order that waits in an entry of `stream`; return it, or None when there was none to end.

        An order that has gone on meanwhile is left alone, and so is one with a slice under way, which may fill it.
        One whose transaction may have been sent ends as the venue says. Raises RetryableError when the venue does.
        """
        if stream == "status" or "order" not in entry.data:
            return None  # the order has taken this step already; only its publication or recording is given up
        try:
            waiting = order_decoder.decode(entry.data["order"])
        except msgspec.DecodeError:
            return None
        reason = f"Gave up in {function} after {entry.attempt} attempts: {error}"
        if stream == SLICE_ENDED:
            # The slice has ended, and is added here. Its order, which would wait for it for ever, goes on.
            return settle(self._orders, waiting, now_ms()) if waiting.slice is not None else None
        if stream == EXPIRED_STREAM:
            return expire(self._orders, waiting.order_id, now_ms())  # nothing else would, unless its price comes
        found = self._orders.find(waiting.order_id)
        if found is None:
            self._forget(waiting)
            return None
        order, _ = found
        if not is_known(order.status):
            return None  # newer code has taken it on
        # A late copy of an earlier attempt's message says nothing of the one that is under way.
        is_latest = order.sequence <= waiting.sequence + (STEPS_AT_ONCE if stream in SNIPING else 1)
        if may_be_at_venue(order.status, stream) and is_latest:
            # Its signature is on record, so its transaction may have been sent, and executed: only the venue knows.
            execution = self._venue.abandon(order.signature, reason)
            if execution.error is None:
                end = step_after(order, execution, now_ms(), self._orders.partitions)
            else:
                # What can't be handled is not tried again, whatever the order is.
                end = Transition(order.fail(execution.error, now_ms()))
        elif order.sequence == waiting.sequence and order.status not in TERMINAL and not order.has_slice_under_way:
            end = Transition(order.fail(reason, now_ms()))
        else:
            if order.status in TERMINAL:
                self._forget(order)
            return None
        if self._orders.apply([end])[0]:
            self._forget(end.order)
            return end.order
        # It took a step after it was read, so it is read again. An order has few steps, so this comes to an end.
        return self(function, stream, entry, error)

    def _forget(self, ended: Order) -> None:
        """Let the venue forget an ended order's result: the record that would have done so is given up."""
        self._venue.forget([ended])
