"""The mock chain's execution: transactions in landing order and pool states in, results and new states out."""

import msgspec

from orderflow.domain.order import Order, Signature
from orderflow.domain.pools import Pool
from orderflow.domain.routing import Leg, leg_of
from orderflow.domain.slippage import slippage_reason
from orderflow.errors import RejectedError


class Execution(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of a transaction: its fills and the atoms received, or the `error` it failed with."""

    signature: Signature
    height: int
    amount_out: int = 0
    fills: tuple[Leg, ...] = ()
    error: str | None = None


class Block(msgspec.Struct, frozen=True):
    """The executions of one block and the pools that it changed, in their state after it."""

    height: int
    executions: tuple[Execution, ...]
    changed_pools: tuple[Pool, ...]


def produce(height: int, orders: list[Order], pools: dict[str, Pool], now_ms: int) -> Block:
    """Execute the transactions of `orders` one after the other against `pools` and return the block.

    A transaction is atomic: it changes nothing when it fails. `pools` holds at least every pool that the orders'
    routes name, by address, and is left as it was.
    """
    state = dict(pools)
    executions: list[Execution] = []
    for order in orders:
        execution, changes = _execute(height, order, state, now_ms)
        executions.append(execution)
        state |= changes
    changed = tuple(pool for address, pool in state.items() if pool is not pools[address])
    return Block(height, tuple(executions), changed)


def _execute(height: int, order: Order, pools: dict[str, Pool], now_ms: int) -> tuple[Execution, dict[str, Pool]]:
    """Run the integer swaps again on the state at landing; return the execution and the pools that it changed."""
    transaction, route = order.built_transaction, order.chosen_route
    if now_ms > transaction.expires_at_ms:
        return Execution(order.signature, height, error="Transaction expired: block height exceeded"), {}
    changes: dict[str, Pool] = {}
    fills: list[Leg] = []
    try:
        for leg in route.legs:
            pool = changes.get(leg.pool) or pools[leg.pool]
            swap, changes[leg.pool] = pool.swap(leg.token_in, leg.amount_in)
            fills.append(leg_of(pool, leg.token_in, swap, leg.share_bps))
    except RejectedError as error:
        return Execution(order.signature, height, error=str(error)), {}
    amount_out = sum(fill.amount_out for fill in fills)
    if amount_out < transaction.minimum_out:
        reason = slippage_reason(route.expected_out, amount_out, order.request.slippage_bps)
        return Execution(order.signature, height, error=reason), {}
    return Execution(order.signature, height, amount_out, tuple(fills)), changes
