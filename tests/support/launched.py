"""Launches of the mock market for tests: markets in which tokens have been launched, and orders that buy them."""

from collections import Counter
from collections.abc import Mapping
from decimal import Decimal

from orderflow.domain.launches import Launch, Priority, Snipe
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest
from orderflow.domain.pools import Pool
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.launches import launch_at
from tests.support.builders import NOW_MS, ORDER_ID, market_state, vault

EVERY = 100


def live(to_slot: int, state: MarketState | None = None, *, every: int = EVERY, seed: int = 1) -> Blocks:
    """Return the blocks in which a market without orders lives on to a slot."""
    at = state or market_state()
    return produce(seed, at, [], lambda _: 0, NOW_MS, least_slots=to_slot - at.slot, launch_every=every)


def launched_for(quote: str, seed: int = 1) -> Launch:
    """Return the first launch whose pool takes a token."""
    launches = (launch_at(seed, slot) for slot in range(0, 100 * EVERY, EVERY))
    return next(launch for launch in launches if launch.quote == quote)


def buying(launch: Launch, amount_in: int, slippage_bps: int = 2_500) -> OrderRequest:
    """Return a market order that buys the token of a launch."""
    return OrderRequest(launch.quote, launch.token.symbol, amount_in, "market", slippage_bps, tokens=(launch.token,))


def snipe(launch: Launch, amount_in: int, priority: Priority = "turbo", order_id: str = ORDER_ID) -> Order:
    """Return an order that a launch has fired."""
    waits_for = Snipe(mint=launch.token.mint, priority=priority)
    request = OrderRequest(launch.quote, "", amount_in, "sniper", 2_500, snipe=waits_for)
    order = Order.accept(OrderId(order_id), request, NOW_MS).open(0, NOW_MS)
    return order.fire(Fired(launch.open_slot, "launch", Decimal(1), amount_in, launch), NOW_MS)


def gained(before: Mapping[str, Pool], after: Mapping[str, Pool]) -> dict[tuple[str, str], int]:
    """Return what each vault has more than before, where it has; a pool that is not there holds nothing."""
    held = Counter[tuple[str, str]]()
    for pools, sign in ((after, 1), (before, -1)):
        for pool in pools.values():
            for token in (pool.token_a, pool.token_b):
                held[pool.pool, token] += sign * vault(pool, token)
    return {place: atoms for place, atoms in held.items() if atoms}


def paid_in(*blocks: Blocks) -> dict[tuple[str, str], int]:
    """Return what the fills of blocks, and others than our orders, have paid into each vault."""
    paid = Counter[tuple[str, str]]()
    for each in blocks:
        for place, atoms in each.flows.items():
            pool, _, token = place.partition("|")
            paid[pool, token] += atoms
        for fill in (fill for execution in each.executions for fill in execution.fills):
            paid[fill.pool, fill.token_in] += fill.amount_in
            paid[fill.pool, fill.token_out] -= fill.amount_out
    return {place: atoms for place, atoms in paid.items() if atoms}
