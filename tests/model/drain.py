"""The end of a model check's run: a healthy poller does all that is left to do, and then nothing may be missing."""

from collections.abc import Iterable
from contextlib import suppress

from orderflow.adapters.dead_letters import DeadLetters
from orderflow.adapters.keys import key
from orderflow.domain.attempts import MOST_LIMIT_ATTEMPTS, MOST_SNIPE_ATTEMPTS, MOST_STOP_ATTEMPTS
from orderflow.domain.lifecycle import EXPIRED_STREAM, TERMINAL
from orderflow.domain.status import Status
from orderflow.errors import RejectedError
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.keys import CHAIN, TRANSACTIONS, chain_key, result_key
from tests.model.promises import limit_of
from tests.model.redis import lasts
from tests.model.requests import EXPIRES_IN_MS
from tests.model.resting import check_may_rest
from tests.model.violation import require
from tests.model.witness import Witness
from tests.model.world import Binding, World
from tests.support.lifecycle import TICKS

MOST_ROUNDS = 60
BEAT = f"{TRANSACTIONS} 1 {HEARTBEAT}"
"""The chain's heartbeat among its timers."""
_NEVER, _NOW = 10**15, 0
MOST_BEATS = 10

REDRIVEN = ("status", TICKS, EXPIRED_STREAM)
"""The streams whose records end no order when they are given up: they are redriven, so that what they say is done."""


def make_timers_due(world: World) -> list[str]:
    """Make every message that a timer holds due; return where something is due, or expires by Redis' clock.

    The chain's heartbeat waits for `beat`.
    """
    due = []
    for partition in (*world.partitions, CHAIN):
        timers = key(partition, "timers")
        members = {str(member): _NEVER if member == BEAT else _NOW for member in world.client.zrange(timers, 0, -1)}
        if members:
            world.client.zadd(timers, members)
        expired = world.client.zcount(key(partition, "expiries"), "-inf", world.redis_now_ms)
        if expired or _NOW in members.values():
            due.append(partition)
    return due


def beat(witness: Witness) -> bool:
    """Have the chain's heartbeat come, so that a slot passes; False when the clock does not run."""
    world = witness.world
    if not world.client.zscore(chain_key("timers"), BEAT):
        return False
    make_timers_due(world)
    world.client.zadd(chain_key("timers"), {BEAT: _NOW})
    world.client.hdel(chain_key("slot"), "beat")  # It is not too soon after the one before.
    witness.go_on(world.timekeeper(CHAIN))
    return True


def drain(witness: Witness) -> None:
    """Do all that is left to do, dead letters included, end what rests, and check that nothing is missing."""
    work_off(witness)
    dead_letters = DeadLetters(witness.world.client, list(witness.world.streams))
    for letter in list(dead_letters.all()):
        if letter.stream in REDRIVEN or letter.fields.get("order") == HEARTBEAT:
            with suppress(RejectedError):
                dead_letters.redrive(letter)
    witness.check()
    work_off(witness)
    if witness.snapshot.resting:
        _end_resting(witness)
    for _ in range(MOST_BEATS):
        if beat(witness):
            work_off(witness)
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


def work_off(witness: Witness) -> None:
    """Let functions and timers do all that there is to do."""
    world = witness.world
    for _ in range(MOST_ROUNDS):
        if not work_once(witness, world.bindings()):
            return
    require(False, "the work comes to an end", witness.snapshot.facts())


def _end_resting(witness: Witness) -> None:
    """Let the market go on a little; then all that rests may rest. Let time pass, then cancel it."""
    world = witness.world
    for _ in range(2):
        require(beat(witness), "the clock runs while something rests")
        work_off(witness)
    venue = world.own_venue()
    for order_id in witness.snapshot.resting:
        check_may_rest(witness.snapshot, witness.memory.orders[order_id], venue, world.redis_now_ms)
    world.redis_now_ms += EXPIRES_IN_MS
    work_off(witness)
    for order_id in list(witness.snapshot.resting):
        witness.go_on(world.canceller(order_id, witness.memory.orders[order_id].account))
    work_off(witness)


def _check_end(witness: Witness) -> None:
    """Every order has ended and is recorded to its end, every watcher has every status, and nothing is left over."""
    witness.check()
    snapshot, world = witness.snapshot, witness.world
    for order_id, history in witness.memory.histories.items():
        require(history[-1].status in TERMINAL, f"{order_id} ends as {history[-1].status}")
        _check_tries(witness, order_id)
        recorded = [sequence for of, sequence in world.ends.rows if of == order_id]
        require(sorted(recorded) == [event.sequence for event in history], f"of {order_id} {recorded} are recorded")
    for (connection, order_id), texts in world.ends.inboxes.items():
        if connection not in world.ends.closed and not witness.memory.may_miss & {connection, order_id}:
            statuses = len(witness.memory.histories[order_id])
            require(len(texts) == statuses, f"{connection} got {len(texts)} of {statuses} statuses of {order_id}")
    for name, stream in snapshot.streams.items():
        require(name.endswith(":dead") or not stream.entries, f"{name} is not empty: {stream.entries}")
    ends = (":order:", ":tx:", ":watchers:", ":left:")
    kept = {name for name, life_ms in snapshot.lives_ms.items() if lasts(life_ms) and any(end in name for end in ends)}
    lasting = kept - {result_key(signature) for signature in witness.memory.not_forgotten}
    require(not lasting, f"keys of what has ended expire, but for {lasting}")
    require(
        not any(":watched:" in name for name in snapshot.watchers),
        f"nobody watches what has ended: {snapshot.watchers}",
    )
    require(not snapshot.has_ticks, "the clock stands when nothing rests")


def _check_tries(witness: Witness, order_id: str) -> None:
    """An order that waits fails as its transaction did only after as many attempts as it has, or when given up."""
    order, memory = witness.memory.orders[order_id], witness.memory
    statuses = [event.status for event in memory.histories[order_id][-2:]]
    if not order.request.waits or statuses != [Status.SUBMITTED, Status.FAILED]:
        return
    most = MOST_STOP_ATTEMPTS if limit_of(order) is None else MOST_LIMIT_ATTEMPTS
    most = MOST_SNIPE_ATTEMPTS if order.request.snipe else most
    is_given_up = any(order_id in given_up for given_up in memory.given_up)
    require(order.attempts + 1 >= most or is_given_up, "an order that was refused is tried again", order)
