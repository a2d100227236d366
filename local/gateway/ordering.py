"""Keeps the events of an order in their order on each connection, from any publisher, however often (decision 0025)."""

from collections import OrderedDict
from enum import Enum
from weakref import WeakKeyDictionary

from local.gateway.connections import Connection
from orderflow.adapters.sockets import Message

MOST_ORDERS = 20_000
"""How many orders of a connection are remembered, the latest that it asked for."""

_Place = tuple[int, int]


class Verdict(Enum):
    """What to do with a message."""

    PASS = "pass"
    DROP = "drop"
    """The connection has had it, or has asked for the order anew since."""
    EARLY = "early"
    """One before it is still missing."""


class Ordering:
    """What each connection has had of each order: under which subscription, and up to which sequence.

    A batch may come again because its answer was lost, and two publishers may be at work on a partition for a while,
    each with a part of an order's events.
    """

    def __init__(self) -> None:
        self._had: WeakKeyDictionary[Connection, OrderedDict[str, tuple[_Place, int]]] = WeakKeyDictionary()

    def judge(self, connection: Connection, message: Message) -> Verdict:
        """Return what to do with a message, and take it for sent when it may pass."""
        if not message.subscription:
            return Verdict.PASS
        orders = self._had.setdefault(connection, OrderedDict())
        subscription = _place(message.subscription)
        known, last = orders.get(message.order_id, (subscription, 0))
        if subscription > known:
            last = 0
        if subscription < known or message.sequence <= last:
            return Verdict.DROP
        if message.sequence > last + 1:
            return Verdict.EARLY
        orders[message.order_id] = subscription, message.sequence
        if len(orders) > MOST_ORDERS:
            orders.popitem(last=False)
        return Verdict.PASS


def _place(entry_id: str) -> _Place:
    milliseconds, _, number = entry_id.partition("-")
    return int(milliseconds), int(number)
