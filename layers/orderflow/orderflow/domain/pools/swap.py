"""Any venue's swap by hand: a pool's state, a token and an amount in; the result and the pool's next state out.

Nothing here knows of orders, routes or the mock chain. A pool may be built in Python or read from JSON, where `type`
names the venue's program (raydium_amm_v4, raydium_cpmm, meteora_damm_v2, meteora_dlmm). Amounts are atoms, a token's
smallest units.

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

import msgspec

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import Pool
from orderflow.domain.pools.constant_product import Swap
from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.meteora import FEE_UNIT, DammV2
from orderflow.domain.pools.raydium import AmmV4, Cpmm
from orderflow.errors import InsufficientLiquidityError, ReserveOverflowError


def swap(pool: Pool, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, Pool]:
    """Sell `amount_in` atoms of `token_in` to `pool` at the Unix second `now_s`; return the result and the pool after.

    `now_s` matters to DLMM pools only: their fee remembers how the price moved, and forgets it with time. `pool` is
    left as it was. Raises ZeroOutputError when the output would be zero, InsufficientLiquidityError when the pool
    can't take the amount, ReserveOverflowError (one of the same kind) when a reserve would be 2⁶⁴ atoms or more, and
    ValueError when the pool does not trade the token or the amount is none that a venue
    could be asked for.
    """
    _check(pool, token_in, amount_in)
    result, after = pool.swap(token_in, amount_in, now_s) if isinstance(pool, Dlmm) else pool.swap(token_in, amount_in)
    _check_reserves(pool, after, token_in)
    return result, after


def swap_exact_out(pool: Pool, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Pool]:
    """Buy exactly `amount_out` atoms from `pool` for as few atoms of `token_in` as it takes.

    One atom less, and `swap` would yield less than `amount_out`; with rounding it may yield a little more for the
    same, which the trader does not get. It stays in a constant-product pool's reserve; it leaves a DLMM pool's bin as
    it would in `swap`, and lies in the pool's vault withheld. Raises as `swap` does.
    """
    _check(pool, token_in, amount_out)
    if isinstance(pool, Dlmm):
        result, after = pool.swap_exact_out(token_in, amount_out, now_s)
        _check_size(pool, token_in, result.amount_in)
        _check_reserves(pool, after, token_in)
        return result, after
    amount_in = pool.amount_in_for(token_in, amount_out)
    _check_size(pool, token_in, amount_in)
    given, after_given = pool.swap(token_in, amount_in)
    _check_reserves(pool, after_given, token_in)
    surplus = given.amount_out - amount_out
    fee = -(-amount_out * pool.fee_rate // (FEE_UNIT - pool.fee_rate)) if isinstance(pool, DammV2) else given.fee
    return Swap(amount_in, amount_out, fee, given.fee_token), _give_back(after_given, token_in, surplus)


def _check(pool: Pool, token_in: str, amount: int) -> None:
    if token_in not in (pool.token_a, pool.token_b):
        raise ValueError(f"{pool.pool} trades {pool.token_a} and {pool.token_b}, not {token_in}")
    if not 0 <= amount <= MAX_ATOMS:
        raise ValueError(f"an amount must be from 0 to {MAX_ATOMS} atoms, not {amount}")
    if isinstance(pool, Dlmm):
        if len(pool.bins_x) != len(pool.bins_y):
            raise ValueError(f"{pool.pool} has {len(pool.bins_x)} bins of x, but {len(pool.bins_y)} of y")
    elif pool.reserve_a <= 0 or pool.reserve_b <= 0:
        raise InsufficientLiquidityError(f"{pool.venue} pool {pool.pool} is empty")


def _check_size(pool: Pool, token_in: str, amount_in: int) -> None:
    if amount_in > MAX_ATOMS:
        raise InsufficientLiquidityError(
            f"{pool.venue} pool {pool.pool} would ask for {amount_in} atoms of {token_in}, more than can exist"
        )


def _check_reserves(before: Pool, after: Pool, token_in: str) -> None:
    """Refuse a swap that brings more than 64 bits into a pool, and a pool that had as much of what it pays.

    A constant-product pool counts what it withholds as well: all of the input comes into its vault first.
    """
    held = max(after.reserves(token_in)[0], before.reserves(token_in)[1])
    if not isinstance(after, Dlmm):
        held = max(held, after.reserve_a + after.withheld_a, after.reserve_b + after.withheld_b)
    if held > MAX_ATOMS:
        raise ReserveOverflowError(
            f"{after.venue} pool {after.pool} would hold {held} atoms, and an account holds {MAX_ATOMS} at most"
        )


def _give_back(pool: AmmV4 | Cpmm | DammV2, token_in: str, surplus: int) -> AmmV4 | Cpmm | DammV2:
    if token_in == pool.token_a:
        return msgspec.structs.replace(pool, reserve_b=pool.reserve_b + surplus)
    return msgspec.structs.replace(pool, reserve_a=pool.reserve_a + surplus)
