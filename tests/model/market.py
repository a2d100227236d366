"""What must hold of the chain in the model check: its executions, its blocks, its clock and its ticks."""

from collections import Counter
from collections.abc import Mapping

import msgspec
import redis

from orderflow.adapters.keys import key
from orderflow.domain.pools import Pool
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN, TRANSACTIONS
from tests.model.fills import Fill, check_payment
from tests.model.launches import check_closed, check_pools, check_waiting, closing, opening
from tests.model.memory import Carried, Memory, read_execution, read_order, read_tick
from tests.model.prices import check_missed, watch
from tests.model.redis import Snapshot, id_order
from tests.model.violation import require
from tests.support.builders import vault
from tests.support.lifecycle import TICKS

Vaults = Counter[tuple[str, str]]


def check_executions(memory: Memory, snapshot: Snapshot, redis_now_ms: int) -> None:
    """A signature is executed once, and never when it failed; it pays what it has to."""
    for _, stream, text in memory.messages:
        if stream == TRANSACTIONS:
            order = read_order(text)
            if order.signature not in memory.sent:
                recorded = [event.tx_hash for event in memory.histories[order.order_id]]
                require(order.signature in recorded, "what is sent is on record", order, recorded)
            known_order = memory.sent.setdefault(order.signature, order)
            require(known_order == order, "a signature is of one transaction", known_order, order)
    for signature, result in snapshot.results.items():
        known, found = memory.executions.get(signature), read_execution(result) if result else None
        if signature in memory.forgotten:
            # Sent again long after its order has ended: by then it has expired.
            require(found is None or found.error, f"{signature} was forgotten, and is not executed again")
        else:
            require(known in (None, found), f"{signature} is executed once", known, found)
            if found:
                memory.executions[signature] = found
            if found and not known and not found.error:
                check_payment(Fill(memory.sent[signature], found), redis_now_ms)
    memory.forgotten |= memory.executions.keys() - snapshot.results.keys()


def check_blocks(memory: Memory, snapshot: Snapshot, client: redis.Redis) -> None:
    """While the clock runs its next heartbeat is under way, unless it was given up, and each block has its tick.

    Atoms are conserved in each. What it has made of the prices is remembered.
    """
    letters = snapshot.dead_letters(CHAIN)
    chain, timers = snapshot.streams[key(CHAIN, TRANSACTIONS)], snapshot.timers.get(key(CHAIN, "timers"), [])
    under_way = [chain.entries[entry_id]["order"] for entry_id in chain.unacknowledged("produce_block")]
    under_way += [member.split(" ", 2)[2] for member in timers] + [letter.get("order", "") for letter in letters]
    require(not snapshot.has_ticks or HEARTBEAT in under_way, "a clock that runs has a heartbeat under way")
    ticks = snapshot.streams[key(CHAIN, TICKS)]
    came = [
        fields["tick"]
        for entry_id, fields in ticks.entries.items()
        # One that comes back from the dead letters is no new one.
        if id_order(entry_id) > id_order(memory.ticks_to) and "function" not in fields
    ]
    blocks = (int(snapshot.block) - int(memory.block or snapshot.block)) * memory.clock_ran
    require(len(came) == blocks and all(came), "each block has a tick while the clock runs", came)
    launches, closed = opening(memory, snapshot.slot), closing(memory, snapshot.slot)
    memory.opened += launches
    memory.closed += closed
    memory.slot = snapshot.slot
    memory.ticks_to, memory.clock_ran = ticks.last_id, snapshot.has_ticks
    if snapshot.block != memory.block:
        venue = ChainStore(client)
        state = venue.state()[1]
        memory.seen[state.slot] = (*memory.seen.get(state.slot, ()), venue.tick(state))
        _check_vaults(memory, venue, state.all_pools)
        check_pools(state.launched, memory)
        memory.block = snapshot.block
    for tick in map(read_tick, came):
        require(tick.launches == launches, "a launch is in the tick of its slot", tick.launches, launches)
        require(tick.closed == closed, "a close is in the tick of its slot", tick.closed, closed)
        bare = msgspec.structs.replace(tick, launches=(), closed=())
        require(bare in memory.seen[tick.slot], "a tick says what the market is worth", tick)
        watch(memory.watched, memory.orders.values(), tick)


def check_ticks(memory: Memory, snapshot: Snapshot, carried: Carried) -> None:
    """A tick that is worked off has fired what it met."""
    ticks = snapshot.streams[key(CHAIN, TICKS)]
    left = [ticks.entries[entry_id] for entry_id in ticks.unacknowledged("trigger_orders")]
    left += [letter for letter in snapshot.dead_letters(CHAIN) if "tick" in letter]
    to_be_worked = [read_tick(each["tick"]) for each in left]
    check_missed(memory.watched, memory.orders, to_be_worked)
    check_waiting(memory, carried, to_be_worked)
    check_closed(memory, carried, to_be_worked)


def _check_vaults(memory: Memory, venue: ChainStore, pools: Mapping[str, Pool]) -> None:
    paid: Vaults = Counter(venue.flows())
    for execution in memory.executions.values():
        for fill in execution.fills:
            paid[fill.pool, fill.token_in] += fill.amount_in
            paid[fill.pool, fill.token_out] -= fill.amount_out
    opening, now = _vaults(venue.opening()), _vaults(pools)
    wrong = {where: now[where] - opening[where] - paid[where] for where in now}
    require(not any(wrong.values()), f"vaults hold what was paid: { ({k: v for k, v in wrong.items() if v}) }")


def _vaults(pools: Mapping[str, Pool]) -> Vaults:
    held = [(pool, token) for pool in pools.values() for token in (pool.token_a, pool.token_b)]
    return Counter({(pool.pool, token): vault(pool, token) for pool, token in held})
