"""The venues' pools: immutable states and their exact integer swaps."""

from collections.abc import Mapping
from typing import get_args

from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.meteora import DammV2
from orderflow.domain.pools.pool import AnyPool, Swap
from orderflow.domain.pools.raydium import AmmV4, Cpmm

Pool = AmmV4 | Cpmm | DammV2 | Dlmm
"""Every type of pool, and what JSON is read as: a new type is a file of its own and a member here."""

POOL_TYPES: Mapping[str, type[Pool]] = {str(kind.__struct_config__.tag): kind for kind in get_args(Pool)}
"""The types by the names of their programs."""

__all__ = ["POOL_TYPES", "AmmV4", "AnyPool", "Cpmm", "DammV2", "Dlmm", "Pool", "Swap", "program_of"]


def program_of(address: str) -> str:
    """Return the name of the program that a pool belongs to: an address is that, a colon and what is traded."""
    return address.partition(":")[0]
