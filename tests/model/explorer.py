"""The model check by exhaustion: every interleaving of two pollers at one function, call by call, on the real Lua.

Two states are the same when Redis holds the same, the ends hold the same and each poller has had the same answers; of
the ids of entries and orders only their order counts. Each state is continued once, in every possible way, until none
is new.
"""

import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

import msgspec

from orderflow.adapters import scripts
from orderflow.adapters.keys import key
from tests.model.actors import ALL, Actor, Fate
from tests.model.drain import drain, make_timers_due
from tests.model.ends import Ends
from tests.model.memory import Memory
from tests.model.redis import SCRIPTS, Snapshot, id_order
from tests.model.witness import Witness, may_read
from tests.model.world import Binding

_ENTRY_ID, _ORDER_ID = r"\d{13}-\d+", r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}"
_ID = re.compile(f"{_ORDER_ID}|{_ENTRY_ID}")

Actors = tuple[Actor | None, ...]
"""The two pollers, then what works meanwhile."""
OTHER = 2
MakeActor = Callable[[], Actor]


class Budget(NamedTuple):
    """How often a poller may still begin to read or recover records, and each kind of mishap may happen."""

    works: int = 3
    crashes: int = 1
    losses: int = 1
    duplicates: int = 1
    others: int = 0
    """How many of the programs that work meanwhile have not begun yet."""
    pauses: bool = False
    """Whether these pause between their calls; otherwise each does all of its work at once."""


class State(NamedTuple):
    """A state that is kept: its number in Redis, the state outside Redis, and the trace of calls that led there."""

    number: int
    memory: Memory
    ends: Ends
    snapshot: Snapshot
    actors: Actors
    budget: Budget
    trace: tuple[str, ...]


class Explorer:
    """Explores all that two pollers can do at one binding, from the world's present state.

    They read one record at a time, or so many as `at_once` says. Between any two calls another program may work;
    `meanwhile` makes their actors, in their order.
    """

    def __init__(
        self,
        witness: Witness,
        binding: Binding,
        budget: Budget,
        meanwhile: Sequence[MakeActor] = (),
        *,
        at_once: int = 1,
    ) -> None:
        self.witness = witness
        self._world = witness.world
        mapping, self._partition = binding
        self._mapping = msgspec.structs.replace(mapping, batch_size=at_once, maximum_batching_window_ms=0)
        self._save = self._world.client.register_script(scripts.source("save", package=SCRIPTS))
        self._load = self._world.client.register_script(scripts.source("load", package=SCRIPTS))
        self._numbers: dict[str, int] = {}
        """The number of each state, by its fingerprint."""
        self._from: list[list[int]] = []
        """By state, the states before it, each as often as there are steps from it."""
        self._waiting: deque[State] = deque()
        self._budget = budget._replace(others=len(meanwhile))
        self._meanwhile = meanwhile
        # Only blocks change the market, so it makes no difference when an order's own functions read it.
        self._world.quiet = {"MGET", "HMGET"} if mapping.scope == "orders" else set()
        self._trace: tuple[str, ...] = ()
        self._ends: list[int] = []
        self._drained: set[str] = set()
        self.steps = 0

    @property
    def states(self) -> int:
        """How many states there are."""
        return len(self._numbers)

    def interleavings(self) -> int:
        """Return how many ways lead from the beginning to an end."""
        ways: dict[int, int] = {}
        for number in TopologicalSorter(dict(enumerate(self._from))).static_order():
            ways[number] = sum(ways[before] for before in self._from[number]) or 1
        return sum(ways[number] for number in self._ends)

    def explore(self) -> None:
        """Continue every state in every way. Raises ViolationError; the trace of calls that led to it is its note."""
        self._reach((None, None, None), self._budget, ())
        try:
            while self._waiting:
                self._expand(self._waiting.popleft())
        except Exception as error:
            error.add_note("\n".join(self._trace))
            raise

    def _expand(self, state: State) -> None:
        """Continue a state in every way.

        Where only what works meanwhile goes on, if it does, let the rest of the pipeline work and check the end.
        """
        steps = self.steps
        for poller in (0, 1):
            self._step(state, poller)
        self._disturb(state)
        is_left = steps == self.steps
        self._let_others_work(state)
        if steps == self.steps:
            self._ends.append(state.number)
        if is_left:
            self._trace = (*state.trace, "the rest")
            self._restore(state)
            # How it came there makes no difference to what is left to do.
            left = _canonical(f"{state.snapshot.facts()} {sorted(state.ends.rows)} {state.ends.inboxes}")
            if left not in self._drained:
                self._drained.add(left)
                drain(self.witness)

    def _step(self, state: State, poller: int) -> None:
        """Let a poller make its next call, or begin, or crash."""
        actor, budget = state.actors[poller], state.budget
        if actor is None:
            for begin in self._begins(state):
                self._call(state, poller, begin, budget._replace(works=budget.works - 1))
            return
        self._call(state, poller, actor, budget)
        if budget.crashes:
            self._restore(state)
            self._trace = (*state.trace, f"{'AB'[poller]}: {actor}, crash")
            self._reach(_with(state, poller, None), budget._replace(crashes=budget.crashes - 1), (state.number,))

    def _begins(self, state: State) -> Iterator[Actor]:
        stream = state.snapshot.streams[key(self._partition, self._mapping.stream)]
        if state.budget.works and may_read(self._mapping, stream):
            yield self._world.reader(self._mapping, self._partition)
        if state.budget.works and stream.pending[self._mapping.function]:
            yield self._world.recoverer(self._mapping, self._partition)

    def _call(self, state: State, poller: int, actor: Actor, budget: Budget) -> None:
        """Let a poller make a call, once for each fate that it can meet."""
        for fate in Fate if budget.losses else [Fate.ANSWERED]:
            self._restore(state)
            self._trace = (*state.trace, f"{'AB'[poller]}: {actor}, {fate.value}")
            went_on = self.witness.go_on(actor.copy(), 1, fate)
            remaining = budget if fate is Fate.ANSWERED else budget._replace(losses=budget.losses - 1)
            self._reach(_with(state, poller, None if went_on.has_finished else went_on), remaining, (state.number,))

    def _let_others_work(self, state: State) -> None:
        """Let what works meanwhile go on, or begin."""
        actor, budget = state.actors[OTHER], state.budget
        if actor is None and budget.others:
            actor, budget = self._meanwhile[-budget.others](), budget._replace(others=budget.others - 1)
        if actor is None:
            return
        self._restore(state)
        self._trace = (*state.trace, f"{actor}")
        went_on = self.witness.go_on(actor.copy(), 1 if budget.pauses else ALL)
        self._reach(_with(state, OTHER, None if went_on.has_finished else went_on), budget, (state.number,))

    def _disturb(self, state: State) -> None:
        """Let a message come twice, and time pass."""
        budget = state.budget
        for partition, stream, text in sorted(state.memory.messages):
            if budget.duplicates and (partition, stream) == (self._partition, self._mapping.stream):
                self._restore(state)
                self._trace = (*state.trace, "duplicate")
                self._world.client.xadd(key(partition, stream), {"attempt": 1, "order": text})
                self.witness.check()
                self._reach(state.actors, budget._replace(duplicates=budget.duplicates - 1), (state.number,))
        if key(self._partition, "timers") in state.snapshot.timers or state.snapshot.expiries:
            self._restore(state)
            self._trace = (*state.trace, "timers")
            if self._partition not in make_timers_due(self._world):
                return
            self.witness.go_on(self._world.timekeeper(self._partition))
            self._reach(state.actors, budget, (state.number,))

    def _reach(self, actors: Actors, budget: Budget, before: tuple[int, ...]) -> None:
        """Note a step from the state `before`, and keep the world's present state if it is new."""
        fingerprint = self._fingerprint(actors, budget)
        number = self._numbers.setdefault(fingerprint, len(self._from))
        if number == len(self._from):
            self._from.append([])
            self._save(args=[number])
            memory, ends = self.witness.memory.copy(), self._world.ends.copy()
            self._waiting.append(State(number, memory, ends, self.witness.snapshot, actors, budget, self._trace))
        self._from[number] += before
        self.steps += 1

    def _restore(self, state: State) -> None:
        self._load(args=[state.number])
        self.witness.memory, self._world.ends = state.memory.copy(), state.ends.copy()
        self.witness.snapshot = state.snapshot

    def _fingerprint(self, actors: Actors, budget: Budget) -> str:
        """Return the same text for the same state; the pollers may be swapped."""
        answers = sorted(f"{actor.name} {[answer[1:] for answer in actor.answers]}" for actor in actors if actor)
        ends = self._world.ends
        whole = f"{self.witness.snapshot.facts()} {answers} {sorted(ends.rows)} {ends.inboxes} {budget}"
        return _canonical(whole)


def _canonical(whole: str) -> str:
    """Return a text with the ids in it numbered in their order."""
    found = set(_ID.findall(whole))
    of_entries = sorted((each for each in found if re.fullmatch(_ENTRY_ID, each)), key=id_order)
    ids = {each: number for number, each in enumerate([*of_entries, *sorted(found.difference(of_entries))])}
    return _ID.sub(lambda match: f"#{ids[match[0]]}", whole)


def _with(state: State, place: int, actor: Actor | None) -> Actors:
    return tuple(actor if number == place else other for number, other in enumerate(state.actors))
