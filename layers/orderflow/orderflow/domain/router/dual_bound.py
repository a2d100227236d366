"""Proves how good a flow is: token values from its prices, and from these a bound on what any flow could pay out.

Weak duality: any values of the tokens give a bound. At the values of the best flow the bound is what that flow pays.
"""

from collections.abc import Container, Mapping, Sequence
from math import inf, prod, sqrt

from orderflow.domain.router.flow import A_LITTLE_LESS, Flow
from orderflow.domain.router.network import Network, Pair, Path, Topology

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


def path_values(topology: Topology, path: Path, prices: Mapping[int, float]) -> dict[str, float]:
    """Return what an atom of each token on a path earns on it, in atoms of the target, at marginal prices by pair."""
    value, values = 1.0, {topology.target: 1.0}
    for number in reversed(path):
        value *= prices[number]
        values[topology.directions[number][0]] = value
    return values


def most_gained(
    network: Network,
    path: Path,
    used: Container[int],
    values: Mapping[str, float],
    amount_in: float,
    *,
    enough: float = 0.0,
) -> float:
    """Return a bound on what a path adds to a flow, from the pairs `used` and the values of the tokens they trade.

    At these values the pairs in use pay just what they pay already, so a path gains only where it leaves them. A bound
    that is not more than `enough` is not improved any further.
    """
    gain, start = 0.0, network.topology.source
    apart: list[Pair] = []
    for number in path:
        pair = network.pairs[number]
        if number not in used:
            apart.append(pair)
        if pair.token_out in values:
            if apart:
                most = amount_in * network.best_prices[start]
                gain += _gained_apart(apart, values[start], values[pair.token_out], most, enough)
                apart = []
            start = pair.token_out
    return gain


def _gained_apart(pairs: Sequence[Pair], start: float, end: float, amount: float, enough: float) -> float:
    """Return a bound on what pairs in a row gain with `amount` at most, from the values of their first and last token.

    The tokens in between can be valued so that one of the pairs has the whole gain, while all others just break even at
    their first prices. Of these bounds, one for each pair, the least counts.
    """
    price = prod([pair.price for pair in pairs])
    if end * price <= start:
        return 0.0
    gain, before = inf, 1.0
    for pair in pairs:
        # What the pair's own tokens are worth when all others break even.
        worth_in, worth_out = start / before, end * price / (before * pair.price)
        gain = min(gain, worth_out * pair.curve.surplus(worth_in / worth_out, amount * before))
        if gain <= enough:
            break
        before *= pair.price
    return gain


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
