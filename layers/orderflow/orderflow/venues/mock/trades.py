"""Trades of others than our orders with a pool, and what tokens are worth to them. Amounts are atoms."""

from collections import Counter
from collections.abc import Mapping

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import swap
from orderflow.domain.tokens import TOKENS
from orderflow.errors import RejectedError

Flows = Counter[str]
"""What others paid into (or, negative, took out of) a pool, in atoms, by `pool|token`."""


def trade(state: dict[str, Pool], flows: Flows, address: str, token_in: str, amount: int, now_s: int) -> None:
    """Let somebody sell `amount` to a pool, if that is possible: `state` and `flows` then have what changed."""
    pool = state[address]
    if not 0 < amount <= MAX_ATOMS:
        return  # nobody has more than an account holds
    try:
        result, state[address] = swap(pool, token_in, amount, now_s)
    except RejectedError:
        return  # too small to pay anything, or more than the bins can take: nobody trades then
    flows[f"{address}|{token_in}"] += result.amount_in
    flows[f"{address}|{pool.other(token_in)}"] -= result.amount_out


def atoms_a_dollar(prices: Mapping[str, float]) -> dict[str, float]:
    """Return how many atoms of each token are worth a dollar, by prices in dollars per unit."""
    return {symbol: float(10 ** TOKENS[symbol].decimals) / price for symbol, price in prices.items()}
