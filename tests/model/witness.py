"""What must hold after every call in the model check: a witness reads everything and remembers what it read."""

from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import msgspec
import redis

from orderflow.adapters.keys import key
from orderflow.adapters.messages import merge, order_name
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import LIFECYCLE, RESTING, SNIPING, TERMINAL
from orderflow.domain.order import Order, StatusEvent, iso_timestamp
from orderflow.domain.status import Status
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.runtime.taking_back import TakenBack
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.keys import CHAIN, TRANSACTIONS
from tests.model.actors import ALL, Actor, Fate
from tests.model.families import check_families, check_made
from tests.model.fills import Fill, check_amounts
from tests.model.launches import check_end_by_close, check_step
from tests.model.market import check_blocks, check_executions, check_ticks
from tests.model.memory import Carried, Memory, Message, read_event, read_order
from tests.model.prices import check_fired
from tests.model.promises import limit_of
from tests.model.redis import Snapshot, Stream, id_order
from tests.model.resting import check_books
from tests.model.violation import require
from tests.model.world import World
from tests.support.lifecycle import TICKS

# The calls that change what the witness reads.
_WRITES = ("EVALSHA", "XREADGROUP", "XCLAIM", "ledger", "sockets")

_name_of = lru_cache(maxsize=4096)(lambda text: ((order := read_order(text)).order_id, order.sequence))
_sequence = lru_cache(maxsize=1024)(lambda text: int(msgspec.json.decode(text)["sequence"]))


def _carriers() -> dict[Status, set[tuple[str, int]]]:
    """Return, by status, the messages that take an order on: the stream, and how many steps before the latest one it
    names. One of them is there until the order has ended.
    """
    carriers: dict[Status, set[tuple[str, int]]] = {}
    for status, row in LIFECYCLE.items():
        carriers[status] = {(stream, 0) for stream in (*row.streams, row.waiting, row.sniping) if stream}
        if row.at_venue:
            # The signature is recorded before the transaction is sent, by the same message if it comes again.
            given_at = {(each.streams[-1], 1) for each in LIFECYCLE.values() if each.then is status}
            # What a launch has fired comes there by three steps at once.
            carriers[status] |= given_at | {(stream, 3) for stream in SNIPING} | {(TRANSACTIONS, 0)}
    return carriers


_CARRIERS = _carriers()
_WAIT = {Status.OPEN, Status.TRIGGERED, Status.PARTIALLY_FILLED}
"""The statuses that a market order never has."""
_SKIPS = {(Status.PENDING, Status.ROUTING)}
"""What an order that waits never does."""


class Witness:
    """Lets a world's actors make their calls, and checks everything after each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = Memory(slot=world.start_slot, has_launches=world.start_slot > 0)
        self._violation: Exception | None = None
        self.snapshot = Snapshot(world.client)
        world.watch = self._watch

    def stream_of(self, mapping: EventSourceMapping, partition: str) -> Stream:
        """Return the stream that a function reads, as it was in the last snapshot."""
        return self.snapshot.streams[key(partition, mapping.stream)]

    def go_on(self, actor: Actor, calls: int = ALL, fate: Fate = Fate.ANSWERED) -> Actor:
        """Let an actor make its next calls, the last of which meets its fate; check everything after each."""
        actor.go_on(calls, fate)
        if self._violation:
            raise self._violation
        require(calls < ALL or actor.has_finished, f"{actor} comes to an end")
        require(actor.error is None or is_loss(actor.error), f"{actor} ends with {actor.error!r}")
        if isinstance(actor.result, TakenBack):
            self._check_answer(actor.result)
        return actor

    def _check_answer(self, taken: TakenBack) -> None:
        """What a client is answered that cancels an order is true: it has ended so, or will when it is refused."""
        if taken.order is not None:
            order = self.memory.orders[taken.order.order_id]
            is_as_said = (taken.order.sequence, taken.order.status) == (order.sequence, order.status)
            holds = order.order_id in self.memory.ending if taken.is_requested else order.has_ended and is_as_said
            require(holds, "what is answered is true", taken, order)

    def _watch(self, question: Sequence[object]) -> None:
        """Check everything after an actor's call; the actor must not take a violation for its own error."""
        if question[0] in _WRITES and self._violation is None:
            try:
                self.check()
            except Exception as violation:  # noqa: BLE001 - raised again when the actor has stopped
                self._violation = violation

    def check(self) -> None:
        """Take a snapshot, and raise ViolationError when something does not hold."""
        snapshot = self.snapshot = Snapshot(self.world.client)
        require(not self.world.bugs, f"no function has a bug: {self.world.bugs}")
        under_way = set(self._under_way(snapshot))
        self.memory.messages |= under_way
        carried = _carried(under_way)
        for partition in (*self.world.partitions, CHAIN):
            self.memory.given_up |= {letter.get("order", "") for letter in snapshot.dead_letters(partition)}
        self._check_histories(snapshot)
        check_executions(self.memory, snapshot, self.world.redis_now_ms)
        check_blocks(self.memory, snapshot, self.world.client)
        self._check_orders(snapshot, carried)
        self._check_amounts()
        self._check_progress(carried)
        check_books(snapshot, self.memory.orders, carried)
        check_families(self.memory.orders, self.memory.histories, carried)
        check_ticks(self.memory, snapshot, carried)
        self._check_ledger()
        self._check_inboxes(snapshot)

    def _check_histories(self, snapshot: Snapshot) -> None:
        """Each step of an order is published once, after the one before."""
        for partition in self.world.partitions:
            stream = snapshot.streams[key(partition, "status")]
            last = id_order(self.memory.seen_to.get(partition, "0-0"))
            for entry_id, fields in stream.entries.items():
                # A record that comes back from the dead letters, for one function alone, is no new step.
                if id_order(entry_id) > last and "event" in fields and "function" not in fields:
                    self._add_event(read_event(fields["event"]))
            self.memory.seen_to[partition] = stream.last_id

    def _add_event(self, event: StatusEvent) -> None:
        history = self.memory.histories.setdefault(event.order_id, [])
        require(event.sequence == len(history) + 1, f"an event follows {len(history)} others", event)
        legal = LIFECYCLE[history[-1].status].followers if history else {Status.PENDING}
        require(event.status in legal, "an event may follow those before it", event, history)
        history.append(event)
        idempotency_key = self.memory.made_with.get(event.order_id)
        rivals = [
            order
            for order, made in self.memory.made_with.items()
            if made == idempotency_key and order in self.memory.histories
        ]
        require(idempotency_key is None or len(rivals) == 1, f"{idempotency_key} makes one order, not {rivals}")

    def _check_orders(self, snapshot: Snapshot, carried: Carried) -> None:
        """An order's state is what its history says; it leaves Redis after the ledger has its end."""
        for order_id, history in self.memory.histories.items():
            fields = snapshot.orders.get(order_id)
            if fields is None:
                recorded = self.world.ends.rows.get((order_id, len(history)))
                require(recorded and recorded.status in TERMINAL, f"{order_id} has left Redis and is not recorded")
                if order_id in carried:
                    self.memory.not_forgotten |= {event.tx_hash for event in history if event.tx_hash}
            else:
                names = [f"step:{number}" for number in range(1, int(fields["sequence"]) + 1)]
                steps = [fields[name] for name in names]
                events, order = [read_event(step) for step in steps], read_order(merge(steps))
                require(events == history, f"{order_id} holds what was published", events, history)
                beside = fields.keys() - {"sequence", "status", *names}
                known = {"books", "marks", "expires", "ending", "fired", "account"}
                require(beside <= known, "an order holds nothing else", fields)
                whose = fields.get("account", LOCAL_ACCOUNT)
                require(whose == order.account, "an order says beside its steps whose it is", fields)
                state = (order.order_id, order.sequence, order.status)
                require(state == (order_id, len(history), fields["status"]), "an order has one state", fields)
                self._check_step(order, has_end="ending" in fields)
                self.memory.orders[order_id] = order
        require(snapshot.orders.keys() <= self.memory.histories.keys(), "every order was published")

    def _check_step(self, order: Order, *, has_end: bool) -> None:
        """An order waits as its request says, is fired by a price that was there, and does not go on after its end."""
        history = self.memory.histories[order.order_id]
        if has_end:
            since = self.memory.ending.setdefault(order.order_id, order.sequence)
            went_on = [event for event in history[since:] if event.status in (Status.OPEN, Status.TRIGGERED)]
            require(not went_on, "an order that is to end does not go on", order, went_on)
        before = self.memory.orders.get(order.order_id)
        if before is None and order.parent_id is not None:
            check_made(order, self.memory.orders[order.parent_id])
        require(before is None or before.account == order.account, "an order stays whose it is", before, order)
        if before is not None and before.sequence < order.sequence:
            require(order.request.waits or order.status not in _WAIT, "a market order does not wait", order)
            require(not order.request.waits or (before.status, order.status) not in _SKIPS, "an order waits", order)
            check_step(before, order, self.memory)
            check_end_by_close(before, order, self.memory)
            fires = order.status is Status.TRIGGERED and before.status in RESTING and order.request.triggers
            if fires and limit_of(before) is None:
                check_fired(order, self.memory.seen)

    def _check_amounts(self) -> None:
        """An order is executed as it says."""
        memory = self.memory
        fills = {
            signature: Fill(memory.sent[signature], execution)
            for signature, execution in memory.executions.items()
            if not execution.error
        }
        for order in memory.orders.values():
            if order.request.schedule is None:
                check_amounts(order, fills)

    def _check_progress(self, carried: Carried) -> None:
        """An order that has not ended has a message that takes it on, or rests where it may."""
        for order in self.memory.orders.values():
            if order.has_ended or (order.status in RESTING and not _is_looked_at_once(order)):
                continue
            carriers = carried.get(order.order_id, set())
            wanted = {(stream, order.sequence - before) for stream, before in _CARRIERS[order.status]}
            require(carriers & wanted, "a message takes an order on", order, carriers)

    def _under_way(self, snapshot: Snapshot) -> Iterator[Message]:
        """Yield every message of an order that a group has not acknowledged, or that a timer holds."""
        for mapping, partition in self.world.bindings():
            if mapping.stream not in ("status", TICKS):
                stream = snapshot.streams[key(partition, mapping.stream)]
                for entry_id in stream.unacknowledged(mapping.function):
                    if stream.entries[entry_id]["order"] != HEARTBEAT:
                        yield partition, mapping.stream, stream.entries[entry_id]["order"]
        for partition in (*self.world.partitions, CHAIN):
            for member in snapshot.timers.get(key(partition, "timers"), []):
                stream_name, _, text = member.split(" ", 2)
                if text != HEARTBEAT:
                    yield partition, stream_name, text

    def _check_ledger(self) -> None:
        """Only what happened is recorded, as it happened."""
        for (order_id, sequence), row in self.world.ends.rows.items():
            published = self.memory.histories[order_id][sequence - 1]
            said = (row.tx_hash or None, row.execution_price, row.reason or None)
            recorded = (row.status, iso_timestamp(row.updated_at_ms), *said)
            as_published = (
                published.status,
                published.timestamp,
                published.tx_hash,
                published.execution_price,
                published.reason,
            )
            require(recorded == as_published, "what is recorded is what was published", row, published)
            account = self.memory.orders[order_id].account
            require(not row.is_whole or row.account == account, "it is recorded whose an order is", row, account)

    def _check_inboxes(self, snapshot: Snapshot) -> None:
        """Every watcher of an order gets each status once, in order, from the first, unless one was given up."""
        for partition in self.world.partitions:
            for letter in snapshot.dead_letters(partition):
                if letter["function"] == "publish_status":
                    self.memory.may_miss.add(letter["order_id"])
        for (connection, order_id), messages in self.world.ends.inboxes.items():
            got = [_sequence(message.text) for message in messages]
            require(
                order_id in self.memory.may_miss or got == list(range(1, len(got) + 1)),
                f"{connection} got {got} of {order_id}",
            )


def _carried(under_way: Iterable[Message]) -> Carried:
    """Return, by order, the messages that there are: each its stream, and how many steps the order had."""
    carried: dict[str, set[tuple[str, int]]] = {}
    for _, stream, text in under_way:
        order_id, sequence = order_name({"order": text}) or _name_of(text)
        carried.setdefault(order_id, set()).add((stream, sequence))
    return carried


def may_read(mapping: EventSourceMapping, stream: Stream) -> bool:
    """Return whether a poller may begin with new records of a stream.

    Ticks come in turn: a poller first takes up those that the one before it has read and not worked off.
    """
    is_held = mapping.stream == TICKS and stream.pending.get(mapping.function)
    return bool(stream.unread(mapping.function)) and not is_held


def is_loss(error: Exception) -> bool:
    """Return whether an error is one that a lost call raises."""
    return isinstance(error, redis.ConnectionError)


def _is_looked_at_once(order: Order) -> bool:
    """Return whether an order that rests is looked at once and then ends, unless it waits since a venue was late."""
    return order.is_at_once and (order.rests is None or order.rests.from_slot is None)
