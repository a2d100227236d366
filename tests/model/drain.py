"""The end of a model check's run: a healthy poller does all that is left to do, and then nothing may be missing."""

from collections.abc import Iterable

from orderflow.adapters.dead_letters import DeadLetters
from orderflow.adapters.keys import key
from orderflow.domain.lifecycle import TERMINAL
from orderflow.venues.mock.keys import CHAIN
from tests.model.witness import Witness, require
from tests.model.world import RESTING, Binding, World

MOST_ROUNDS = 60


def make_timers_due(world: World) -> list[str]:
    """Make every message that a timer holds due; return the partitions that have some."""
    due = []
    for partition in (*world.partitions, CHAIN):
        timers = key(partition, "timers")
        members = world.client.zrange(timers, 0, -1)
        if members:
            world.client.zadd(timers, {str(member): 0 for member in members})
            due.append(partition)
    return due


def drain(witness: Witness) -> None:
    """Do all that is left to do, dead letters of the status stream included, and check that nothing is missing.

    While something rests the clock runs; then that goes, and the clock has to stop.
    """
    witness.check()
    require(not witness.snapshot.resting or "ticks" in witness.snapshot.slot, "the clock runs while something rests")
    witness.world.client.delete(RESTING)
    dead_letters = DeadLetters(witness.world.client, list(witness.world.streams))
    _work_off(witness)
    for letter in list(dead_letters.all()):
        if letter.stream == "status":
            dead_letters.redrive(letter)
    witness.check()
    _work_off(witness)
    _check_end(witness)


def work_once(witness: Witness, bindings: Iterable[Binding]) -> bool:
    """Let functions and timers do all that there is to do now; return False when there was nothing."""
    world = witness.world
    due = make_timers_due(world)
    for partition in due:
        witness.go_on(world.timekeeper(partition))
    worked = bool(due)
    for mapping, partition in bindings:
        if witness.stream_of(mapping, partition).pending.get(mapping.function):
            witness.go_on(world.recoverer(mapping, partition))
            worked = True
        if witness.stream_of(mapping, partition).unread(mapping.function):
            witness.go_on(world.reader(mapping, partition))
            worked = True
    return worked


def _work_off(witness: Witness) -> None:
    for _ in range(MOST_ROUNDS):
        if not work_once(witness, witness.world.bindings()):
            return
    require(holds=False, what="the work is never done")


def _check_end(witness: Witness) -> None:
    """Every order has ended and is recorded to its end, every watcher has every status, and nothing is left over."""
    witness.check()
    snapshot, world = witness.snapshot, witness.world
    for order_id, history in witness.memory.histories.items():
        require(history[-1].status in TERMINAL, f"{order_id} ends as {history[-1].status}")
        recorded = [sequence for of, sequence in world.ends.rows if of == order_id]
        require(sorted(recorded) == [event.sequence for event in history], f"of {order_id} {recorded} are recorded")
    for (connection, order_id), texts in world.ends.inboxes.items():
        if connection not in world.ends.closed and not witness.memory.may_miss & {connection, order_id}:
            statuses = len(witness.memory.histories[order_id])
            require(len(texts) == statuses, f"{connection} got {len(texts)} of {statuses} statuses of {order_id}")
    require("ticks" not in snapshot.slot, "a clock that nothing needs stands still")
    for name, stream in snapshot.streams.items():
        require(name.endswith(":dead") or not stream.entries, f"{name} is not empty: {stream.entries}")
    ends = (":order:", ":tx:", ":watchers:", ":left:")
    lasting = [name for name, life_ms in snapshot.lives_ms.items() if life_ms < 0 and any(end in name for end in ends)]
    require(not lasting, f"keys of what has ended expire, but for {lasting}")
    require(
        not any(":watched:" in name for name in snapshot.watchers),
        f"nobody watches what has ended: {snapshot.watchers}",
    )
