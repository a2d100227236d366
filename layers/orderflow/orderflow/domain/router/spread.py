"""Spreads an input over the ways of a network: curves and an amount in, what every pair takes and pays out.

At the best flow all ways in use end at one marginal price. Bringing every way to one price level finds it where ways
share no pairs, or nearly. What is left to gain, exchanges do: take from the way in use that ends worst, give to the way
that ends best. Only exchanges that gain are made.
"""

from math import inf

from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.level import find_level
from orderflow.domain.router.network import Network, Path

MAX_EXCHANGES = 24
MAX_TRIALS = 6

PRECISION = 1e-8
"""An exchange that gains less than this share of the output, a ten-thousandth of a bp, is not worth another look."""


def best_flow(network: Network, amount: float, leg_cost: float = 0.0) -> Flow:
    """Return how to spread `amount` over the ways of a network so that the most arrives.

    A way is left out where it gains less than `leg_cost` for every pair that nothing else needs.
    """
    flow = Flow(network)
    paths = _begin(flow, amount)
    if len(paths) > 1:
        find_level(flow, paths, amount, root_of(flow.price_of(paths[0])))
        _exchange(flow, paths)
        while dust := _dust(flow, paths, leg_cost):
            paths = [path for path in paths if path not in dust]
            for path in dust:
                flow.pull(path, flow.removable(path))
            find_level(flow, paths, amount, root_of(flow.price_of(paths[0])))
            _exchange(flow, paths)
    return flow


def _begin(flow: Flow, amount: float) -> list[Path]:
    """Send everything along one way, the direct one or that which pays most; return it and all that may beat it."""
    topology = flow.network.topology
    first = topology.paths[0]
    if topology.direct is None:
        first = max(topology.paths, key=lambda path: _output_along(flow.network, path, amount))
    flow.push(first, amount)
    price = flow.price_of(first)
    others = zip(topology.paths, flow.network.opening_prices, strict=True)
    return [first, *(path for path, opening in others if path != first and opening > price)]


def _output_along(network: Network, path: Path, amount: float) -> float:
    for number in path:
        amount = network.curves[number].at(amount)[0]
    return amount


def _dust(flow: Flow, paths: list[Path], leg_cost: float) -> list[Path]:
    """Return the ways in use that gain too little, by what the pairs that only they need add at the tokens' values."""
    used = [path for path in paths if flow.in_use(path)]
    users = [0] * len(flow.inputs)
    for path in used:
        for number in path:
            users[number] += 1
    values = flow.token_values()
    directions = flow.network.topology.directions
    dust: list[Path] = []
    for path in used:
        own = [number for number in path if users[number] == 1]
        gain = 0.0
        for number in own:
            token_in, token_out = directions[number]
            gain += values[token_out] * flow.outputs[number] - values[token_in] * flow.inputs[number]
        if gain < leg_cost * len(own) and len(dust) + 1 < len(used):
            dust.append(path)
    return dust


def _exchange(flow: Flow, paths: list[Path]) -> None:
    least = PRECISION * flow.output
    # Pairs of ways between which nothing could be gained, with the gap between their prices at that time.
    spent: dict[tuple[Path, Path], float] = {}
    for _ in range(MAX_EXCHANGES):
        choice = _widest_gap(flow, paths, spent)
        if choice is None:
            return
        gap, best, worst = choice
        if not _try_exchange(flow, worst, best, least):
            spent[best, worst] = gap


def _widest_gap(
    flow: Flow, paths: list[Path], spent: dict[tuple[Path, Path], float]
) -> tuple[float, Path, Path] | None:
    """Return the way that ends best and the one in use that ends worst, or the next of them that may still gain."""
    ends = sorted(((flow.price_of(path), path) for path in paths), reverse=True)
    used = [(price, path) for price, path in reversed(ends) if flow.in_use(path)]
    for best_price, best in ends:
        for worst_price, worst in used:
            if best_price <= worst_price * (1 + PRECISION):
                break
            gap = best_price / worst_price - 1 if worst_price else inf
            if gap > 1.5 * spent.get((best, worst), 0.0) and (flow.in_use(best) or not flow.closes_circle(best)):
                return gap, best, worst
    return None


def _try_exchange(flow: Flow, worst: Path, best: Path, least: float) -> bool:
    """Move as much from one way to another as brings their prices together; False when that gains less than `least`.

    Newton's step from the prices' falls comes first. Bins make prices jump: where a step goes too far, the next is
    as much shorter as the prices crossed.
    """
    shared = frozenset(worst).intersection(best)
    touched = frozenset(worst).union(best)
    low, high = flow.price_of(worst), flow.price_of(best)
    gap = high - low
    fall = low * flow.bend_of(worst, shared) + high * flow.bend_of(best, shared)
    step = limit = flow.removable(worst)
    if fall * limit > gap:
        step = gap / fall
    saved = flow.save(touched)
    for trial in range(1, MAX_TRIALS + 1):
        lost = flow.pull(worst, step)
        gain = flow.push(best, step) - lost
        rest = flow.price_of(best) - flow.price_of(worst)
        if gain > least and (rest > -0.5 * gap or trial == MAX_TRIALS):
            return True
        flow.restore(saved)
        if rest >= 0:
            return False
        step *= max(gap / (gap - rest), 0.1)
    return False
