"""Lists the instructions of a route's transaction, by program and name."""

from orderflow.domain.routing import Route

_SWAP_PROGRAMS = {"raydium": "raydium.swap_base_in", "meteora": "meteora.swap"}


def instructions_for(route: Route) -> tuple[str, ...]:
    """Return the instructions in order. Pools hold SOL only wrapped: it is wrapped before and unwrapped after."""
    first, last = route.legs[0], route.legs[-1]
    wrap = ("system.transfer", "token.sync_native") if first.token_in == "SOL" else ()
    unwrap = ("token.close_account",) if last.token_out == "SOL" else ()
    return (*wrap, *(_SWAP_PROGRAMS[leg.venue] for leg in route.legs), *unwrap)
