"""The venues' pools: immutable states and their exact integer swaps."""

from orderflow.domain.pools.dlmm import Dlmm
from orderflow.domain.pools.meteora import DammV2
from orderflow.domain.pools.raydium import AmmV4, Cpmm

Pool = AmmV4 | Cpmm | DammV2 | Dlmm

__all__ = ["AmmV4", "Cpmm", "DammV2", "Dlmm", "Pool"]
