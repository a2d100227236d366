"""Offers plans over several paths, where a bound says that they may gain what their legs cost.

The amount goes along the best path first. A bound at the prices that this leaves says which other paths may gain; the
best of them gets a part, exactly. Only where the bound then promises more, an allocation to all of these is searched
for. All this is in floats, and the swaps of just one plan are run.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import NamedTuple

from orderflow.domain.router.allocation import best_flow
from orderflow.domain.router.dual_bound import most_gained, path_values, token_values
from orderflow.domain.router.execute import check_held, swap_along, swap_split
from orderflow.domain.router.network import Network, Path
from orderflow.domain.router.paths import BestPlan
from orderflow.domain.router.swapper import PoolSwap
from orderflow.domain.router.two_paths import Division, divide, follow, fork_of
from orderflow.errors import RejectedError

LEAST_GAIN = 1e-7
"""The share of the output (a thousandth of a bp) that a further leg must gain, whatever it costs."""
MAX_DIVISIONS = 3
"""How many paths, those that promise most, are tried as the second."""


class MainPath(NamedTuple):
    """A path that takes the whole amount, through all pools of its pairs: what arrives, and prices by pair number."""

    path: Path
    paid: float
    prices: Mapping[int, float]


def least_gain(paid: float, price: float, leg_cost: float) -> float:
    """Return the atoms that a leg must gain: its cost, `LEAST_GAIN` of the output, or what rounding may cost it."""
    return max(leg_cost, LEAST_GAIN * paid, 1 + price)


def offer_best_paths(best: BestPlan, network: Network, amount_in: int) -> None:
    """Offer the best path, each hop split over the pools of its pair, or more paths where these pay for their legs."""
    main = _main_path(network, amount_in, best.leg_cost)
    values = path_values(network.topology, main.path, main.prices)
    least = least_gain(main.paid, network.paths_by_price[0][0], best.leg_cost)
    before = best.swaps
    if worth := _worth(network, values, main.path, amount_in, least):
        _offer_more(best, network, main, worth, amount_in, least)
    if best.swaps is before and best.can_reach(main.paid, len(main.path) + 1):
        _offer_path(best, network, main.path, amount_in, values)


def offer_flow(
    best: BestPlan,
    network: Network,
    amount_in: int,
    paths: Sequence[Path] = (),
    begun: Iterable[tuple[Path, float]] = (),
) -> None:
    """Search for the best allocation to some paths, and to all others between their tokens; without any, to all.

    The search begins with the parts of some paths that are `begun`.
    """
    if paths:
        network, numbers = network.within(frozenset(token for path in paths for token in network.tokens(path)))
        begun = [(tuple([numbers[number] for number in path]), part) for path, part in begun]
    topology = network.topology
    flow = best_flow(network, amount_in, best.leg_cost, begun)
    least = max(best.leg_cost, LEAST_GAIN * flow.output)
    costs = {token: least / value for token, value in token_values(flow, at_cost=True).items() if value > 0.0}
    flows = [(pair, given) for pair, given in zip(network.pairs, flow.inputs, strict=True) if given > 0.0]
    try:
        swaps = swap_along(topology.source, topology.target, amount_in, flows, costs, best.swapper)
    except RejectedError as refusal:
        best.refuse(refusal)
    else:
        target = topology.target
        best.offer(swaps, sum(result.amount_out for pool, sold, result in swaps if pool.other(sold) == target))


def _main_path(network: Network, amount_in: int, leg_cost: float) -> MainPath:
    """Return the path that pays most, a leg's cost for each hop subtracted."""
    most, main = -inf, MainPath((), 0.0, {})
    for price, path in network.paths_by_price:
        cost = leg_cost * len(path)
        if price * amount_in - cost > most:
            prices: dict[int, float] = {}
            paid = follow(network.pairs, path, amount_in, prices)
            if paid - cost > most:
                most, main = paid - cost, MainPath(path, paid, prices)
    return main


def _worth(
    network: Network, values: Mapping[str, float], used: Path, amount_in: int, least: float, lost: float = 0.0
) -> dict[Path, float]:
    """Return what other paths may gain beside the pairs in use when each further leg costs `least`.

    Paths that gain no more than is `lost` are left out. `values` has the value of each token in use.
    """
    price = values[network.topology.source]
    worth: dict[Path, float] = {}
    for first_price, path in network.paths_by_price:
        most = (first_price - price) * amount_in - lost
        if most <= least:
            break
        cost = least * len([number for number in path if number not in used])
        if 0.0 < cost < most:
            gain = most_gained(network, path, used, values, amount_in, enough=cost + lost) - cost
            if gain > lost:
                worth[path] = gain
    return worth


def _offer_more(
    best: BestPlan, network: Network, main: MainPath, worth: Mapping[Path, float], amount_in: int, least: float
) -> None:
    """Offer an allocation to the main path and some that are worth it."""
    gained, division = -inf, None
    for path in sorted(worth, key=worth.__getitem__, reverse=True)[:MAX_DIVISIONS]:
        fork = fork_of(network.topology, main.path, path)
        if worth[path] > gained and fork and (found := divide(network, fork, amount_in)):
            gain = found.paid - main.paid - least * len(fork.other)
            if gain > gained:
                gained, division = gain, found
    if division is None:
        offer_flow(best, network, amount_in, [main.path, *worth])
        return
    values = division.values(network.topology)
    if gained > 0.0:
        _offer_division(best, network, division, amount_in, values)
    in_use = [path for path, _ in division.parts]
    used = in_use[0] + in_use[1]
    if further := _worth(network, values, used, amount_in, least, lost=max(-gained, 0.0)):
        offer_flow(best, network, amount_in, [*in_use, *further], division.parts)


def _offer_path(best: BestPlan, network: Network, path: Path, amount_in: int, values: Mapping[str, float]) -> None:
    """Offer a path that takes the whole amount."""
    try:
        swaps, paid = _swap_hops(best, network, path, amount_in, values)
    except RejectedError as refusal:
        best.refuse(refusal)
    else:
        best.offer(swaps, paid)


def _offer_division(
    best: BestPlan, network: Network, division: Division, amount_in: int, values: Mapping[str, float]
) -> None:
    """Offer a division between two paths where it may be better than the best plan."""
    fork = division.fork
    if not best.can_reach(division.paid, sum(map(len, fork))):
        return
    try:
        before, arrived = _swap_hops(best, network, fork.before, amount_in, values)
        taken = int(arrived * division.share)
        one, paid_by_one = _swap_hops(best, network, fork.one, arrived - taken, values)
        other, paid_by_other = _swap_hops(best, network, fork.other, taken, values)
        after, paid = _swap_hops(best, network, fork.after, paid_by_one + paid_by_other, values)
    except RejectedError as refusal:
        best.refuse(refusal)
    else:
        best.offer([*before, *one, *other, *after], paid)


def _swap_hops(
    best: BestPlan, network: Network, path: Path, amount_in: int, values: Mapping[str, float]
) -> tuple[list[PoolSwap], int]:
    """Run the swaps of hops in a row, each split over the pools of its pair; return them and what arrives.

    A leg that gains less than its cost, by the value of the token that it pays, is left out. Raises the venue's
    RejectedError.
    """
    swaps: list[PoolSwap] = []
    amount = amount_in
    for number in path:
        pair = network.pairs[number]
        # A leg must gain more than rounding may cost.
        least = max(best.leg_cost / values[pair.token_out], 1 + pair.price)
        hop = swap_split(pair, amount, least, best.swapper)
        amount = sum([result.amount_out for _, _, result in hop])
        check_held(amount, pair.token_out)
        swaps += hop
    return swaps, amount
