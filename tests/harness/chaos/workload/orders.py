"""The orders of a chaos run: each has an amount that no other has, so that a row of the ledger shows whose it is."""

from collections.abc import Iterator
from itertools import count

from orderflow.domain.amounts import to_atoms
from orderflow.domain.tokens import TOKENS
from tests.harness.bench.mock_market import amount_worth
from tests.harness.chaos.history.posts import Identity

PAIRS = (("SOL", "USDC"), ("JUP", "USDC"), ("mSOL", "SOL"))
SMALL_USD, LARGE_USD = 25, 25_000
LARGE_EVERY = 10


def identities() -> Iterator[Identity]:
    """Yield identities without end: a few pairs in both directions, one in ten large."""
    directions = [direction for pair in PAIRS for direction in (pair, pair[::-1])]
    for number in count(1):
        token_in, token_out = directions[number % len(directions)]
        token = TOKENS[token_in]
        # The two directions of a pair are equally large, so that prices stay about where they are.
        large = number // 2 % LARGE_EVERY == 0
        base = to_atoms(amount_worth(LARGE_USD if large else SMALL_USD, token), token)
        yield Identity(token_in, token_out, base + number)
