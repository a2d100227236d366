"""Proves how good a route is: prices for all tokens in, a bound on what any route could pay out."""

from collections.abc import Mapping

from orderflow.domain.router.network import Network


def network_bound(network: Network, amount_in: float, values: Mapping[str, float]) -> float:
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
