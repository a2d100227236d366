"""The orders that the bench sends, as request bodies without end: which tokens, and how large.

Both directions of a pair follow each other with the same value, so the prices stay about where they are.
"""

from collections.abc import Iterator, Sequence
from itertools import combinations, cycle
from math import exp, log
from random import Random
from statistics import NormalDist

import orjson

from orderflow.domain.tokens import TOKENS, Token
from tests.harness.bench.mock_market import amount_worth, pairs

LEAST_USD, MEDIAN_USD, MOST_USD = 10.0, 316.0, 10_000.0
SIGMA = 1.5
"""The standard deviation of the logarithm of an order's value in dollars."""

SMALL_USD = (10.0, 20.0, 35.0, 50.0)
_SIZES = 32

Pair = tuple[Token, Token]


def mixed_sizes(count: int = _SIZES) -> list[float]:
    """Return `count` values in dollars that lie as a log-normal distribution does, ascending; its ends are cut off."""
    normal = NormalDist(log(MEDIAN_USD), SIGMA)
    sizes = (exp(normal.inv_cdf((number + 0.5) / count)) for number in range(count))
    return [min(max(size, LEAST_USD), MOST_USD) for size in sizes]


def _mixed() -> list[bytes]:
    # Every pair of tokens gets every size once, in an order of its own.
    random = Random("mix")
    everything = [(pair, size) for pair in combinations(TOKENS.values(), 2) for size in mixed_sizes()]
    random.shuffle(everything)
    return _both_ways(everything)


def _small() -> list[bytes]:
    return _both_ways([(pair, size) for size in SMALL_USD for pair in pairs()])


MIXES = {"mixed": _mixed, "small": _small}
"""By the name of `--mix`: $10 to $10,000 between any tokens, or $10 to $50 where there are pools for the pair."""


def bodies(mix: str = "mixed") -> Iterator[bytes]:
    """Yield the orders of a mix of this name, round and round."""
    return cycle(MIXES[mix]())


def _both_ways(trades: Sequence[tuple[Pair, float]]) -> list[bytes]:
    return [
        _body(token_in, token_out, size_usd)
        for (base, quote), size_usd in trades
        for token_in, token_out in ((base, quote), (quote, base))
    ]


def _body(token_in: Token, token_out: Token, size_usd: float) -> bytes:
    return orjson.dumps(
        {
            "token_in": token_in.symbol,
            "token_out": token_out.symbol,
            "amount": f"{amount_worth(size_usd, token_in):f}",
            "order_type": "market",
            "max_slippage": 0.05,
        }
    )
