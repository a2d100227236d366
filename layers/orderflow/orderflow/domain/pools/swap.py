"""Any venue's swap by hand: a pool's state, a token and an amount in; the result and the pool's next state out.

No orders, routes or chains are needed. A pool may be built in Python or read from JSON, where `type`
names the venue's program, one of `POOL_TYPES`. Amounts are atoms, a token's smallest units.

>>> import msgspec
>>> pool = msgspec.json.decode(
...     '''{"type": "raydium_amm_v4", "pool": "mine", "venue": "raydium", "token_a": "SOL", "token_b": "USDC",
...         "reserve_a": 1000000, "reserve_b": 2000000}''',
...     type=Pool,
... )
>>> result, after = swap(pool, "SOL", 10_000, now_s=0)
>>> result
Swap(amount_in=10000, amount_out=19752, fee=25, fee_token='SOL')
>>> after.reserve_a, after.reserve_b
(1010000, 1980248)
>>> swap_exact_out(pool, "SOL", 19_752, now_s=0)[0].amount_in
10000
"""

from typing import TypeVar

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import AnyPool, Pool, Swap
from orderflow.errors import InsufficientLiquidityError, ReserveOverflowError

__all__ = ["Pool", "Swap", "quote", "swap", "swap_exact_out"]

P = TypeVar("P", bound=AnyPool)


def swap(pool: P, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, P]:
    """Sell `amount_in` atoms of `token_in` to `pool` at the Unix second `now_s`; return the result and the pool after.

    `now_s` makes a difference to DLMM pools only: their fee rises when the price moves, and falls with time. `pool` is
    not changed. Raises ZeroOutputError when the output would be zero, InsufficientLiquidityError when the pool
    can't take the amount, ReserveOverflowError (one of the same kind) when a reserve would be 2⁶⁴ atoms or more, and
    ValueError when the pool does not trade the token or no venue could be asked for the amount.
    """
    _check(pool, token_in, amount_in)
    result, after = pool.swap(token_in, amount_in, now_s)
    _check_held(pool, token_in, result)
    return result, after


def quote(pool: AnyPool, token_in: str, amount_in: int, now_s: int) -> Swap:
    """Return the result of `swap` without making the pool after it. Raises as `swap` does."""
    _check(pool, token_in, amount_in)
    result = pool.quote(token_in, amount_in, now_s)
    _check_held(pool, token_in, result)
    return result


def swap_exact_out(pool: P, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, P]:
    """Buy exactly `amount_out` atoms from `pool` for as few atoms of `token_in` as it takes.

    For one atom less, `swap` would yield less than `amount_out`. For the same input it may yield a little more, by
    rounding; the trader does not get this surplus. In a constant-product pool it stays in the reserve; in a DLMM pool
    it leaves the bin, as in `swap`, and is withheld in the vault. Raises as `swap` does.
    """
    _check(pool, token_in, amount_out)
    result, after = pool.swap_exact_out(token_in, amount_out, now_s)
    if result.amount_in > MAX_ATOMS:
        raise InsufficientLiquidityError(
            f"{pool.venue} pool {pool.pool} would ask for {result.amount_in} atoms of {token_in}, more than can exist"
        )
    _check_held(pool, token_in, result)
    return result, after


def _check(pool: AnyPool, token_in: str, amount: int) -> None:
    if token_in not in (pool.token_a, pool.token_b):
        raise ValueError(f"{pool.pool} trades {pool.token_a} and {pool.token_b}, not {token_in}")
    if not 0 <= amount <= MAX_ATOMS:
        raise ValueError(f"an amount must be from 0 to {MAX_ATOMS} atoms, not {amount}")
    pool.check_state()


def _check_held(pool: AnyPool, token_in: str, result: Swap) -> None:
    """Refuse a swap by which a pool would hold more than 64 bits, and a pool that held more before of what it pays."""
    held = pool.most_held(token_in, result)
    if held > MAX_ATOMS:
        raise ReserveOverflowError(
            f"{pool.venue} pool {pool.pool} would hold {held} atoms, and an account holds {MAX_ATOMS} at most"
        )
