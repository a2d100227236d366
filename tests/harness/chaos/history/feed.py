"""What a client that follows all orders of its account has received on the channel `orders`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from local.client.status_socket import TERMINAL_STATUSES


class FeedEvent(NamedTuple):
    """A status of an order, by the sequence of the order."""

    order_id: str
    sequence: int
    status: str


@dataclass(slots=True)
class Feed:
    """The events of an account as they came, over all connections; `problems` are whatever was wrong with a frame.

    `last` is the sequence of the latest event, or that from which on the client was subscribed; None before.
    """

    account: str
    last: int | None = None
    events: list[FeedEvent] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    reconnections: int = -1
    ended: set[str] = field(default_factory=set)

    def note(self, frame: Mapping[str, Any]) -> None:
        """Note a frame of the channel, or one that has no place on this socket."""
        if frame.get("channel") != "orders":
            self.problems.append(f"received {dict(frame)}")
        elif "event" in frame:
            self._note_event(frame["sequence"], frame["event"])
        elif "error" in frame:
            self.problems.append(f"after {self.last}: {frame['error']}")
        elif self.last is None:
            self.last = frame["sequence"]

    def _note_event(self, sequence: int, event: Mapping[str, Any]) -> None:
        if self.last is None or sequence != self.last + 1:
            self.problems.append(f"received {sequence} after {self.last}")
        self.last = sequence
        self.events.append(FeedEvent(event["order_id"], event["sequence"], event["status"]))
        if event["status"] in TERMINAL_STATUSES:
            self.ended.add(event["order_id"])


@dataclass(frozen=True, slots=True)
class AccountViews:
    """What clients saw with the keys of their accounts.

    `tries` is how often they tried to see or change an order of another account, `trespasses` what came of it that must
    not; `lists` are the ids that each account's list of orders had in the end.
    """

    feeds: Sequence[Feed] = ()
    tries: int = 0
    trespasses: Sequence[str] = ()
    lists: Mapping[str, Sequence[str]] = field(default_factory=dict)
