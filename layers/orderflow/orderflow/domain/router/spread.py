"""Spreads an input over the ways of a network: curves and an amount in, what every pair takes and pays out.

At the best flow all ways in use end at one marginal price. Bringing every way to one price level finds it where ways
share no pairs, or nearly. What is left to gain, exchanges do: take from the way in use that ends worst, give to the way
that ends best. Only exchanges that gain are made.
"""

from math import inf

from orderflow.domain.router.certificate import network_bound
from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.level import raise_level, settle
from orderflow.domain.router.network import Network, Path

MAX_STEPS = 24
MAX_LEVELS = 6
MAX_EXCHANGES = 48
MAX_TRIALS = 6
NEAR = 0.05
PROOF = 1e-7
"""A flow that a bound proves to be this near to the best, a thousandth of a bp, needs no more work."""

PRECISION = 1e-8
"""An exchange that gains less than this share of the output, a ten-thousandth of a bp, is not worth another look."""


def best_flow(network: Network, amount: float, leg_cost: float = 0.0) -> Flow:
    """Return how to spread `amount` over the ways of a network so that the most arrives.

    A way is left out where it gains less than `leg_cost` for every pair that nothing else needs.
    """
    paths, high = _candidates(network, amount)
    flow = Flow(network)
    if not raise_level(flow, paths, amount, MAX_STEPS):
        _approach(flow, paths, amount, high)
        raise_level(flow, paths, amount, 4 * MAX_STEPS)
    _exchange(flow, paths, amount)
    while dust := _dust(flow, paths, leg_cost):
        saved, before = flow.save(range(len(flow.inputs))), flow.output
        for path in dust:
            flow.pull(path, flow.removable(path))
        kept = [path for path in paths if path not in dust]
        raise_level(flow, kept, amount, MAX_STEPS)
        _exchange(flow, kept, amount)
        if before - flow.output > leg_cost * sum(map(len, dust)):
            flow.restore(saved)
            break
        paths = kept
    return flow


def _candidates(network: Network, amount: float) -> tuple[list[Path], float]:
    """Return the ways that may be part of the best flow, and the level at which the best of them takes it all alone.

    A way whose first atom earns less than the last atom of another that takes everything has no part in it.
    """
    topology = network.topology
    alone = Flow(network)
    first = topology.paths[0]
    if topology.direct is None:
        first = max(topology.paths, key=lambda path: _output_along(network, path, amount))
    alone.push(first, amount)
    price = alone.price_of(first)
    openings = zip(topology.paths, network.opening_prices, strict=True)
    return [path for path, opening in openings if path == first or opening > price], root_of(price)


def _approach(flow: Flow, paths: list[Path], amount: float, high: float) -> None:
    """Bring the ways near the level at which they take `amount`, below it: at most so many steps would lead there."""
    low = min(root_of(flow.price_of(path)) for path in paths)
    low_excess, high_excess = flow.input - amount, inf
    start = flow.save(range(len(flow.inputs)))
    root = high if high < inf else 2 * low
    for _ in range(MAX_LEVELS):
        for path in paths:
            settle(flow, path, root)
        excess = flow.input - amount
        if excess <= 0.0:
            low, low_excess, start = root, excess, flow.save(range(len(flow.inputs)))
            if excess > -NEAR * amount:
                return
        else:
            high, high_excess = root, excess
        if high_excess == inf:
            root *= 2
        else:
            root = low + (high - low) * low_excess / (low_excess - high_excess)
    flow.restore(start)


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


def _exchange(flow: Flow, paths: list[Path], amount: float) -> None:
    least = PRECISION * flow.output
    # Pairs of ways between which nothing could be gained, with the gap between their prices at that time.
    spent: dict[tuple[Path, Path], float] = {}
    for number in range(MAX_EXCHANGES):
        if number % 8 == 0 and _is_proved(flow, amount):
            return
        choice = _widest_gap(flow, paths, spent)
        if choice is None:
            return
        gap, best, worst = choice
        if not _try_exchange(flow, worst, best, least):
            spent[best, worst] = gap


def _is_proved(flow: Flow, amount: float) -> bool:
    return network_bound(flow.network, amount, flow.token_values()) <= flow.output * (1 + PROOF)


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
