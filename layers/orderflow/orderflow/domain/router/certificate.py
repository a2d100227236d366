"""Proves how good a route is: prices for all tokens in, a bound on what any route could pay out."""

from orderflow.domain.router.flow import Flow
from orderflow.domain.router.network import Network


def token_values(flow: Flow) -> dict[str, float]:
    """Return what an atom of each token is worth in atoms of the target: the best of its ways on, as they are now."""
    topology = flow.network.topology
    values = dict.fromkeys((token for direction in topology.directions for token in direction), 0.0)
    values[topology.target] = 1.0
    for _ in values:
        changed = False
        for (token_in, token_out), price in zip(topology.directions, flow.prices, strict=True):
            if (value := price * values[token_out]) > values[token_in] * (1 + 1e-15):
                values[token_in], changed = value, True
        if not changed:
            break
    return values


def network_bound(network: Network, amount_in: float, values: dict[str, float]) -> float:
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
