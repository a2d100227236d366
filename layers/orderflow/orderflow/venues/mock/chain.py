"""The mock chain's blocks: the market's state and the transactions that land in, results and the next state out."""

from collections import ChainMap, Counter
from collections.abc import Callable, Mapping, Sequence

import msgspec

from orderflow.domain.attempts import too_little
from orderflow.domain.execution import Execution
from orderflow.domain.instructions import slippage_error
from orderflow.domain.launches import Launch
from orderflow.domain.order import Order
from orderflow.domain.pools import Pool
from orderflow.domain.router.execute import run_legs
from orderflow.domain.routing import paid_out
from orderflow.domain.slippage import slippage_reason
from orderflow.errors import RejectedError
from orderflow.venues.mock.background import advance, chain_seconds, pull_back
from orderflow.venues.mock.crowd import LaunchedPools
from orderflow.venues.mock.launches import Calendar
from orderflow.venues.mock.market_script import NO_SCRIPT, MarketScript


class MarketState(msgspec.Struct, frozen=True):
    """The market after a slot: fair prices in dollars by token, pools by address, those of launches apart."""

    slot: int
    fair: dict[str, float]
    pools: dict[str, Pool]
    launched: dict[str, Pool] = {}

    @property
    def all_pools(self) -> dict[str, Pool]:
        """Both kinds of pools."""
        return self.pools | self.launched


class Blocks(msgspec.Struct, frozen=True):
    """The blocks that lead from one state to the next: what they executed, and what others paid into the pools.

    They may be put onto the chain until `valid_until_ms`, since 1970: then the first order that they fill expires.
    `launches` have opened in them, and `ended` have closed; the pools in `closed` are there no more.
    """

    after: MarketState
    executions: tuple[Execution, ...]
    changed_pools: tuple[Pool, ...]
    flows: dict[str, int]
    valid_until_ms: int | None = None
    launches: tuple[Launch, ...] = ()
    closed: tuple[str, ...] = ()
    ended: tuple[Launch, ...] = ()


def produce(
    seed: int,
    state: MarketState,
    orders: Sequence[Order],
    landing_slot: Callable[[Order], int],
    now_ms: int,
    *,
    least_slots: int = 0,
    script: MarketScript = NO_SCRIPT,
    launch_every: int = 0,
) -> Blocks:
    """Let the market live up to the slot of each transaction and execute it there, one after the other.

    The chain's clock runs with the orders (decision 0017): `landing_slot` says when one lands, and a late one lands in
    the latest slot. At least `least_slots` pass in any case. A transaction is atomic: it changes nothing when it fails.
    Arbitrage follows within the slot, so that blocks at once, or one after the other, end alike. Every `launch_every`
    slots a launch is announced; of a slot's transactions all come behind the crowd that buys its token.
    """
    fair, pools = state.fair, dict(state.pools)
    launched = LaunchedPools(Calendar(seed, launch_every), state.slot, state.launched)
    flows: Counter[str] = Counter()
    executions: list[Execution] = []
    valid_until_ms: list[int] = []
    reached = state.slot
    landings: dict[int, list[Order]] = {state.slot + least_slots: []} if least_slots else {}
    for order in orders:
        landings.setdefault(max(landing_slot(order), state.slot), []).append(order)
    for slot in sorted(landings):
        around = advance(seed, reached, slot, fair, pools, script)
        reached, fair = slot, around.fair
        pools |= around.changed
        launched.live(slot)
        traded: set[str] = set()
        for order in landings[slot]:
            execution, changes = _execute(slot, order, ChainMap(pools, launched.pools), now_ms)
            executions.append(execution)
            if execution.error is None and order.request.expires_at_ms is not None:
                valid_until_ms.append(order.built_transaction.expires_at_ms)
            for address, pool in changes.items():
                if address in pools:
                    pools[address] = pool
                    traded.add(address)
                else:
                    launched.put(address, pool)
        after = pull_back(slot, fair, pools, sorted(traded))
        pools |= after.changed
        flows.update(around.flows)
        flows.update(after.flows)
    changed = [pool for address, pool in pools.items() if pool is not state.pools[address]]
    changed += [launched.pools[address] for address in sorted(launched.changed)]
    flows.update({place: atoms for place, atoms in launched.flows.items() if atoms})
    return Blocks(
        MarketState(reached, dict(fair), pools, launched.pools),
        tuple(executions),
        tuple(changed),
        dict(flows),
        min(valid_until_ms, default=None),
        tuple(launched.opened),
        tuple(launched.closed),
        tuple(launched.ended),
    )


def _execute(slot: int, order: Order, pools: Mapping[str, Pool], now_ms: int) -> tuple[Execution, dict[str, Pool]]:
    """Run the integer swaps again on the state at landing; return the execution and the pools that it changed."""
    transaction, route = order.built_transaction, order.chosen_route
    if slot > transaction.last_valid_slot or now_ms > transaction.expires_at_ms:
        return Execution(order.signature, slot, error="Transaction expired: block height exceeded"), {}
    try:
        fills, changes = run_legs(route.legs, pools, chain_seconds(slot))
    except RejectedError as error:
        return Execution(order.signature, slot, error=str(error)), {}
    amount_out = paid_out(fills, order.request.token_out)
    if amount_out < transaction.minimum_out:
        return Execution(order.signature, slot, error=_too_little(order, amount_out)), {}
    return Execution(order.signature, slot, amount_out, fills), changes


def _too_little(order: Order, amount_out: int) -> str:
    """Say why an order may not be executed with what it would receive: by its limit, else by its slippage."""
    transaction, route = order.built_transaction, order.chosen_route
    if order.least is not None:
        return too_little(order, amount_out, transaction.minimum_out)
    error_name = slippage_error([leg.pool for leg in route.legs])
    return slippage_reason(route.expected_out, amount_out, order.slippage_bps, error_name)
