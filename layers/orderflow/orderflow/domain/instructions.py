"""Lists the instructions of a route's transaction, by program and name."""

from orderflow.domain.routing import Route

_SWAPS = {
    "raydium_amm_v4": "raydium_amm_v4.swap_base_in",
    "raydium_cpmm": "raydium_cpmm.swap_base_input",
    "meteora_damm_v2": "meteora_damm_v2.swap",
    "meteora_dlmm": "meteora_dlmm.swap",
}


def instructions_for(route: Route) -> tuple[str, ...]:
    """Return the instructions in order. Pools hold SOL only wrapped: it is wrapped before and unwrapped after."""
    first, last = route.legs[0], route.legs[-1]
    wrap = ("system.transfer", "token.sync_native") if first.token_in == "SOL" else ()
    unwrap = ("token.close_account",) if last.token_out == "SOL" else ()
    return (*wrap, *(_SWAPS[leg.pool.partition(":")[0]] for leg in route.legs), *unwrap)
