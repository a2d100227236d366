"""The mix of orders that the bench sends: every pair in both directions, small, as request bodies."""

from itertools import cycle, islice

import orjson

from orderflow.domain.tokens import Token
from tests.harness.bench.mock_market import amount_worth, pairs

SIZES_USD = (10, 20, 35, 50)


def bodies(count: int) -> list[bytes]:
    """Return `count` bodies that go round all pairs, directions and sizes, and so leave the prices where they were."""
    # The two directions of a pair follow each other with the same size.
    mix = [
        _body(token_in, token_out, size_usd)
        for size_usd in SIZES_USD
        for base, quote in pairs()
        for token_in, token_out in ((base, quote), (quote, base))
    ]
    return list(islice(cycle(mix), count))


def _body(token_in: Token, token_out: Token, size_usd: int) -> bytes:
    return orjson.dumps(
        {
            "token_in": token_in.symbol,
            "token_out": token_out.symbol,
            "amount": f"{amount_worth(size_usd, token_in):f}",
            "order_type": "market",
            "max_slippage": 0.05,
        }
    )
