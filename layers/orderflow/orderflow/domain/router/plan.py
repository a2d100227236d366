"""Plans how to sell an amount: over one pool, over all pools of the pair, over paths of up to three hops.

A market view and an amount in, swaps in integers out, each as its venue would execute it.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from math import prod

import msgspec

from orderflow.domain.router.allocation import best_flow
from orderflow.domain.router.dual_bound import path_and_gains, token_values
from orderflow.domain.router.execute import PoolSwap, check_held, legs_of, swap_along, swap_split
from orderflow.domain.router.market_view import MarketView, Venues
from orderflow.domain.router.network import Direction, Network, Pair, Path, Topology
from orderflow.domain.router.paths import LEAST_HOPS, BestPlan, offer_path, offer_paths
from orderflow.domain.routing import Leg
from orderflow.errors import NoRouteError, RejectedError

LEAST_GAIN = 1e-7
"""The share of the output (a thousandth of a bp) that a further leg must gain, whatever it costs."""

LEAST_LEGS_OF_A_SPLIT = 2


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
    return plan_of(amount_in, best.checked())


def plan_split(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None, leg_cost: float = 0.0
) -> Plan:
    """Return the best split over the pools of the pair as a plan; raise as `best_split` does."""
    return plan_of(amount_in, best_split(view, token_in, token_out, amount_in, venues=venues, leg_cost=leg_cost))


def plan_route(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None, leg_cost: float = 0.0
) -> Plan:
    """Return the best plan over all paths of up to three hops; raise as `best_route` does."""
    return plan_of(amount_in, best_route(view, token_in, token_out, amount_in, venues=venues, leg_cost=leg_cost))


def best_split(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues, leg_cost: float
) -> BestPlan:
    """Return the best split over the pools of the pair; no single pool pays more, each leg's cost subtracted.

    A leg that gains less than `leg_cost` atoms of `token_out`, or less than `LEAST_GAIN` of the output, is left out.
    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost)
    _offer_split(best, _pair(view, token_in, token_out, venues), amount_in, view.now_s)
    return best.checked()


def best_route(
    view: MarketView,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venues: Venues,
    leg_cost: float,
    known: Sequence[BestPlan] = (),
) -> BestPlan:
    """Return the best plan over all paths of up to three hops, of those that pay no less than any that is `known`.

    With each leg's cost subtracted, neither the split over the pair's own pools nor any single path, one pool for each
    hop, pays more and no less than what is known. An allocation to several paths is computed only where a bound says
    that it may gain more than its legs cost. Raises NoRouteError when no path leads from token to token, and the
    venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost, known)
    network = view.network(token_in, token_out, venues)
    if not network.topology.paths:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    pair = view.pair(token_in, token_out, venues)
    if pair is not None:
        _offer_split(best, pair, amount_in, view.now_s)
    offer_paths(best, network, amount_in, view.now_s)
    _offer_split_path(best, network, amount_in, view.now_s)
    for part in _promising(network, pair, amount_in, best):
        swaps = best.swaps
        _offer_allocation(best, part, amount_in, view.now_s)
        if best.swaps is swaps:
            break
    return best.checked()


def plan_of(amount_in: int, best: BestPlan) -> Plan:
    """Return the best plan with its legs."""
    return Plan(amount_in, best.paid, legs_of(best.swaps))


def _pair(view: MarketView, token_in: str, token_out: str, venues: Venues) -> Pair:
    pair = view.pair(token_in, token_out, venues)
    if pair is None:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    return pair


def _least_gain(paid: float, price: float, leg_cost: float) -> float:
    """Return the atoms that a leg must gain: its cost, `LEAST_GAIN` of the output, or what rounding may cost it."""
    return max(leg_cost, LEAST_GAIN * paid, 1 + price)


def _offer_split(best: BestPlan, pair: Pair, amount_in: int, now_s: int) -> None:
    """Offer the best single pool of a pair and, where the curve of all pools promises enough, the best split."""
    offer_path(best, (pair,), amount_in, now_s)
    if not best.can_reach(pair.price * amount_in, LEAST_LEGS_OF_A_SPLIT):
        return
    paid, price, _ = pair.curve.at(amount_in)
    if not best.can_reach(paid, LEAST_LEGS_OF_A_SPLIT):
        return
    try:
        swaps = swap_split(pair, amount_in, _least_gain(paid, price, best.leg_cost), now_s)
        paid_out = sum(result.amount_out for _, _, result in swaps)
        check_held(paid_out, pair.token_out)
        best.offer(swaps, paid_out)
    except RejectedError as refusal:
        best.refuse(refusal)


def _offer_split_path(best: BestPlan, network: Network, amount_in: int, now_s: int) -> None:
    """Where the best plan lies on one path of several hops, offer each hop split over all pools of its pair."""
    hops = len({(token_in, pool.other(token_in)) for pool, token_in, _ in best.swaps})
    branches = hops > len({token_in for _, token_in, _ in best.swaps})
    if hops < LEAST_HOPS or branches or not best.can_reach(network.best_hop_price * amount_in, hops + 1):
        return
    path, paid = _main_path(best.swaps, network.topology), float(amount_in)
    prices: list[float] = []
    for number in path:
        paid, price, _ = network.pairs[number].curve.at(paid)
        prices.append(price)
    if not best.can_reach(paid, hops + 1):
        return
    swaps: list[PoolSwap] = []
    amount = amount_in
    try:
        for place, number in enumerate(path):
            pair = network.pairs[number]
            least = best.leg_cost / prod(prices[place + 1 :])
            hop = swap_split(pair, amount, max(least, 1 + pair.price), now_s)
            amount = sum(result.amount_out for _, _, result in hop)
            check_held(amount, pair.token_out)
            swaps += hop
    except RejectedError as refusal:
        best.refuse(refusal)
    else:
        best.offer(swaps, amount)


def _promising(network: Network, pair: Pair | None, amount_in: int, best: BestPlan) -> Sequence[Network]:
    """Return the parts of a network in which an allocation to several paths may be better than the best plan so far.

    Both have the path that the best plan lies on. The first has the other path that promises most besides; the second
    has all others that may gain what their legs cost, and is worth a search only where the first has gained.
    """
    topology = network.topology
    if not best.swaps:
        return [network]
    best_price = network.best_hop_price if pair is None else max(pair.price, network.best_hop_price)
    first, source, _ = best.swaps[0]
    if pair is not None and first.other(source) == topology.target:
        # Paths of several hops would be used beside the split: two legs more at least.
        least = _least_gain(best.paid, pair.price, best.leg_cost)
        if best_price * amount_in <= best.paid + 2 * least:
            return []
        path = topology.paths[0]
        paid, price, _ = pair.curve.at(amount_in)
        if (
            network.best_hop_price <= price
            or network.most_with_hops(pair.curve, amount_in) <= paid + 2 * least
            or network.most_gain(price) <= 2 * least
        ):
            return []
    else:
        least = _least_gain(best.paid, network.best_hop_price, best.leg_cost)
        if best_price * amount_in <= best.paid + least:
            return []
        path = _main_path(best.swaps, topology)
    _, gains = path_and_gains(network, path, amount_in)
    worth: dict[Path, float] = {}
    for other in topology.paths:
        further = [number for number in other if number not in path]
        gain = sum([gains.get(number, 0.0) for number in further]) - least * len(further)
        if gain > 0.0:
            worth[other] = gain
    if not worth:
        return []
    most = max(worth, key=worth.__getitem__)
    return [
        network.within(tokens) for tokens in dict.fromkeys(_tokens(topology, [path, *some]) for some in ([most], worth))
    ]


def _tokens(topology: Topology, paths: Iterable[Path]) -> frozenset[str]:
    """Return all tokens on some paths."""
    return frozenset(token for path in paths for number in path for token in topology.directions[number])


def _main_path(swaps: Sequence[PoolSwap], topology: Topology) -> Path:
    """Return the path of the hops that take most of each token; all swaps lie on it where there is only one path."""
    taken: Counter[Direction] = Counter()
    for pool, token_in, result in swaps:
        taken[token_in, pool.other(token_in)] += result.amount_in
    token, path = topology.source, []
    while token != topology.target:
        hop = max((hop for hop in taken if hop[0] == token), key=taken.__getitem__)
        path.append(topology.directions.index(hop))
        token = hop[1]
    return tuple(path)


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
