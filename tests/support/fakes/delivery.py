"""Who watches which order, and the connections that statuses are sent to; in memory."""

from collections.abc import Mapping, Sequence

from orderflow.adapters.codec import decode_event
from orderflow.adapters.feeds import FeedEntry, Feeds
from orderflow.adapters.sockets import Message, Sent, Sockets
from orderflow.adapters.watchers import FeedEvent, Processed, StatusEntry, Watchers
from orderflow.domain.order import Order, event_of
from tests.support.builders import encode
from tests.support.fakes.outage import Outage


class FakeSockets(Outage, Sockets):
    """Connections in memory: all are open but the `closed` ones."""

    opening_ms = 0

    def __init__(self) -> None:
        self.closed: set[str] = set()
        self.out_of_order: list[str] = []
        """The texts of messages that come out of order, once each."""
        self.sent: list[Message] = []
        self.looked_at: list[str] = []

    def is_open(self, connection_id: str) -> bool:
        self._reach()
        self.looked_at.append(connection_id)
        return connection_id not in self.closed

    def close(self, connection_id: str) -> None:
        self._reach()
        self.closed.add(connection_id)

    def count(self) -> int | None:
        self._reach()
        return 3

    def send(self, messages: Sequence[Message]) -> Sent:
        self._reach()
        out_of_order = [message for message in messages if message.text in self.out_of_order]
        self.out_of_order = []
        gone = [message for message in messages if message.connection_id in self.closed]
        self.sent += [message for message in messages if message not in out_of_order and message not in gone]
        return Sent(gone, out_of_order)


class FakeWatchers(Outage, Watchers):
    """Who watches which order, in memory; `orders` are those whose history a subscriber is sent."""

    def __init__(self) -> None:
        self.orders: dict[str, list[Order]] = {}
        self.watching: dict[str, dict[str, int]] = {}
        self.partitions: list[str] = []
        self.followed: set[str] = set()
        """The accounts to whose feeds somebody subscribes."""

    def process(self, partition: str, entries: Sequence[StatusEntry]) -> Processed:
        self._reach()
        if entries:
            self.partitions.append(partition)
        events = [entry for entry in entries if entry.action == "event"]
        followed = {
            account: [FeedEvent(entry.entry_id, entry.event) for entry in events if entry.account == account]
            for account in self.followed
        }
        return Processed([message for entry in entries for message in self._messages(entry)], followed)

    def everything(self, partition: str, out_of_order: Sequence[Message]) -> list[Message]:
        return [
            Message(message.connection_id, message.order_id, encode(event_of(order)))
            for message in out_of_order
            for order in self.orders[message.order_id]
        ]

    def _messages(self, entry: StatusEntry) -> list[Message]:
        watching = self.watching.setdefault(entry.order_id, {})
        if entry.action == "event":
            behind = [connection for connection, sent in watching.items() if entry.sequence > sent]
            event = encode(decode_event(entry.event))
            return [Message(connection, entry.order_id, event) for connection in behind]
        watching.pop(entry.connection_id, None)
        if entry.action == "unsubscribe":
            return []
        history = self.orders.get(entry.order_id, [])
        watching[entry.connection_id] = len(history)
        return [Message(entry.connection_id, entry.order_id, encode(event_of(order))) for order in history]


class FakeFeeds(Outage, Feeds):
    """Feeds in memory: notes what was appended, and who is to be forgotten; each entry about one is answered."""

    def __init__(self) -> None:
        self.appended: dict[str, list[FeedEvent]] = {}
        self.kept: list[Message] = []
        """What is kept for who is sent it all again."""
        self.forgotten: list[Message] = []
        self.ended: list[Message] = []

    def append(self, partition: str, followed: Mapping[str, Sequence[FeedEvent]]) -> None:
        self._reach()
        for account, events in followed.items():
            self.appended.setdefault(account, []).extend(events)

    def messages(self, partition: str, entries: Sequence[FeedEntry]) -> list[Message]:
        self._reach()
        return [Message(entry.connection_id, entry.feed, entry.action, 1, entry.entry_id) for entry in entries]

    def again(self, partition: str, out_of_order: Sequence[Message]) -> list[Message]:
        return self.kept

    def end(self, partition: str, lost: Sequence[Message]) -> list[Message]:
        self.ended += lost
        return [Message(message.connection_id, message.order_id, "lost") for message in lost]

    def forget(self, partition: str, gone: Sequence[Message]) -> None:
        self.forgotten += gone
