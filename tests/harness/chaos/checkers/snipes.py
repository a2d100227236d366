"""Checks orders that wait for launches: what they have bought, for how much, and how often they tried."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from orderflow.domain.launches import Launch
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS
from tests.harness.chaos.checkers.asked import amends_of, asked_before
from tests.harness.chaos.checkers.invariant import Invariant
from tests.harness.chaos.history.changes import Change
from tests.harness.chaos.history.contents import EventRow, FillRow, LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Post
from tests.harness.chaos.history.terms import Conditions, target_mint
from tests.harness.chaos.mock_market import ChainContents

MOST_ATTEMPTS = 3
BPS = 10_000
DEFAULT_SLIPPAGE = "0.25"


def bought_once(ledger: LedgerContents, chain: ChainContents) -> Invariant:
    """An order that waits for a launch buys once at most, by one swap, in the pool of the token that it has bought.

    So says the chain too, where the amount alone names the order.
    """
    invariant = Invariant("a sniper buys once at most, in the pool that was launched")
    launches = {launch.token.symbol: launch for launch in chain.launches}
    fills: dict[str, list[FillRow]] = defaultdict(list)
    for fill in ledger.fills:
        fills[fill.order_id].append(fill)
    on_chain = Counter(
        (leg.token_in, leg.amount_in)
        for execution in chain.executions.values()
        for leg in execution.fills
        if leg.token_out in launches and execution.error is None
    )
    for order in snipers(ledger):
        invariant.checked += 1
        invariant.violations += [
            f"{order.order_id} {fault}" for fault in _faults(order, fills[order.order_id], launches, on_chain)
        ]
    return invariant


def _faults(
    order: OrderRow,
    fills: Sequence[FillRow],
    launches: Mapping[str, Launch],
    on_chain: Mapping[tuple[str, int], int],
) -> Iterator[str]:
    expected = 1 if order.status == Status.CONFIRMED else 0
    if len(fills) != expected:
        yield f"is {order.status} and has {len(fills)} fills"
    if (executed := on_chain.get((order.token_in, order.amount_in), 0)) > expected:
        yield f"is {order.status}, and {executed} swaps over its amount are on the chain"
    for fill in fills:
        launch = launches.get(order.token_out)
        if launch is None or (fill.pool, fill.token_in, fill.token_out) != (
            launch.pool,
            order.token_in,
            launch.token.symbol,
        ):
            yield f"buys {order.token_out or 'nothing'} and was filled in {fill.pool}"


def bought_what_was_asked(
    posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents, chain: ChainContents
) -> Invariant:
    """What an order has bought passes its filters, as its client gave them; one that failed by a filter had it fail."""
    invariant = Invariant("a sniper buys what passes its filters")
    launches = {launch.token.symbol: launch for launch in chain.launches}
    by_mint = {launch.token.mint: launch for launch in chain.launches}
    amends, events = amends_of(changes), _events(ledger)
    for post, order in posted_snipers(posts, ledger):
        fired = (event for event in events[order.order_id] if event.status == Status.TRIGGERED)
        step = next(fired, events[order.order_id][-1])
        asked = asked_before(post.conditions, amends[order.order_id], step.sequence, step.at_s)
        launch = launches.get(order.token_out)
        if launch is not None:
            invariant.checked += 1
            if all(refusals := [refusal(each, order.token_in, launch) for each in asked]):
                invariant.violations.append(f"{order.order_id} was fired by {order.token_out}: {refusals[0]}")
        elif order.status == Status.FAILED:
            invariant.checked += 1
            launch = by_mint.get(target_mint(post.conditions) or "")
            if launch is None or not any(refusal(each, order.token_in, launch) for each in asked):
                invariant.violations.append(f"{order.order_id} failed, though it may have bought: {order.reason}")
    return invariant


def refusal(conditions: Conditions, token_in: str, launch: Launch) -> str | None:
    """Return why a client's order does not buy a launch; None where it does."""
    mint = target_mint(conditions)
    if mint not in (None, launch.token.mint):
        return f"it waits for {mint}"
    if launch.quote != token_in:
        return f"the pool takes {launch.quote}"
    asked = conditions.get("filters", {})
    for flag in ("mint_renounced", "freezable", "lp_burned", "venue"):
        if flag in asked and asked[flag] != getattr(launch, flag):
            return f"{flag} is {getattr(launch, flag)}"
    if launch.top10_bps > asked.get("max_top10_bps", BPS):
        return f"ten holders have {launch.top10_bps} bps"
    least = Decimal(asked.get("min_liquidity", 0)).scaleb(TOKENS[token_in].decimals)
    return f"the pool opens with {launch.liquidity}" if launch.liquidity < least else None


def slots_counted(ledger: LedgerContents, chain: ChainContents) -> Invariant:
    """A confirmed order says in how many slots after the opening it was executed: one at least, as the chain says."""
    invariant = Invariant("slots_from_open is what the chain says, and not below 1")
    launches = {launch.token.symbol: launch for launch in chain.launches}
    for order in ledger.orders:
        if order.order_type != "sniper" or order.status != Status.CONFIRMED:
            if order.slots_from_open is not None:
                invariant.violations.append(
                    f"{order.order_id} is {order.status} and says {order.slots_from_open} slots"
                )
            continue
        invariant.checked += 1
        late, launch = order.slots_from_open, launches.get(order.token_out)
        execution = chain.executions.get(order.tx_hash or "")
        expected = late if execution is None or launch is None else execution.slot - launch.open_slot
        if late is None or late < 1 or late != expected:
            invariant.violations.append(f"{order.order_id} says that it was {late} slots late, and was {expected}")
    return invariant


def tried_no_more(ledger: LedgerContents) -> Invariant:
    """An order that a launch has fired is tried three times at most, and goes out as often at most."""
    events = _events(ledger)
    invariant = Invariant("a sniper is tried three times at most")
    for order in snipers(ledger):
        invariant.checked += 1
        counts = Counter(event.status for event in events[order.order_id])
        invariant.violations += [
            f"{order.order_id} was {counts[status]} times {status}"
            for status in (Status.TRIGGERED.value, Status.SUBMITTED.value)
            if counts[status] > MOST_ATTEMPTS
        ]
    return invariant


def slippage_kept(posts: Sequence[Post], changes: Sequence[Change], ledger: LedgerContents) -> Invariant:
    """The minimum of each transaction is what its route is expected to yield, less what the client allows."""
    invariant = Invariant("a sniper's minimum is the expected amount less its slippage")
    amends, events = amends_of(changes), _events(ledger)
    for post, order in posted_snipers(posts, ledger):
        expected = fired_at = None
        for event in events[order.order_id]:
            if event.status == Status.TRIGGERED:
                fired_at = fired_at or event
            expected = event.expected_out or expected
            if event.minimum_out is None or expected is None or fired_at is None:
                continue
            invariant.checked += 1
            asked = asked_before(post.conditions, amends[order.order_id], fired_at.sequence, fired_at.at_s)
            least = [_least(expected, each) for each in asked]
            if event.minimum_out not in least:
                invariant.violations.append(
                    f"{order.order_id} expects {expected} and may yield {event.minimum_out}, not {least[0]}"
                )
    return invariant


def _least(expected: int, conditions: Conditions) -> int:
    return expected - int(expected * Decimal(str(conditions.get("max_slippage", DEFAULT_SLIPPAGE))))


def snipers(ledger: LedgerContents) -> list[OrderRow]:
    """Return the orders that wait for a launch, or were fired by one."""
    return [order for order in ledger.orders if order.order_type == "sniper"]


def posted_snipers(posts: Sequence[Post], ledger: LedgerContents) -> Iterator[tuple[Post, OrderRow]]:
    """Yield the orders that wait for a launch, each with what its client has posted."""
    orders = {order.order_id: order for order in snipers(ledger)}
    for post in posts:
        for order_id in post.order_ids & orders.keys():
            yield post, orders[order_id]


def _events(ledger: LedgerContents) -> Mapping[str, list[EventRow]]:
    events: dict[str, list[EventRow]] = defaultdict(list)
    for event in ledger.events:
        events[event.order_id].append(event)
    return events
