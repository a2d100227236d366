"""The outside systems in memory: each notes what it was asked, and fails with its `error` when it has one.

They are subclasses of what they stand for, so that the type checker holds them to its methods.
"""

from collections.abc import Callable, Iterable, Sequence

from orderflow.adapters.intake import Conflict, Intake, NewOrder
from orderflow.adapters.ledger import Fill, Ledger, OrderFilter, OrderRow, Step
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.redis_health import RedisHealth
from orderflow.adapters.replication import ReplicatedWrite, Replication
from orderflow.adapters.sockets import Message, Sent
from orderflow.adapters.subscriptions import Added, Outcome, Subscription, Subscriptions
from orderflow.adapters.watchers import StatusEntry, Watchers
from orderflow.domain.execution import Execution
from orderflow.domain.order import Order, OrderId, Signature, StatusEvent, event_of
from orderflow.domain.venue import Venue
from orderflow.errors import RetryableError
from orderflow.venues.mock.chain import Blocks, MarketState
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS, encode, market_state


class FakeOrders(Orders):
    """Takes a step only at the sequence before it, as the real one does; an order it has not seen is at that step."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.partitions = 1
        self.sequences: dict[str, int] = {}
        self.transitions: list[Transition] = []
        self.scheduled: list[tuple[str, Order, int]] = []
        self.gone: list[str] = []
        self.known: dict[str, tuple[Order, list[StatusEvent]]] = {}

    def apply(self, transitions: Sequence[Transition]) -> list[bool]:
        self._reach()
        taken = []
        for transition in transitions:
            order = transition.order
            fresh = self.sequences.get(order.order_id, order.sequence - 1) == order.sequence - 1
            if fresh:
                self.sequences[order.order_id] = order.sequence
                self.transitions.append(transition)
                self.known[order.order_id] = (order, [event_of(order)])
            taken.append(fresh)
        return taken

    def schedule(self, stream: str, messages: Sequence[tuple[Order, int]]) -> None:
        self._reach()
        self.scheduled += [(stream, order, delay_ms) for order, delay_ms in messages]

    def find(self, order_id: str) -> tuple[Order, list[StatusEvent]] | None:
        self._reach()
        return self.known.get(order_id)

    def expire_after_recording(self, order_ids: Sequence[str]) -> None:
        self._reach()
        self.gone += order_ids

    def _reach(self) -> None:
        if self.error:
            raise self.error


class FakeChain(ChainStore):
    """A chain in memory, on the opening market of seed 1."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.seed = 1
        self.latest: MarketState = market_state()
        self.reads = 0
        self.time_ms = NOW_MS
        self.executions: dict[str, Execution] = {}
        self.sent: list[tuple[Order, int]] = []
        self.unknown: set[str] = set()
        self.forgotten: list[tuple[str, int]] = []
        self.blocks: list[Blocks] = []
        self.rivals = 0
        """How many blocks of another producer come in before the next commit."""

    def state(self) -> tuple[int, MarketState]:
        self._reach()
        self.reads += 1
        return len(self.blocks), self.latest

    def now_ms(self) -> int:
        self._reach()
        return self.time_ms

    def send(self, sends: Sequence[tuple[Order, int]]) -> list[Order]:
        self._reach()
        self.sent += sends
        return [order for order, _ in sends if order.signature in self.executions]

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        self._reach()
        return [self.executions.get(signature) for signature in signatures]

    def arrived(self, orders: Sequence[Order]) -> tuple[list[Order], list[Order]]:
        self._reach()
        known = [order for order in orders if order.signature not in self.unknown]
        waiting = {order.signature: order for order in known if order.signature not in self.executions}
        return list(waiting.values()), [order for order in known if order.signature in self.executions]

    def abandon(self, signature: Signature, reason: str) -> Execution:
        self._reach()
        return self.executions.setdefault(signature, Execution(signature, 0, error=reason))

    def forget(self, ended: Sequence[tuple[Signature, int]]) -> None:
        self._reach()
        self.forgotten += ended

    def commit(self, block: int, blocks: Blocks) -> bool:
        self._reach()
        if self.rivals:
            self.rivals -= 1
            return False
        if block != len(self.blocks):
            return False
        self.blocks.append(blocks)
        self.latest = blocks.after
        self.executions |= {execution.signature: execution for execution in blocks.executions}
        return True

    def _reach(self) -> None:
        if self.error:
            raise self.error


class FakeLedger(Ledger):
    """The ledger's rows in memory. `refuse` may raise what Postgres would on seeing a step."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.refuse: Callable[[Step], None] = lambda _: None
        self.written: list[Step] = []
        self.rows: dict[str, OrderRow] = {}
        self.histories: dict[str, list[StatusEvent]] = {}
        self.filled: dict[str, list[Fill]] = {}
        self.asked: list[OrderFilter] = []

    def write(self, steps: Sequence[Step]) -> None:
        self._reach()
        for step in steps:
            self.refuse(step)
        self.written += steps

    def find(self, order_id: str) -> OrderRow | None:
        self._reach()
        return self.rows.get(order_id)

    def history(self, order_id: str) -> list[StatusEvent]:
        self._reach()
        return self.histories.get(order_id, [])

    def fills(self, order_id: str) -> list[Fill]:
        self._reach()
        return self.filled.get(order_id, [])

    def find_all(self, wanted: OrderFilter) -> list[OrderRow]:
        self._reach()
        self.asked.append(wanted)
        return list(self.rows.values())[: wanted.limit]

    def ping(self) -> None:
        self._reach()

    def _reach(self) -> None:
        if self.error:
            raise self.error


class FakeSockets:
    """Connections in memory: all are open but the `closed` ones."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.closed: set[str] = set()
        self.early: list[str] = []
        """The texts of messages that come too early, once each."""
        self.sent: list[Message] = []

    def send(self, messages: Sequence[Message]) -> Sent:
        if self.error:
            raise self.error
        early = [message for message in messages if message.text in self.early]
        self.early = []
        gone = [message for message in messages if message.connection_id in self.closed]
        self.sent += [message for message in messages if message not in early and message not in gone]
        return Sent(gone, early)


class FakeWatchers(Watchers):
    """Who watches which order, in memory; `orders` are those whose history a subscriber is sent."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.orders: dict[str, list[Order]] = {}
        self.watching: dict[str, dict[str, int]] = {}
        self.partitions: list[str] = []

    def messages(self, partition: str, entries: Sequence[StatusEntry]) -> list[Message]:
        if self.error:
            raise self.error
        self.partitions.append(partition)
        return [message for entry in entries for message in self._messages(entry)]

    def everything(self, partition: str, early: Sequence[Message]) -> list[Message]:
        return [
            Message(message.connection_id, message.order_id, encode(event_of(order)))
            for message in early
            for order in self.orders[message.order_id]
        ]

    def _messages(self, entry: StatusEntry) -> list[Message]:
        watching = self.watching.setdefault(entry.order_id, {})
        if entry.action == "event":
            behind = [connection for connection, sent in watching.items() if entry.sequence > sent]
            return [Message(connection, entry.order_id, entry.event) for connection in behind]
        watching.pop(entry.connection_id, None)
        if entry.action == "unsubscribe":
            return []
        history = self.orders.get(entry.order_id, [])
        watching[entry.connection_id] = len(history)
        return [Message(entry.connection_id, entry.order_id, encode(event_of(order))) for order in history]


class FakeIntake(Intake):
    """The front door's side of Redis: creates every order, or answers with `outcome`."""

    def __init__(self, partitions: int = 4) -> None:
        self.partitions = partitions
        self.error: Exception | None = None
        self.outcome: OrderId | Conflict | None = None
        self.created: list[NewOrder] = []

    async def create(self, new: NewOrder) -> OrderId | Conflict:
        if self.error:
            raise self.error
        self.created.append(new)
        return self.outcome or new.order.order_id


class FakeRedisHealth(RedisHealth):
    """A Redis that takes writes, or not."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    async def check(self) -> None:
        if self.error:
            raise self.error


class FakeSubscriptions(Subscriptions):
    """The sockets' side of Redis: knows the orders in `held`, or answers with `added`."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.held: set[str] = set()
        self.added: Added | None = None
        self.asked: list[Subscription] = []
        self.answered_by_ledger: list[Subscription] = []
        self.left: list[str] = []

    async def add(self, asked: Subscription) -> Added:
        if self.error:
            raise self.error
        self.asked.append(asked)
        return self.added or Added(Outcome.ASKED if asked.order_id in self.held else Outcome.NOT_HERE)

    async def answered(self, asked: Subscription) -> None:
        self.answered_by_ledger.append(asked)

    async def leave(self, connection_id: str) -> None:
        if self.error:
            raise self.error
        self.left.append(connection_id)


class FakeReplication(Replication):
    """Replicas that have everything at once; notes in `waited` what was waited for."""

    def __init__(self) -> None:
        self.error: Exception | None = None
        self.waited: list[ReplicatedWrite] = []
        self.lacking: list[ReplicatedWrite] = []
        """What the replicas do not have."""

    def wait_for(self, written: Iterable[ReplicatedWrite]) -> None:
        if self.error:
            raise self.error
        for each in written:
            if each in self.lacking:
                raise RetryableError(f"0 of 1 replicas have what was written to {each.partition}")
            self.waited.append(each)


class FakeRedis:
    """A Redis that answers, or not."""

    def __init__(self) -> None:
        self.error: Exception | None = None

    def ping(self) -> bool:
        if self.error:
            raise self.error
        return True


def fake_venue(chain: FakeChain | None = None) -> MockVenue:
    """Return the real mock market over a fake chain, its delays in real time."""
    return MockVenue(chain or FakeChain(), Latency(seed=1, speed=1), FakeReplication())


class Outside:
    """Everything outside a function, in place of what its environment would name."""

    def __init__(self) -> None:
        self.redis_client = FakeRedis()
        self.orders = FakeOrders()
        self.chain = FakeChain()
        self._venue: Venue | None = None
        self.ledger = FakeLedger()
        self.sockets = FakeSockets()
        self.watchers = FakeWatchers()
        self.intake = FakeIntake()
        self.redis_health = FakeRedisHealth()
        self.subscriptions = FakeSubscriptions()
        self.replication = FakeReplication()
        self.latency = Latency(seed=1, speed=1)
        self.now_ms = NOW_MS

    @property
    def venue(self) -> Venue:
        """The real mock market, over the fake chain, unless a test has set another one."""
        return self._venue or MockVenue(self.chain, self.latency, self.replication)

    @venue.setter
    def venue(self, venue: Venue) -> None:
        self._venue = venue
