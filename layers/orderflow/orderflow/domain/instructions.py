"""What a route's transaction runs, by program and name, and the error that it fails with when it pays too little."""

from collections.abc import Sequence

from orderflow.domain.pools import POOL_TYPES, program_of
from orderflow.domain.routing import Route

_AGGREGATOR_ERROR = "Jupiter error 6001, 0x1771"
"""A route over several pools goes through an aggregator, which checks the minimum."""


def instructions_for(route: Route) -> tuple[str, ...]:
    """Return the instructions in order. Pools hold SOL only wrapped: it is wrapped before and unwrapped after."""
    first, last = route.legs[0], route.legs[-1]
    wrap = ("system.transfer", "token.sync_native") if first.token_in == "SOL" else ()
    unwrap = ("token.close_account",) if last.token_out == "SOL" else ()
    return (*wrap, *(_swap_of(leg.pool) for leg in route.legs), *unwrap)


def slippage_error(pools: Sequence[str]) -> str:
    """Return the error of a transaction through the pools at these addresses that would pay less than its minimum."""
    kind = POOL_TYPES.get(program_of(pools[0])) if len(pools) == 1 else None
    return (kind.slippage_error if kind else None) or _AGGREGATOR_ERROR


def _swap_of(address: str) -> str:
    program = program_of(address)
    return f"{program}.{POOL_TYPES[program].swap_instruction}"
