"""Plans how to sell an amount: over one pool, over all pools of the pair, over paths of up to three hops.

A market view and an amount in, swaps in integers out, each as its venue would execute it.
"""

from collections.abc import Sequence

import msgspec

from orderflow.domain.router.allocation import best_flow
from orderflow.domain.router.dual_bound import path_and_gain_bound, token_values
from orderflow.domain.router.execute import PoolSwap, check_held, legs_of, swap_along, swap_split
from orderflow.domain.router.market_view import MarketView, Venues
from orderflow.domain.router.network import Network, Pair, Path, Topology
from orderflow.domain.router.paths import BestPlan, offer_path, offer_paths
from orderflow.domain.routing import Leg
from orderflow.errors import NoRouteError, RejectedError

LEAST_GAIN = 1e-7
"""The share of the output (a thousandth of a bp) that a further leg must gain, whatever it costs."""


class Plan(msgspec.Struct, frozen=True):
    """The legs that sell `amount_in` atoms, in an order that works, and what those that pay the target pay together."""

    amount_in: int
    amount_out: int
    legs: tuple[Leg, ...]


def plan_single(view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None) -> Plan:
    """Return the plan of one leg, through the pool that pays most; of two that pay the same, the better curve's.

    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost=0.0)
    offer_path(best, (_pair(view, token_in, token_out, venues),), amount_in, view.now_s)
    return _plan(amount_in, best)


def plan_split(
    view: MarketView,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venues: Venues = None,
    leg_cost: float = 0.0,
) -> Plan:
    """Return the best split over the pools of the pair; no single pool pays more, each leg's cost subtracted.

    A leg that gains less than `leg_cost` atoms of `token_out`, or less than `LEAST_GAIN` of the output, is left out.
    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost)
    _offer_split(best, _pair(view, token_in, token_out, venues), amount_in, view.now_s)
    return _plan(amount_in, best)


def plan_route(
    view: MarketView,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venues: Venues = None,
    leg_cost: float = 0.0,
) -> Plan:
    """Return the best plan over all paths of up to three hops.

    With each leg's cost subtracted, neither the split over the pair's own pools nor any single path, one pool for each
    hop, pays more. An allocation to several paths is computed only where a bound says that it may gain more than its
    legs cost. Raises NoRouteError when no path leads from token to token, and the venue's RejectedError when none takes
    the amount.
    """
    best = BestPlan(leg_cost)
    network = view.network(token_in, token_out, venues)
    if not network.topology.paths:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    pair = view.pair(token_in, token_out, venues)
    if pair is not None:
        _offer_split(best, pair, amount_in, view.now_s)
    offer_paths(best, network, amount_in, view.now_s)
    if _may_gain(network, pair, amount_in, best):
        _offer_allocation(best, network, amount_in, view.now_s)
    return _plan(amount_in, best)


def plan_path(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues, leg_cost: float, least_out: int
) -> Plan:
    """Return the best single path that pays `least_out` or more, each leg's cost subtracted.

    Raises the venue's RejectedError, or NoRouteError, when there is none.
    """
    best = BestPlan(leg_cost, least_out)
    pair = view.pair(token_in, token_out, venues)
    if pair is not None:
        offer_path(best, (pair,), amount_in, view.now_s)
    offer_paths(best, view.network(token_in, token_out, venues), amount_in, view.now_s)
    return _plan(amount_in, best)


def _pair(view: MarketView, token_in: str, token_out: str, venues: Venues) -> Pair:
    pair = view.pair(token_in, token_out, venues)
    if pair is None:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    return pair


def _least_gain(paid: float, price: float, leg_cost: float) -> float:
    """Return the atoms that a leg must gain: its cost, `LEAST_GAIN` of the output, or what rounding may cost it."""
    return max(leg_cost, LEAST_GAIN * paid, 1 + price)


def _offer_split(best: BestPlan, pair: Pair, amount_in: int, now_s: int) -> None:
    paid, price, _ = pair.curve.at(amount_in)
    try:
        swaps = swap_split(pair, amount_in, _least_gain(paid, price, best.leg_cost), now_s)
        paid_out = sum(result.amount_out for _, _, result in swaps)
        check_held(paid_out, pair.token_out)
        best.offer(swaps, paid_out)
    except RejectedError as refusal:
        best.refuse(refusal)
    offer_path(best, (pair,), amount_in, now_s)


def _may_gain(network: Network, pair: Pair | None, amount_in: int, best: BestPlan) -> bool:
    """Whether an allocation to several paths, other than a split of the pair, may be better than the best so far."""
    topology = network.topology
    if not best.swaps:
        return True
    first, source, _ = best.swaps[0]
    if pair is not None and first.other(source) == topology.target:
        paid, price, _ = pair.curve.at(amount_in)
        least = _least_gain(paid, price, best.leg_cost)
        # Paths of several hops would be used beside the split: two legs more at least.
        if network.best_hop_price <= price or network.most_gain(price) <= 2 * least:
            return False
        return path_and_gain_bound(network, topology.paths[0], amount_in, least)[1] > 0.0
    least = _least_gain(best.paid, network.best_hop_price, best.leg_cost)
    paid, more = path_and_gain_bound(network, _path_of(best.swaps, topology), amount_in, least)
    return more > 0.0 or paid - best.paid > least


def _path_of(swaps: Sequence[PoolSwap], topology: Topology) -> Path:
    """Return the one path that all of these swaps lie on."""
    hops = dict.fromkeys((token_in, pool.other(token_in)) for pool, token_in, _ in swaps)
    return tuple(topology.directions.index(hop) for hop in hops)


def _offer_allocation(best: BestPlan, network: Network, amount_in: int, now_s: int) -> None:
    topology = network.topology
    flow = best_flow(network, amount_in, best.leg_cost)
    least = max(best.leg_cost, LEAST_GAIN * flow.output)
    costs = {token: least / value for token, value in token_values(flow, at_cost=True).items() if value > 0.0}
    flows = [(pair, given) for pair, given in zip(network.pairs, flow.inputs, strict=True) if given > 0.0]
    try:
        swaps = swap_along(topology.source, topology.target, amount_in, flows, costs, now_s)
    except RejectedError as refusal:
        best.refuse(refusal)
    else:
        target = topology.target
        best.offer(swaps, sum(result.amount_out for pool, sold, result in swaps if pool.other(sold) == target))


def _plan(amount_in: int, best: BestPlan) -> Plan:
    return Plan(amount_in, best.paid, legs_of(best.plan()))
