"""Allocates an input to the paths of a network: curves and an amount in, what every pair takes and pays out.

In the best flow all paths in use end at one marginal price. Water filling finds it where paths share few pairs or none;
rebalancing gains what is left.
"""

from collections.abc import Iterable

from orderflow.domain.router.dual_bound import dual_bound, token_values
from orderflow.domain.router.flow import Flow
from orderflow.domain.router.network import Network, Path
from orderflow.domain.router.rebalance import rebalance
from orderflow.domain.router.water_filling import water_fill, withdraw_excess

FIRST_STEPS = 16
QUICK_STEPS = 48
QUICK_PART = 1 / 12
LAST_STEPS = 96
FEW_PATHS = 4
"""So many paths are rebalanced from where a search begins; more are filled from nothing on, for better results."""


def best_flow(network: Network, amount: float, leg_cost: float = 0.0, begun: Iterable[tuple[Path, float]] = ()) -> Flow:
    """Return the allocation of `amount` to the paths of a network by which the most arrives.

    A path is left out where that loses less than `leg_cost` for each pair that is no longer needed then. The search
    begins with the parts of some paths that are `begun`, unless there are many paths to come.
    """
    paths = _candidates(network, amount)
    clash = _clashing(network, paths)
    others = [path for path in paths if path not in clash]
    known = [(path, part) for path, part in begun if path in others] if len(paths) <= FEW_PATHS else []
    flow = Flow(network)
    for path, part in known:
        flow.push(path, part)
    _allocate(flow, others, amount)
    if clash:
        # Paths that swap the same two tokens in opposite directions: the values by the other paths decide between them.
        least = min(flow.last_price_of(path) for path in others if flow.in_use(path))
        more = [path for path in clash if flow.price_of(path) > least and _leads_up(flow, path)]
        paths = others + more
        if more:
            if not known:
                flow = Flow(network)
            _allocate(flow, paths, amount)
    if leg_cost > 0.0:
        _drop_unprofitable(flow, paths, amount, leg_cost)
    return flow


def bound_of(network: Network, amount: float) -> float:
    """Return a bound on what any allocation of `amount` pays, proved at the prices of the best one that was found."""
    return dual_bound(best_flow(network, amount), amount)


def _candidates(network: Network, amount: float) -> list[Path]:
    """Return the paths that may be part of the best flow.

    A path is no part of it if its first atom earns less than the last atom of another path that takes everything.
    """
    topology = network.topology
    ends = [
        (network.end_of(path, amount), path) for path in topology.paths[: 1 if topology.direct is not None else None]
    ]
    (_, price), first = max(ends)
    first_prices = zip(topology.paths, network.first_prices, strict=True)
    return [path for path, first_price in first_prices if path == first or first_price > price]


def _clashing(network: Network, paths: list[Path]) -> list[Path]:
    """Return the paths with an inner swap that another path makes in the opposite direction; none if all are such."""
    directions = network.topology.directions
    inner = {directions[number] for path in paths for number in path[1:-1]}
    clash = [path for path in paths if any((directions[n][1], directions[n][0]) in inner for n in path[1:-1])]
    return clash if len(clash) < len(paths) else []


def _leads_up(flow: Flow, path: Path) -> bool:
    """Whether the swaps in between lead to tokens that are worth as much or more; else the opposite swaps do."""
    values, directions = token_values(flow), flow.network.topology.directions
    gain = 1.0
    for number in path[1:-1]:
        token_in, token_out = directions[number]
        gain *= values[token_out] * flow.curves[number].price / values[token_in]
    return gain >= 1.0


def _allocate(flow: Flow, paths: list[Path], amount: float) -> None:
    """Allocate what has not entered yet: in exact steps where a few are enough, else most of it in quick steps."""
    if len(paths) == 1:
        flow.push(paths[0], amount - flow.input)
        return
    if not water_fill(flow, paths, amount, FIRST_STEPS):
        water_fill(flow, paths, amount, QUICK_STEPS, least_part=QUICK_PART)
        withdraw_excess(flow, paths)
        if not water_fill(flow, paths, amount, LAST_STEPS):
            allowed = [path for path in paths if flow.in_use(path) or not flow.closes_cycle(path)]
            flow.push(max(allowed, key=flow.price_of), amount - flow.input)
    rebalance(flow, paths, amount)


def _drop_unprofitable(flow: Flow, paths: list[Path], amount: float, leg_cost: float) -> None:
    """Drop the paths that gain less than their legs cost: all at once if that loses less than it saves, else singly."""
    while unprofitable := _unprofitable(flow, paths, leg_cost):
        if len(unprofitable) > 1 and _dropped(flow, paths, unprofitable, amount, leg_cost):
            paths = [path for path in paths if path not in unprofitable]
            continue
        for path in unprofitable:
            if _dropped(flow, paths, [path], amount, leg_cost):
                paths = [other for other in paths if other != path]
                break
        else:
            return


def _dropped(flow: Flow, paths: list[Path], drop: list[Path], amount: float, leg_cost: float) -> bool:
    """Allocate what some paths take to the others; if that loses too much, restore everything and return False."""
    saved, before, needed = flow.save(range(len(flow.inputs))), flow.output, flow.pairs_in_use
    for path in drop:
        flow.pull(path, flow.removable(path))
    _allocate(flow, [path for path in paths if path not in drop], amount)
    if before - flow.output <= leg_cost * (needed - flow.pairs_in_use):
        return True
    flow.restore(saved)
    return False


def _unprofitable(flow: Flow, paths: list[Path], leg_cost: float) -> list[Path]:
    """Return the paths in use that gain less than their legs cost, the worst first, but never the one that gains most.

    The gain of a path is what its own pairs, those of no other path, add at the tokens' values.
    """
    used = [path for path in paths if flow.in_use(path)]
    users = [0] * len(flow.inputs)
    for path in used:
        for number in path:
            users[number] += 1
    values = token_values(flow)
    directions = flow.network.topology.directions
    gains: list[tuple[float, Path]] = []
    for path in used:
        own = [number for number in path if users[number] == 1]
        gain = -leg_cost * len(own)
        for number in own:
            token_in, token_out = directions[number]
            gain += values[token_out] * flow.outputs[number] - values[token_in] * flow.inputs[number]
        gains.append((gain, path))
    return [path for gain, path in sorted(gains)[:-1] if gain < 0.0]
