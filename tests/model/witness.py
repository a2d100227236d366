"""What must hold after every call in the model check: a witness reads everything and remembers what it read."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field
from functools import lru_cache

import msgspec
import redis

from orderflow.adapters.codec import decode_event, order_decoder
from orderflow.adapters.keys import key
from orderflow.adapters.messages import merge, order_name
from orderflow.domain.execution import Execution
from orderflow.domain.lifecycle import COURSE, LIFECYCLE, TERMINAL
from orderflow.domain.order import Order, StatusEvent, iso_timestamp
from orderflow.domain.pools import Pool
from orderflow.domain.status import Status
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN
from tests.model.actors import ALL, Actor, Fate
from tests.model.redis import Snapshot, Stream, id_order
from tests.model.world import World
from tests.support.builders import vault
from tests.support.lifecycle import STAGES, TICKS

Vaults = Counter[tuple[str, str]]

# The calls that change what the witness reads.
_WRITES = ("EVALSHA", "XREADGROUP", "XCLAIM", "ledger", "sockets")

BEAT = (CHAIN, "transactions", HEARTBEAT)
"""The message of the chain's clock: partition, stream, order."""

_execution = lru_cache(maxsize=1024)(msgspec.json.Decoder(Execution).decode)
_event = lru_cache(maxsize=1024)(decode_event)
_order = lru_cache(maxsize=4096)(order_decoder.decode)
_name_of = lru_cache(maxsize=4096)(lambda text: ((order := _order(text)).order_id, order.sequence))
_sequence = lru_cache(maxsize=1024)(lambda text: int(msgspec.json.decode(text)["sequence"]))


def _carriers() -> dict[Status, set[tuple[str, int]]]:
    """Return, by status, the messages that take an order on, as stream and sequence. One is there until its end."""
    carriers: dict[Status, set[tuple[str, int]]] = {status: set() for status in COURSE}
    for stage in STAGES:
        sequence = COURSE.index(stage.before) + 1
        carriers[stage.before].add((stage.stream, sequence))
        if LIFECYCLE[stage.after].at_venue:
            # The signature is recorded before the transaction is sent, by the same message if it comes again.
            carriers[stage.after] |= {(stage.stream, sequence), ("transactions", sequence + 1)}
    return carriers


_CARRIERS = _carriers()


class ViolationError(AssertionError):
    """Something that must hold does not."""


def require(holds: object, what: str) -> None:
    """Raise ViolationError, saying what must hold, unless it does."""
    if not holds:
        raise ViolationError(what)


@dataclass
class Memory:
    """What a witness has read so far."""

    histories: dict[str, list[StatusEvent]] = field(default_factory=dict)
    """Of each order, its events as they came into the status stream."""
    ended: dict[str, Order] = field(default_factory=dict)
    messages: set[tuple[str, str, str]] = field(default_factory=set)
    """Every message that there ever was: partition, stream, order."""
    executions: dict[str, Execution] = field(default_factory=dict)
    forgotten: set[str] = field(default_factory=set)
    """Signatures that the chain had executed and no longer knows."""
    made_with: dict[str, str] = field(default_factory=dict)
    """By order, the idempotency key that it may be created with."""
    may_miss: set[str] = field(default_factory=set)
    """Orders of which a status was given up, and connections that want no more statuses."""
    seen_to: dict[str, str] = field(default_factory=dict)
    """By partition, the last entry of the status stream that was seen."""
    block: str = "0"
    last_tick: str = "0-0"
    clock_ran: bool = False
    """The last entry of the ticks that was seen, and whether the clock ran, after the last call."""

    def copy(self) -> "Memory":
        """Return a memory that changes apart from this one."""
        histories = {order_id: history.copy() for order_id, history in self.histories.items()}
        return Memory(histories, *(copy(value) for name, value in vars(self).items() if name != "histories"))


class Witness:
    """Lets a world's actors make their calls, and checks everything after each."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.memory = Memory()
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
        return actor

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
        self._check_histories(snapshot)
        self._check_orders(snapshot)
        self._check_chain(snapshot)
        self._check_clock(snapshot, under_way)
        self._check_progress(under_way)
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
                    self._add_event(_event(fields["event"]))
            self.memory.seen_to[partition] = stream.last_id

    def _add_event(self, event: StatusEvent) -> None:
        history = self.memory.histories.setdefault(event.order_id, [])
        require(event.sequence == len(history) + 1, f"{event} follows {len(history)} events")
        legal = LIFECYCLE[history[-1].status].followers if history else {Status.PENDING}
        require(event.status in legal, f"{event} follows {history}")
        history.append(event)
        idempotency_key = self.memory.made_with.get(event.order_id)
        rivals = [
            order
            for order, made in self.memory.made_with.items()
            if made == idempotency_key and order in self.memory.histories
        ]
        require(idempotency_key is None or len(rivals) == 1, f"{idempotency_key} makes one order, not {rivals}")

    def _check_orders(self, snapshot: Snapshot) -> None:
        """An order's state is what its history says; it leaves Redis after the ledger has its end."""
        for order_id, history in self.memory.histories.items():
            fields = snapshot.orders.get(order_id)
            if fields is None:
                recorded = self.world.ends.rows.get((order_id, len(history)))
                require(recorded and recorded.status in TERMINAL, f"{order_id} has left Redis and is not recorded")
            else:
                names = [f"step:{number}" for number in range(1, int(fields["sequence"]) + 1)]
                steps = [fields[name] for name in names]
                events, order = [_event(step) for step in steps], _order(merge(steps))
                require(events == history, f"{order_id} holds {events}, published was {history}")
                require(fields.keys() == {"sequence", "status", *names}, f"{fields} holds nothing else")
                state = (order.order_id, order.sequence, order.status)
                require(state == (order_id, len(history), fields["status"]), f"{fields} is one state")
                if order.status in TERMINAL:
                    self.memory.ended[order_id] = order
        require(snapshot.orders.keys() <= self.memory.histories.keys(), "every order was published")

    def _check_chain(self, snapshot: Snapshot) -> None:
        """A signature is executed once, an order by one signature and never when it failed; atoms are conserved."""
        for signature, result in snapshot.results.items():
            known, found = self.memory.executions.get(signature), _execution(result) if result else None
            if signature in self.memory.forgotten:
                # Sent again long after its order has ended: by then it has expired.
                require(found is None or found.error, f"{signature} is executed again, although it was forgotten")
            else:
                require(known in (None, found), f"{signature} is executed again: {known}, then {found}")
                if found:
                    self.memory.executions[signature] = found
        self.memory.forgotten |= self.memory.executions.keys() - snapshot.results.keys()
        messages = self.memory.messages - {BEAT}
        sent = [_order(text) for _, stream, text in messages if stream == "transactions"]
        order_of = {str(order.signature): order.order_id for order in sent}
        done = [signature for signature, execution in self.memory.executions.items() if execution.error is None]
        by_order = Counter(order_of[signature] for signature in done)
        require(all(times == 1 for times in by_order.values()), f"an order is executed once: {by_order}")
        for signature in done:
            ended = self.memory.ended.get(order_of[signature])
            require(ended is None or ended.status is Status.CONFIRMED, f"{ended} has failed and is executed")
        for order in self.memory.ended.values():
            if order.status is Status.CONFIRMED:
                execution = self.memory.executions[order.signature]
                received = (execution.error, execution.amount_out, execution.fills)
                require(received == (None, order.amount_out, order.fills), f"{order} got what it executed")
        if snapshot.block != self.memory.block:
            self._check_vaults()

    def _check_clock(self, snapshot: Snapshot, under_way: set[tuple[str, str, str]]) -> None:
        """While the clock runs its next heartbeat is under way, unless it was given up, and each block has its tick."""
        runs = "ticks" in snapshot.slot
        dead = snapshot.streams.get(key(CHAIN, "dead"))
        given_up = dead and any(letter.get("order") == HEARTBEAT for letter in dead.entries.values())
        require(not runs or BEAT in under_way or given_up, "a clock that runs has a heartbeat under way")
        stream, last = snapshot.streams[key(CHAIN, TICKS)], id_order(self.memory.last_tick)
        ticks = {entry_id: fields for entry_id, fields in stream.entries.items() if id_order(entry_id) > last}
        blocks = (int(snapshot.block) - int(self.memory.block)) * self.memory.clock_ran
        require(len(ticks) == blocks, f"each block has a tick while the clock runs, not {ticks}")
        at = f'{{"slot":{snapshot.slot.get("slot")},'
        for entry_id, fields in ticks.items():
            require(fields["tick"].startswith(at), f"a block's tick is of its slot, not {fields}")
            self.memory.last_tick = entry_id
        self.memory.block, self.memory.clock_ran = snapshot.block, runs

    def _check_vaults(self) -> None:
        venue = ChainStore(self.world.client)
        paid: Vaults = Counter(venue.flows())
        for execution in self.memory.executions.values():
            for fill in execution.fills:
                paid[fill.pool, fill.token_in] += fill.amount_in
                paid[fill.pool, fill.token_out] -= fill.amount_out
        opening, now = _vaults(venue.opening()), _vaults(venue.state()[1].pools)
        wrong = {where: now[where] - opening[where] - paid[where] for where in now}
        require(not any(wrong.values()), f"vaults hold what was paid: { ({k: v for k, v in wrong.items() if v}) }")

    def _check_progress(self, under_way: set[tuple[str, str, str]]) -> None:
        """An order that has not ended has a message that takes it on."""
        carried: dict[str, set[tuple[str, int]]] = {}
        for _, stream, text in under_way - {BEAT}:
            order_id, sequence = order_name({"order": text}) or _name_of(text)
            carried.setdefault(order_id, set()).add((stream, sequence))
        for order_id, history in self.memory.histories.items():
            status = history[-1].status
            if status not in TERMINAL:
                carriers = carried.get(order_id, set())
                require(carriers & _CARRIERS[status], f"nothing takes {order_id} on from {status}, only {carriers}")

    def _under_way(self, snapshot: Snapshot) -> Iterator[tuple[str, str, str]]:
        """Yield every message that a group has not acknowledged, or that a timer holds: partition, stream, order."""
        for mapping, partition in self.world.bindings():
            if mapping.stream not in ("status", TICKS):
                stream = snapshot.streams[key(partition, mapping.stream)]
                for entry_id in stream.unacknowledged(mapping.function):
                    yield partition, mapping.stream, stream.entries[entry_id]["order"]
        for partition in (*self.world.partitions, CHAIN):
            for member in snapshot.timers.get(key(partition, "timers"), []):
                stream_name, _, text = member.split(" ", 2)
                yield partition, stream_name, text

    def _check_ledger(self) -> None:
        """Only what happened is recorded, as it happened."""
        for (order_id, sequence), row in self.world.ends.rows.items():
            published = self.memory.histories[order_id][sequence - 1]
            at, price = iso_timestamp(row.updated_at_ms), row.execution_price
            # A step that says nothing of one of them leaves it as it was, which is none.
            recorded = (row.status, at, row.tx_hash or None, price, row.reason or None)
            as_published = (
                published.status,
                published.timestamp,
                published.tx_hash,
                published.execution_price,
                published.reason,
            )
            require(recorded == as_published, f"{row} is recorded, published was {published}")

    def _check_inboxes(self, snapshot: Snapshot) -> None:
        """Every watcher of an order gets each status once, in order, from the first, unless one was given up."""
        for partition in self.world.partitions:
            dead = snapshot.streams.get(key(partition, "dead"))
            for letter in dead.entries.values() if dead else ():
                if letter["function"] == "publish_status":
                    self.memory.may_miss.add(letter["order_id"])
        for (connection, order_id), messages in self.world.ends.inboxes.items():
            got = [_sequence(message.text) for message in messages]
            require(
                order_id in self.memory.may_miss or got == list(range(1, len(got) + 1)),
                f"{connection} got {got} of {order_id}",
            )


def is_loss(error: Exception) -> bool:
    """Return whether an error is one that a lost call raises."""
    return isinstance(error, redis.ConnectionError)


def _vaults(pools: Mapping[str, Pool]) -> Vaults:
    held = [(pool, token) for pool in pools.values() for token in (pool.token_a, pool.token_b)]
    return Counter({(pool.pool, token): vault(pool, token) for pool, token in held})
