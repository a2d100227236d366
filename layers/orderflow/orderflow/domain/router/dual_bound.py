"""Proves how good a flow is: token values from its prices, and from these a bound on what any flow could pay out.

Weak duality: any values of the tokens give a bound. At the values of the best flow the bound is what that flow pays.
"""

from collections.abc import Mapping
from functools import partial
from math import inf, sqrt

from orderflow.domain.router.flow import A_LITTLE_LESS, Flow
from orderflow.domain.router.network import Network, Path

LEAST_SHARE = 1e-6
"""A smaller share of a token's flow than this is an error of rounding, not a choice."""
_A_LITTLE_MORE = 1 + 1e-12

WORTHLESS = 1e-140
"""The least value of a token: values are divided by each other, and multiplied under roots."""

Arc = tuple[str, str, float]
"""(token, another token, p): an atom of the token is worth at least p atoms of the other."""


def dual_bound(flow: Flow, amount_in: float) -> float:
    """Return the lowest bound that the flow's prices lead to on what any use of the network makes of `amount_in`."""
    return min(bound_at(flow.network, amount_in, token_values(flow, at_cost=choice)) for choice in (False, True))


def bound_at(network: Network, amount_in: float, values: Mapping[str, float]) -> float:
    """Return a bound on what any use of the network makes of `amount_in`, for any positive values of the tokens.

    U = ν_source·A + Σ over the pairs of max(ν_out·f(x) − ν_in·x): each pair gains at most its surplus when its tokens
    can be had and sold at these values without limit. At the values that the best flow comes to, U is its output.
    """
    topology = network.topology
    bound = values[topology.source] * amount_in
    for (token_in, token_out), curve in zip(topology.directions, network.curves, strict=True):
        value = values[token_out]
        bound += value * curve.surplus(values[token_in] / value)
    return bound


def path_and_gains(network: Network, path: Path, amount_in: float) -> tuple[float, dict[int, float]]:
    """Return what arrives by one path through all pools of its pairs, and what each other pair could add at most.

    At the marginal prices on the path, its own pairs pay just what arrives, and every other pair gains its surplus at
    most. The value of a token off the path lies between what the token costs and what it earns on the path. No pair
    takes more than the most that can reach it. Pairs that add nothing are left out.
    """
    topology, curves = network.topology, network.curves
    paid, prices = amount_in, []
    for number in path:
        paid, price, _ = curves[number].at(paid)
        prices.append(price)
    value, on_path = 1.0, {topology.target: 1.0}
    for number, price in zip(reversed(path), reversed(prices), strict=True):
        value *= price
        on_path[topology.directions[number][0]] = value
    values = on_path | _values_off_path(network, on_path, amount_in)
    gains: dict[int, float] = {}
    for number, (token_in, token_out) in enumerate(topology.directions):
        worth = values[token_out]
        if worth * curves[number].price > values[token_in] and number not in path:
            most = amount_in * network.best_prices[token_in]
            gains[number] = worth * curves[number].surplus(values[token_in] / worth, most)
    return paid, gains


def _values_off_path(network: Network, on_path: Mapping[str, float], amount_in: float) -> dict[str, float]:
    """Return a value of each token off a path, between what it costs and what it earns there, at which it gains least.

    Where either its purchase or its sale can take little, that one's gain is the whole gain.
    """
    costs: dict[str, float] = {}
    earned: dict[str, float] = {}
    beside: dict[str, list[int]] = {}
    for number, pair in enumerate(network.pairs):
        if pair.token_in in on_path:
            if pair.token_out not in on_path:
                costs[pair.token_out] = min(costs.get(pair.token_out, inf), on_path[pair.token_in] / pair.price)
                beside.setdefault(pair.token_out, []).append(number)
        elif pair.token_out in on_path:
            earned[pair.token_in] = max(earned.get(pair.token_in, 0.0), on_path[pair.token_out] * pair.price)
            beside.setdefault(pair.token_in, []).append(number)

    def gained(token: str, value: float) -> float:
        gain = 0.0
        for number in beside[token]:
            pair = network.pairs[number]
            start, end = on_path.get(pair.token_in, value), on_path.get(pair.token_out, value)
            if end * pair.price > start:
                gain += end * pair.curve.surplus(start / end, amount_in * network.best_prices[pair.token_in])
        return gain

    values = earned | costs
    for token, cost in costs.items():
        most = earned.get(token, 0.0)
        if most > cost:
            values[token] = min((sqrt(cost * most), cost, most), key=partial(gained, token))
    return values


def token_values(flow: Flow, *, at_cost: bool = False) -> dict[str, float]:
    """Return what an atom of each token is worth in atoms of the target, for `bound_at`.

    The value of a token is what the best path in use earns from it on. Where a bin is just full, any price between its
    own and the next is right: with `at_cost` no token is worth less than what was last paid for it. Both are right at
    the best flow; near it, either bound may be the lower one.
    """
    arcs: list[Arc] = []
    idle: list[Arc] = []
    in_use = _in_use(flow)
    for number, (token_in, token_out) in enumerate(flow.network.topology.directions):
        given, price = flow.inputs[number], flow.prices[number]
        if number in in_use:
            arcs.append((token_in, token_out, price))
            if at_cost:
                arcs.append((token_out, token_in, 1 / flow.curves[number].at(given * A_LITTLE_LESS)[1]))
        else:
            idle.append((token_in, token_out, price))
    used = {token for token, _, _ in arcs} | {flow.network.topology.target}
    values = _greatest_values([*arcs, *(arc for arc in idle if arc[0] not in used)], flow.network.topology.target)
    costs: dict[str, float] = {}
    for token_in, token_out, price in idle:
        if token_out not in used and token_in in used:
            costs[token_out] = min(costs.get(token_out, inf), values[token_in] / price)
    # The pairs of a token that costs more than it earns gain nothing; for other tokens, the better value is looked for.
    for token, cost in costs.items():
        if cost < values[token]:
            values[token] = _value_of_idle(flow.network, token, values, cost)
    return values


def _in_use(flow: Flow) -> set[int]:
    """Return the pairs that take more than rebalancing and floats leave behind, and that the source reaches."""
    directions = flow.network.topology.directions
    totals = dict.fromkeys((token_in for token_in, _ in directions), 0.0)
    for (token_in, _), given in zip(directions, flow.inputs, strict=True):
        totals[token_in] += given
    busy = [n for n, (token_in, _) in enumerate(directions) if flow.inputs[n] > LEAST_SHARE * totals[token_in]]
    reached, grown = {flow.network.topology.source}, True
    while grown:
        more = {directions[number][1] for number in busy if directions[number][0] in reached} - reached
        reached |= more
        grown = bool(more)
    return {number for number in busy if directions[number][0] in reached}


def _greatest_values(arcs: list[Arc], target: str) -> dict[str, float]:
    values = dict.fromkeys((token for token, _, _ in arcs), WORTHLESS)
    values[target] = 1.0
    # With as many rounds as there are tokens, every path without a cycle is followed to its end.
    for _ in values:
        changed = False
        for token, other, price in arcs:
            if (value := price * values[other]) > values[token] * _A_LITTLE_MORE:
                values[token], changed = value, True
        if not changed:
            break
    return values


def _value_of_idle(network: Network, token: str, values: Mapping[str, float], cost: float) -> float:
    """Return the value of an idle token, between what it costs and what it earns, at which its pairs gain least."""
    pairs = [
        (direction, curve)
        for direction, curve in zip(network.topology.directions, network.curves, strict=True)
        if token in direction
    ]

    def gained(value: float) -> float:
        surplus = 0.0
        for direction, curve in pairs:
            start, end = (value if name == token else values[name] for name in direction)
            surplus += end * curve.surplus(start / end)
        return surplus

    return min((values[token], cost, sqrt(values[token] * cost)), key=gained)
