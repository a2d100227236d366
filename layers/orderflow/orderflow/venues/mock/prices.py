"""The prices that the mock market opens with, in US dollars per unit, by a token's symbol."""

from collections.abc import Mapping
from decimal import Decimal

OPENING_PRICES: Mapping[str, Decimal] = {
    "SOL": Decimal(220),
    "USDC": Decimal(1),
    "USDT": Decimal(1),
    "JUP": Decimal("0.5"),
    "RAY": Decimal(2),
    "BONK": Decimal("0.00002"),
    "WIF": Decimal("0.8"),
    "JTO": Decimal("1.6"),
    "PYTH": Decimal("0.12"),
    "mSOL": Decimal(286),
    "JitoSOL": Decimal(270),
    "ORCA": Decimal(2),
}
