"""Keeps the events of an order or a feed in order on each connection, from any publisher (decision 0025)."""

from collections import OrderedDict
from enum import Enum
from weakref import WeakKeyDictionary

from local.gateway.connections import Connection
from orderflow.adapters.sockets import Message

MAX_ORDERS = 20_000
"""How many orders and feeds are remembered for each connection: those that it was sent something of last."""

_EntryId = tuple[int, int]


class Verdict(Enum):
    """What to do with a message."""

    PASS = "pass"
    DROP = "drop"
    """The connection was sent it before, or it belongs to a subscription that a newer one has replaced."""
    OUT_OF_ORDER = "out of order"
    """One before it is still missing."""


class Ordering:
    """The events that each connection was sent of each order: of which subscription, and up to which sequence.

    A batch comes again when its answer was lost, and two publishers may work on a partition for a while, each with a
    part of an order's events.
    """

    def __init__(self) -> None:
        self._sent: WeakKeyDictionary[Connection, OrderedDict[str, tuple[_EntryId, int]]] = WeakKeyDictionary()

    def decide(self, connection: Connection, message: Message) -> Verdict:
        """Return what to do with a message, and count it as sent when it may pass."""
        if not message.subscription:
            return Verdict.PASS
        orders = self._sent.setdefault(connection, OrderedDict())
        subscription = _parsed(message.subscription)
        known, last = orders.get(message.order_id, (subscription, 0))
        if subscription > known:
            last = 0
        if subscription < known or message.sequence <= last:
            return Verdict.DROP
        if message.sequence > last + 1:
            return Verdict.OUT_OF_ORDER
        orders[message.order_id] = subscription, message.sequence
        orders.move_to_end(message.order_id)  # or a feed would be forgotten that goes on while orders come and go
        if len(orders) > MAX_ORDERS:
            orders.popitem(last=False)
        return Verdict.PASS


def _parsed(entry_id: str) -> _EntryId:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
