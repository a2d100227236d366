"""The model check by exhaustion: every interleaving of two owners at one function, call by call, on the real Lua.

States are told apart by all that Redis holds, what the ends hold and what each owner has been answered; ids of entries
count by their order alone. Each state is gone on from once, in every way there is, until no new one comes up.
"""

import re
from collections import deque
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from typing import NamedTuple

import msgspec

from orderflow.adapters.keys import key
from tests.model.actors import Actor, Fate
from tests.model.drain import drain, make_timers_due
from tests.model.ends import Ends
from tests.model.redis import Look, place
from tests.model.witness import Memory, Witness
from tests.model.world import Binding

# Redis keeps the states itself, in another database; a key's content is stored once for all states that share it.
# What never changes is left where it is.
_KEYS = """
local names = {}
for _, name in ipairs(redis.call('KEYS', '*')) do
  if name ~= '{chain}:opening' then
    names[#names + 1] = name
  end
end
"""
_SAVE = (
    _KEYS
    + """
local state = {}
for _, name in ipairs(names) do
  local content = redis.call('DUMP', name)
  local mark = redis.sha1hex(content)
  redis.call('SELECT', 1)
  redis.call('HSETNX', 'contents', mark, content)
  redis.call('SELECT', 0)
  state[#state + 1] = {name, mark, math.max(redis.call('PTTL', name), 0)}
end
redis.call('SELECT', 1)
redis.call('SET', ARGV[1], cjson.encode(state))
redis.call('SELECT', 0)
"""
)
_LOAD = (
    _KEYS
    + """
redis.call('DEL', unpack(names))
redis.call('SELECT', 1)
local state = cjson.decode(redis.call('GET', ARGV[1]))
for _, key in ipairs(state) do
  key[2] = redis.call('HGET', 'contents', key[2])
end
redis.call('SELECT', 0)
for _, key in ipairs(state) do
  redis.call('RESTORE', key[1], key[3], key[2])
end
"""
)
_ID = re.compile(r"\d{13}-\d+")

Owners = tuple[Actor | None, ...]


class Left(NamedTuple):
    """How often what may happen may still happen: an owner begins to read or to take over, and each kind of mishap."""

    works: int = 3
    crashes: int = 1
    losses: int = 1
    duplicates: int = 1
    others: int = 0
    """How many of the functions that work meanwhile have yet to."""


class State(NamedTuple):
    """A state that is kept: its number in Redis, what else there is to it, and the way that led there."""

    number: int
    memory: Memory
    ends: Ends
    look: Look
    owners: Owners
    left: Left
    way: tuple[str, ...]


class Explorer:
    """Explores what two owners may do at one binding, one record at a time, from the state that the world is in.

    At any time between two calls another function may do all of its work, `meanwhile` naming them one after the other.
    """

    def __init__(self, witness: Witness, binding: Binding, left: Left, meanwhile: Sequence[Binding] = ()) -> None:
        self._witness = witness
        self._world = witness.world
        mapping, self._partition = binding
        self._mapping = msgspec.structs.replace(mapping, batch_size=1, maximum_batching_window_ms=0)
        self._save = self._world.client.register_script(_SAVE)
        self._load = self._world.client.register_script(_LOAD)
        self._numbers: dict[str, int] = {}
        """By what tells it from others, the number of each state."""
        self._from: list[list[int]] = []
        """By state, the states that its steps come from, as often as there are steps."""
        self._waiting: deque[State] = deque()
        self._left = left._replace(others=len(meanwhile))
        self._meanwhile = meanwhile
        # Only blocks change the market, so of what an order's own functions read there nobody can tell when they did.
        self._world.quiet = {"MGET", "HMGET"} if mapping.scope == "orders" else set()
        self._way: tuple[str, ...] = ()
        self._ends: list[int] = []
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
        """Go every way, from each state once. Raises ViolationError, with the way to what does not hold."""
        self._arrive((None, None), self._left, ())
        try:
            while self._waiting:
                self._leave(self._waiting.popleft())
        except Exception as error:
            error.add_note("\n".join(self._way))
            raise

    def _leave(self, state: State) -> None:
        """Go every way from a state; from one that has none, have the rest of the pipeline done."""
        steps = self.steps
        for owner in (0, 1):
            self._go_on(state, owner)
        self._happen(state)
        if steps == self.steps:
            self._ends.append(state.number)
            self._way = (*state.way, "the rest")
            self._recall(state)
            drain(self._witness)

    def _go_on(self, state: State, owner: int) -> None:
        """Have an owner make its next call, or begin, or die."""
        actor, left = state.owners[owner], state.left
        if actor is None:
            for begin in self._begins(state):
                self._call(state, owner, begin, left._replace(works=left.works - 1))
            return
        self._call(state, owner, actor, left)
        if left.crashes:
            self._recall(state)
            self._way = (*state.way, f"{'AB'[owner]}: {actor}, crash")
            self._arrive(_with(state, owner, None), left._replace(crashes=left.crashes - 1), (state.number,))

    def _begins(self, state: State) -> Iterator[Actor]:
        stream = state.look.streams[key(self._partition, self._mapping.stream)]
        if state.left.works and stream.unread(self._mapping.function):
            yield self._world.reader(self._mapping, self._partition)
        if state.left.works and stream.pending[self._mapping.function]:
            yield self._world.successor(self._mapping, self._partition)

    def _call(self, state: State, owner: int, actor: Actor, left: Left) -> None:
        """Have an owner make a call, which meets every fate that it may."""
        for fate in Fate if left.losses else [Fate.ANSWERED]:
            self._recall(state)
            self._way = (*state.way, f"{'AB'[owner]}: {actor}, {fate.value}")
            went_on = self._witness.go_on(actor.copy(), 1, fate)
            remaining = left if fate is Fate.ANSWERED else left._replace(losses=left.losses - 1)
            self._arrive(_with(state, owner, None if went_on.has_finished else went_on), remaining, (state.number,))

    def _happen(self, state: State) -> None:
        """Have a message come twice, other functions work, and the time pass."""
        left = state.left
        for partition, stream, text in sorted(state.memory.messages):
            if left.duplicates and (partition, stream) == (self._partition, self._mapping.stream):
                self._recall(state)
                self._way = (*state.way, "duplicate")
                self._world.client.xadd(key(partition, stream), {"attempt": 1, "order": text})
                self._witness.check()
                self._arrive(state.owners, left._replace(duplicates=left.duplicates - 1), (state.number,))
        if left.others:
            mapping, partition = self._meanwhile[-left.others]
            self._recall(state)
            self._way = (*state.way, mapping.function)
            self._witness.go_on(self._world.reader(mapping, partition))
            self._arrive(state.owners, left._replace(others=left.others - 1), (state.number,))
        if key(self._partition, "timers") in state.look.timers:
            self._recall(state)
            self._way = (*state.way, "timers")
            make_timers_due(self._world)
            self._witness.go_on(self._world.timekeeper(self._partition))
            self._arrive(state.owners, left, (state.number,))

    def _arrive(self, owners: Owners, left: Left, before: tuple[int, ...]) -> None:
        """Note a step from the state `before`, and keep the state that the world is in now, if it is a new one."""
        mark = self._mark(owners, left)
        number = self._numbers.setdefault(mark, len(self._from))
        if number == len(self._from):
            self._from.append([])
            self._save(args=[number])
            memory, ends = self._witness.memory.copy(), self._world.ends.copy()
            self._waiting.append(State(number, memory, ends, self._witness.look, owners, left, self._way))
        self._from[number] += before
        self.steps += 1

    def _recall(self, state: State) -> None:
        self._load(args=[state.number])
        self._witness.memory, self._world.ends = state.memory.copy(), state.ends.copy()
        self._witness.look = state.look

    def _mark(self, owners: Owners, left: Left) -> str:
        """Return what tells a state from others; the two owners are alike."""
        answers = sorted(f"{actor.name} {[answer[1:] for answer in actor.answers]}" for actor in owners if actor)
        ends = self._world.ends
        whole = f"{self._witness.look.facts()} {answers} {sorted(ends.rows)} {ends.inboxes} {left}"
        ids = {found: number for number, found in enumerate(sorted(set(_ID.findall(whole)), key=place))}
        return _ID.sub(lambda match: f"#{ids[match[0]]}", whole)


def _with(state: State, owner: int, actor: Actor | None) -> Owners:
    return tuple(actor if number == owner else other for number, other in enumerate(state.owners))
