"""Checks what the system holds after a run: ledger, chain and leftovers in, invariants with their violations out."""

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Sequence
from itertools import pairwise

from orderflow.domain.lifecycle import TERMINAL, followers
from orderflow.domain.status import Status
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.contents import EventRow, LedgerContents, Leftovers, OrderRow
from tests.harness.chaos.mock_market import ChainContents


def present(order_ids: Collection[str], ledger: LedgerContents) -> Invariant:
    """Every order that was accepted is in the ledger."""
    held = {order.order_id for order in ledger.orders}
    missing = [f"{order_id} was accepted and is not in the ledger" for order_id in order_ids if order_id not in held]
    return Invariant("an accepted order is in the ledger", len(order_ids), missing)


def ended(ledger: LedgerContents, *, all_confirmed: bool = False) -> Invariant:
    """Every order in the ledger is over; confirmed, where nothing should have failed."""
    allowed = {Status.CONFIRMED.value} if all_confirmed else {status.value for status in TERMINAL}
    return Invariant(
        "every order ends",
        len(ledger.orders),
        [
            f"{order.order_id} is {order.status} ({order.reason})"
            for order in ledger.orders
            if order.status not in allowed
        ],
    )


def histories(ledger: LedgerContents) -> Invariant:
    """Every order's events are 1 to n, legal, in time, and lead to the order as it stands."""
    invariant = Invariant("events are 1..n, legal and in time", len(ledger.events))
    events: dict[str, list[EventRow]] = defaultdict(list)
    for event in ledger.events:
        events[event.order_id].append(event)
    for order in ledger.orders:
        invariant.violations += [
            f"{order.order_id} {fault}" for fault in _faults_of(order, events.pop(order.order_id, []))
        ]
    invariant.violations += [f"{order_id} has events and is no order" for order_id in events]
    return invariant


def _faults_of(order: OrderRow, events: Sequence[EventRow]) -> Iterable[str]:
    sequences = [event.sequence for event in events]
    if sequences != list(range(1, order.sequence + 1)):
        yield f"is at {order.sequence} and has events {sequences}"
        return
    statuses = [Status(event.status) for event in events]
    if statuses[0] is not Status.PENDING:
        yield f"begins with {statuses[0]}"
    for before, after in pairwise(statuses):
        if after not in followers(before):
            yield f"went from {before} to {after}"
    if statuses[-1] != order.status:
        yield f"is {order.status} and its last event is {statuses[-1]}"
    times = [event.at_s for event in events]
    if times != sorted(times):
        yield "has events that step back in time"


def executed_once(ledger: LedgerContents) -> Invariant:
    """No signature belongs to two orders, and an order's fills are those of its own signatures, each leg once."""
    invariant = Invariant("a signature is executed at most once", len(ledger.fills))
    named = {(order.tx_hash, order.order_id) for order in ledger.orders if order.tx_hash}
    signatures = Counter(tx for tx, _ in named | {(fill.tx_hash, fill.order_id) for fill in ledger.fills})
    invariant.violations += [
        f"{tx} is the signature of {count} orders" for tx, count in signatures.items() if count > 1
    ]
    legs = Counter((fill.order_id, fill.leg) for fill in ledger.fills)
    invariant.violations += [
        f"{order_id} has leg {leg} {count} times" for (order_id, leg), count in legs.items() if count > 1
    ]
    orders = {order.order_id: order for order in ledger.orders}
    for fill in ledger.fills:
        order = orders.get(fill.order_id)
        # One that waits may be filled in parts, each with a signature of its own.
        parts = order is not None and order.waits
        if order is None or not (parts or (order.status == Status.CONFIRMED and order.tx_hash == fill.tx_hash)):
            was = "no order" if order is None else f"{order.status} with signature {order.tx_hash}"
            invariant.violations.append(f"{fill.order_id} has a fill of {fill.tx_hash} and is {was}")
    return invariant


def as_on_chain(ledger: LedgerContents, chain: ChainContents) -> Invariant:
    """What the ledger says of a signature is what the chain says of it.

    Of one that was refused the ledger may say nothing, where its order went on without it.
    """
    invariant = Invariant("the ledger says what the chain says", len(chain.executions))
    fills = defaultdict(list)
    orders = {order.order_id: order for order in ledger.orders}
    by_signature = {order.tx_hash: order for order in ledger.orders if order.tx_hash}
    for fill in ledger.fills:
        fills[fill.tx_hash].append((fill.pool, fill.token_in, fill.amount_in, fill.token_out, fill.amount_out))
        if fill.order_id in orders:
            by_signature[fill.tx_hash] = orders[fill.order_id]
    for signature, execution in chain.executions.items():
        order = by_signature.get(signature)
        executed = [(leg.pool, leg.token_in, leg.amount_in, leg.token_out, leg.amount_out) for leg in execution.fills]
        if execution.error is not None:
            if order is not None and (fills[signature] or order.status == Status.CONFIRMED):
                invariant.violations.append(f"{order.order_id} is {order.status}, but on chain: {execution.error}")
        elif order is None:
            invariant.violations.append(f"{signature} was executed and belongs to no order in the ledger")
        elif not (order.waits or order.status == Status.CONFIRMED):
            invariant.violations.append(
                f"{order.order_id} is {order.status} ({order.reason}) and its swap was executed"
            )
        elif executed != fills[signature]:
            invariant.violations.append(f"{order.order_id} has fills {fills[signature]}, on chain {executed}")
    return invariant


def conserved(ledger: LedgerContents, chain: ChainContents) -> Invariant:
    """Every pool has changed by its fills and by what others paid into it, to the atom."""
    flows = Counter(chain.flows)
    for fill in ledger.fills:
        flows[fill.pool, fill.token_in] += fill.amount_in
        flows[fill.pool, fill.token_out] -= fill.amount_out
    changes: Counter[tuple[str, str]] = Counter()
    for pools, sign in ((chain.pools, 1), (chain.opening, -1)):
        for pool in pools.values():
            changes[pool.pool, pool.token_a] += sign * (pool.reserve_a + pool.withheld_a)
            changes[pool.pool, pool.token_b] += sign * (pool.reserve_b + pool.withheld_b)
    places = changes.keys() | flows.keys()
    return Invariant(
        "fills equal reserve changes to the atom",
        len(places),
        [
            f"{pool} {token}: the vault changed by {changes[pool, token]}, the fills by {flows[pool, token]}"
            for pool, token in sorted(places)
            if changes[pool, token] != flows[pool, token]
        ],
    )


def emptied(leftovers: Leftovers) -> Invariant:
    """Nothing waits in a stream or a timer set."""
    waiting = [f"{name} still holds {length}" for name, length in leftovers.lengths.items() if length]
    return Invariant("streams and timers are empty", len(leftovers.lengths), waiting)


def dead_letters_accounted_for(leftovers: Leftovers, ledger: LedgerContents) -> Invariant:
    """The order of every dead letter is over."""
    ends = {order.order_id for order in ledger.orders if order.status in TERMINAL}
    return Invariant(
        "dead letters are of orders that ended",
        len(leftovers.dead_letters),
        [
            f"{letter.order_id or '?'} has not ended; a dead letter of {letter.function} is of it: {letter.error}"
            for letter in leftovers.dead_letters
            if letter.order_id not in ends
        ],
    )


def expire_after_recording(leftovers: Leftovers, ledger: LedgerContents) -> Invariant:
    """An order that is over expires from Redis."""
    ends = {order.order_id: order.status for order in ledger.orders if order.status in TERMINAL}
    kept = [f"{order_id} is {ends[order_id]} and stays in Redis" for order_id in leftovers.lasting if order_id in ends]
    return Invariant("an order that ended leaves Redis", len(ends), kept)
