"""Spreads an input over the ways of a network: curves and an amount in, what every pair takes and pays out.

At the best flow all ways in use end at one marginal price. Raising the level finds it where ways share no pairs, or
nearly; exchanges gain what is left.
"""

from orderflow.domain.router.dual_bound import bound_from, token_values
from orderflow.domain.router.flow import Flow
from orderflow.domain.router.network import Network, Path
from orderflow.domain.router.rebalance import exchange
from orderflow.domain.router.water_filling import lower_to_level, raise_level

FIRST_STEPS = 16
QUICK_STEPS = 48
QUICK_PART = 1 / 12
LAST_STEPS = 96


def best_flow(network: Network, amount: float, leg_cost: float = 0.0) -> Flow:
    """Return how to spread `amount` over the ways of a network so that the most arrives.

    A way is left out where that loses less than `leg_cost` for every pair that is then not needed any more.
    """
    paths = _candidates(network, amount)
    flow = Flow(network)
    if clash := _clashing(network, paths):
        # Where two tokens could be swapped either way in between, the values that the other ways lead to decide.
        _fill(flow, [path for path in paths if path not in clash], amount)
        paths = [path for path in paths if path not in clash or _leads_up(flow, path)]
        flow = Flow(network)
    _fill(flow, paths, amount)
    if leg_cost > 0.0:
        _leave_dust_out(flow, paths, amount, leg_cost)
    return flow


def bound_of(network: Network, amount: float) -> float:
    """Return a bound on what any spread of `amount` pays, proved at the prices that the best one found comes to."""
    return bound_from(best_flow(network, amount), amount)


def _candidates(network: Network, amount: float) -> list[Path]:
    """Return the ways that may be part of the best flow.

    A way whose first atom earns less than the last atom of another that takes everything has no part in it.
    """
    topology = network.topology
    ends = [
        (network.end_of(path, amount), path) for path in topology.paths[: 1 if topology.direct is not None else None]
    ]
    (_, price), first = max(ends)
    openings = zip(topology.paths, network.opening_prices, strict=True)
    return [path for path, opening in openings if path == first or opening > price]


def _clashing(network: Network, paths: list[Path]) -> list[Path]:
    """Return the ways that swap two tokens in between which other ways swap back, if there are ways beside them."""
    directions = network.topology.directions
    inner = {directions[number] for path in paths for number in path[1:-1]}
    clash = [path for path in paths if any((directions[n][1], directions[n][0]) in inner for n in path[1:-1])]
    return clash if len(clash) < len(paths) else []


def _leads_up(flow: Flow, path: Path) -> bool:
    """Whether the swaps in between lead to tokens worth at least as much, rather than the opposite swaps."""
    values, directions = token_values(flow), flow.network.topology.directions
    gain = 1.0
    for number in path[1:-1]:
        token_in, token_out = directions[number]
        gain *= values[token_out] * flow.curves[number].price / values[token_in]
    return gain >= 1.0


def _fill(flow: Flow, paths: list[Path], amount: float) -> None:
    """Spread what has not entered yet, in exact steps where few lead there, else most of it in quick ones."""
    if not raise_level(flow, paths, amount, FIRST_STEPS):
        raise_level(flow, paths, amount, QUICK_STEPS, least_part=QUICK_PART)
        lower_to_level(flow, paths)
        if not raise_level(flow, paths, amount, LAST_STEPS):
            allowed = [path for path in paths if flow.in_use(path) or not flow.closes_circle(path)]
            flow.push(max(allowed, key=flow.price_of), amount - flow.input)
    if len(paths) > 1:
        exchange(flow, paths, amount)


def _leave_dust_out(flow: Flow, paths: list[Path], amount: float, leg_cost: float) -> None:
    """Leave out the ways that gain too little, all at once if that loses less than it saves, else one by one."""
    while dust := _dust(flow, paths, leg_cost):
        if len(dust) > 1 and _left_out(flow, paths, dust, amount, leg_cost):
            paths = [path for path in paths if path not in dust]
            continue
        for path in dust:
            if _left_out(flow, paths, [path], amount, leg_cost):
                paths = [other for other in paths if other != path]
                break
        else:
            return


def _left_out(flow: Flow, paths: list[Path], dust: list[Path], amount: float, leg_cost: float) -> bool:
    """Spread what some ways take over the others; put everything back, and return False, if that loses too much."""
    saved, before, needed = flow.save(range(len(flow.inputs))), flow.output, flow.pairs_in_use
    for path in dust:
        flow.pull(path, flow.removable(path))
    _fill(flow, [path for path in paths if path not in dust], amount)
    if before - flow.output <= leg_cost * (needed - flow.pairs_in_use):
        return True
    flow.restore(saved)
    return False


def _dust(flow: Flow, paths: list[Path], leg_cost: float) -> list[Path]:
    """Return the ways in use that gain too little, the worst first, but never the one that gains most.

    A way gains what the pairs that only it needs add at the tokens' values.
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
