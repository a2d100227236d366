"""The model check by chance: hypothesis interleaves two pollers, lost calls, crashes, duplicates, people and time."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple, TypeVar

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from orderflow.adapters.dead_letters import DeadLetter, DeadLetters
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.adapters.keys import key, partition_of
from orderflow.adapters.subscriptions import Added, Outcome, Subscription
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import Order, OrderId
from orderflow.runtime.taking_back import TakenBack
from orderflow.venues.mock.keys import TRANSACTIONS
from tests.model.actors import ALL, Actor, Fate
from tests.model.arrivals import keep_time
from tests.model.drain import beat, drain, make_timers_due, work_off, work_once
from tests.model.launches import LAUNCH
from tests.model.redis import Snapshot
from tests.model.requests import DESK, EXPIRES_IN_MS, LEVELS, REQUESTS, STRANGER, amendment_of, expiring
from tests.model.violation import require
from tests.model.witness import Witness, may_read
from tests.model.world import PARTITIONS, RAISES, REPORTS, TEMPLATE, TIMES_OUT, Binding, World
from tests.support.builders import nth_id

MOST_ORDERS = 4
CLIENT = "client"
SLOTS_BEFORE = 4
"""So many slots before the launch that most orders wait for, a run begins."""
FIRST_NUMBER = 10
"""Beyond the number of the order that keeps the time until the launch all but closes."""
HOUR_MS = 60 * 60 * 1000

Choice = TypeVar("Choice")


class Move(NamedTuple):
    """What a poller does: begin some work, or go on with work that it has begun, for so many calls; or crash."""

    poller: str
    kind: str
    pick: int
    calls: int
    fate: Fate
    trouble: str


picks = st.integers(0, 63)
fates = st.sampled_from([*[Fate.ANSWERED] * 4, Fate.LOST, Fate.UNANSWERED])
functions = st.sampled_from([mapping.function for mapping in TEMPLATE.event_sources])
moves = st.builds(
    Move,
    st.sampled_from("AB"),
    st.sampled_from(["read", "read", "take over", "take over", "go on", "crash"]),
    picks,
    st.sampled_from([1, 2, 3, 4, 5, 6, 7, 8, ALL, ALL]),
    fates,
    st.sampled_from(["", "", "", RAISES, TIMES_OUT, REPORTS]),
)


def chosen(among: Sequence[Choice], pick: int) -> Choice:
    """Return the one that a number stands for."""
    return among[pick % len(among)]


class Machine(RuleBasedStateMachine):
    """Two pollers work mostly at one function; the other functions work whenever a rule says so."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.number = 0
        self.keys: dict[str, tuple[str, str]] = {}
        self.begun: dict[tuple[str, str, str], Actor] = {}
        """By poller, function and partition, the actors that are between two calls; by CLIENT, those of clients."""
        self.is_over = False

    @initialize(speed=st.sampled_from([0, 1]), focus=functions, body=picks, left=st.sampled_from([0, 0, 1, 4]))
    def begin(self, speed: float, focus: str, body: int, left: int) -> None:
        """Begin before a launch that most wait for; or when so many slots are left until it closes."""
        self.world.begin(speed, slot=LAUNCH.open_slot - (1 if left else SLOTS_BEFORE))
        self.focus = focus
        self.witness = Witness(self.world)
        if left:
            self.number = FIRST_NUMBER
            keep_time(self.witness, left=left)
        self.create(body, "", Fate.ANSWERED)

    # ------------------------------------------------------------------------------------------------- front door

    @precondition(lambda self: len(self.witness.memory.histories) < MOST_ORDERS)
    @rule(body=picks, idempotency_key=st.sampled_from(["", "key of p0", "key of p1"]), fate=fates)
    def create(self, body: int, idempotency_key: str, fate: Fate) -> None:
        request, fingerprint = chosen(REQUESTS, body), str(body) if idempotency_key else ""
        if request.waits and body < len(REQUESTS):
            request = expiring(request, self.world.redis_now_ms)
        order_id = self._new_id(idempotency_key[-2:])
        account = chosen((LOCAL_ACCOUNT, DESK), self.number)
        order = Order.accept(order_id, request, self.world.now_ms, account=account)
        if idempotency_key:
            self.witness.memory.made_with[order_id] = idempotency_key
        actor = self._run(self.world.creator(NewOrder(order, idempotency_key, fingerprint)), 1, fate)
        expected: object = order_id
        if idempotency_key in self.keys:
            first_fingerprint, first_id = self.keys[idempotency_key]
            expected = first_id if first_fingerprint == fingerprint else Conflict.KEY_REUSED
        require(actor.result in (expected, None), f"the answer is {expected}, not {actor.result}")
        if idempotency_key and order_id in self.witness.memory.histories:
            self.keys[idempotency_key] = fingerprint, order_id

    @rule(pick=picks, what=st.sampled_from(["subscribe", "subscribe", "unsubscribe", "leave", "break"]), fate=fates)
    def watch(self, pick: int, what: str, fate: Fate) -> None:
        memory, ends = self.witness.memory, self.world.ends
        self.number += 1
        connection_id, order_id = f"connection{self.number}", chosen(sorted(memory.histories), pick)
        if what != "subscribe" and ends.inboxes:
            connection_id, order_id = chosen(sorted(ends.inboxes), pick)
            memory.may_miss.add(connection_id)
        if what in ("leave", "break"):
            ends.closed.add(connection_id)
        if what == "leave":
            self._run(self.world.leaver(connection_id), ALL, Fate.ANSWERED)
        elif what != "break":
            account = memory.orders[order_id].account
            self._run(self.world.subscriber(Subscription(order_id, connection_id, what, account)), 1, fate)

    @precondition(lambda self: self.witness.memory.orders)
    @rule(pick=picks, level=st.sampled_from(["", *LEVELS]), calls=st.sampled_from([1, 2, ALL]), fate=fates)
    def change(self, pick: int, level: str, calls: int, fate: Fate) -> None:
        """Cancel an order, or amend it to another level."""
        orders = self.witness.memory.orders
        order_id = chosen(sorted(orders), pick)
        self.number += 1
        place = (CLIENT, f"change {self.number}", order_id)
        account = orders[order_id].account
        if not level:
            self._go_on(place, self.world.canceller(order_id, account), calls, fate)
        elif orders[order_id].request.waits:
            amendment = amendment_of(orders[order_id].request, Decimal(level))
            self._go_on(place, self.world.amender(order_id, account, amendment), calls, fate)

    @precondition(lambda self: self.witness.memory.orders)
    @rule(pick=picks)
    def a_stranger_asks(self, pick: int) -> None:
        """Have another account cancel, amend and watch an order, which is not there for it."""
        order_id = chosen(sorted(self.witness.memory.orders), pick)
        self.number += 1
        amendment = amendment_of(self.witness.memory.orders[order_id].request, Decimal(LEVELS[0]))
        asked = Subscription(order_id, f"connection{self.number}", "subscribe", STRANGER)
        before = self._orders_and_streams()
        answers = [
            self._run(actor, ALL, Fate.ANSWERED).result
            for actor in (
                self.world.canceller(order_id, STRANGER),
                self.world.amender(order_id, STRANGER, amendment),
                self.world.subscriber(asked),
            )
        ]
        require(answers == [TakenBack(None), None, Added(Outcome.NOT_HERE)], "it is not there", order_id, answers)
        require(self._orders_and_streams() == before, "who may see nothing of an order changes nothing of it", order_id)

    @precondition(lambda self: any(place[0] == CLIENT for place in self.begun))
    @rule(pick=picks, calls=st.sampled_from([1, 2, ALL]), fate=fates)
    def change_goes_on(self, pick: int, calls: int, fate: Fate) -> None:
        place = chosen(sorted(place for place in self.begun if place[0] == CLIENT), pick)
        self._go_on(place, self.begun.pop(place), calls, fate)

    # -------------------------------------------------------------------------------------- pollers and functions

    @rule(steps=st.lists(moves, min_size=1, max_size=8))
    def pollers_move(self, steps: list[Move]) -> None:
        for move in steps:
            self._move(move)

    @rule(with_focus=st.booleans(), times=st.integers(1, 4))
    def others_work(self, with_focus: bool, times: int) -> None:
        bindings = [each for each in self.world.bindings() if with_focus or each[0].function != self.focus]
        for _ in range(times):
            work_once(self.witness, bindings)

    @precondition(lambda self: self.witness.snapshot.timers or self.witness.snapshot.expiries)
    @rule(pick=picks, fate=fates)
    def promote(self, pick: int, fate: Fate) -> None:
        if due := make_timers_due(self.world):
            self._run(self.world.timekeeper(chosen(due, pick)), 1, fate)

    # ------------------------------------------------------------------------------------- chance, people and time

    @precondition(lambda self: self.witness.snapshot.has_ticks)
    @rule(level=st.sampled_from(LEVELS), slots=st.integers(1, 3), times=st.integers(0, 4))
    def price_moves(self, level: str, slots: int, times: int) -> None:
        """Let slots pass on the way to another price of SOL; after each only blocks are made, or all functions work."""
        self.world.reprice(float(level))
        blocks = [each for each in self.world.bindings() if each[0].stream == TRANSACTIONS]
        for _ in range(slots):
            if beat(self.witness):
                work_once(self.witness, blocks)
            for _ in range(times):
                work_once(self.witness, self.world.bindings())

    @precondition(lambda self: self.witness.memory.messages)
    @rule(pick=st.integers(0, 255))
    def duplicate(self, pick: int) -> None:
        messages = sorted(self.witness.memory.messages)
        partition, stream, text = chosen(messages, pick)
        self.world.client.xadd(key(partition, stream), {"attempt": 1, "order": text})
        self.witness.check()

    @precondition(lambda self: self._letters())
    @rule(pick=picks, calls=st.integers(1, 3), fate=fates)
    def redrive(self, pick: int, calls: int, fate: Fate) -> None:
        self._run(self.world.redriver(chosen(self._letters(), pick)), calls, fate)

    @rule(by_ms=st.sampled_from([-60_000, 1_000, EXPIRES_IN_MS, 70_000, HOUR_MS]))
    def time_passes(self, by_ms: int) -> None:
        """Step the machines' clock, which Redis' does not follow backwards; keys that expire may do so."""
        if by_ms == HOUR_MS and self._all_published():
            self.world.expire_keys(HOUR_MS)
        self.world.now_ms += by_ms
        self.world.redis_now_ms += max(by_ms, 0)
        self.witness.check()

    def teardown(self) -> None:
        """Let a healthy poller do the rest, then let paused actors go on, and do the rest again."""
        if self.is_over or not hasattr(self, "witness"):
            return
        work_off(self.witness)
        for actor in self.begun.values():
            self.witness.go_on(actor)
        drain(self.witness)

    # ---------------------------------------------------------------------------------------------------- parts

    def _move(self, move: Move) -> None:
        if move.kind == "crash":
            self.begun = {place: actor for place, actor in self.begun.items() if place[0] != move.poller}
            return
        mine = sorted(place for place in self.begun if place[0] == move.poller)
        if move.kind == "go on" and mine:
            place = chosen(mine, move.pick)
        else:
            begins = self.world.recoverer if move.kind == "take over" else self.world.reader
            bindings = self._with_work(is_pending=move.kind == "take over")
            if not bindings:
                return
            mapping, partition = chosen(bindings, move.pick)
            place = (move.poller, mapping.function, partition)
            if place not in self.begun:
                self.begun[place] = begins(mapping, partition, move.trouble)
        self._go_on(place, self.begun.pop(place), move.calls, move.fate)

    def _go_on(self, place: tuple[str, str, str], actor: Actor, calls: int, fate: Fate) -> None:
        """Let an actor make some calls, and keep it if it makes more."""
        if not self._run(actor, calls, fate).has_finished:
            self.begun[place] = actor

    def _run(self, actor: Actor, calls: int, fate: Fate) -> Actor:
        """Let an actor make some calls, the last of which meets its fate."""
        self.is_over = True
        self.witness.go_on(actor, calls, fate)
        self.is_over = False
        return actor

    def _with_work(self, *, is_pending: bool) -> list[Binding]:
        """Return where there are records to read, or to recover; only at the function in focus if there are some."""
        found = []
        for mapping, partition in self.world.bindings():
            stream = self.witness.stream_of(mapping, partition)
            if stream.pending.get(mapping.function) if is_pending else may_read(mapping, stream):
                found.append((mapping, partition))
        return [binding for binding in found if binding[0].function == self.focus] or found

    def _new_id(self, partition: str) -> OrderId:
        """Return an id that was not there before, of a partition if one is given."""
        while True:
            self.number += 1
            order_id = nth_id(self.number)
            if partition_of(order_id, PARTITIONS) == partition or not partition:
                return order_id

    def _all_published(self) -> bool:
        streams = [self.witness.snapshot.streams[key(partition, "status")] for partition in self.world.partitions]
        return not any(stream.unacknowledged("publish_status") for stream in streams)

    def _orders_and_streams(self) -> tuple[object, ...]:
        """Return the orders as they are, and where their streams end."""
        snapshot = Snapshot(self.world.client)
        return snapshot.orders, {name: stream.last_id for name, stream in snapshot.streams.items()}

    def _letters(self) -> list[DeadLetter]:
        if not any(name.endswith(":dead") for name in self.witness.snapshot.streams):
            return []
        return list(DeadLetters(self.world.client, list(self.world.streams)).all())
