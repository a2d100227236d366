"""Runs swaps on the pools of one moment for one order, none of them twice: a pool and an amount in, the result out."""

from orderflow.domain.pools import AnyPool, Swap
from orderflow.domain.pools.swap import quote

PoolSwap = tuple[AnyPool, str, Swap]
"""A swap that was run: the pool before it, the token sold, the result."""


class Swapper:
    """What swaps pay at the second `now_s`. The plans that are compared for an order ask for many of them again."""

    __slots__ = ("_done", "_now_s")

    def __init__(self, now_s: int) -> None:
        self._now_s = now_s
        self._done: dict[tuple[str, str, int], Swap] = {}

    def run(self, pool: AnyPool, token_in: str, amount_in: int) -> PoolSwap:
        """Sell `amount_in` atoms of `token_in` to a pool. Raises as `quote` does."""
        key = pool.pool, token_in, amount_in
        result = self._done.get(key)
        if result is None:
            result = self._done[key] = quote(pool, token_in, amount_in, self._now_s)
        return pool, token_in, result
