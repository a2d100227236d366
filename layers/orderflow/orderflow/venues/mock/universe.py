"""The pools that the mock market opens with, drawn from a seed around the opening prices."""

from collections.abc import Callable, Iterator
from decimal import Decimal
from functools import partial
from random import Random
from typing import Any, NamedTuple, TypeVar

import msgspec

from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Dlmm, Pool
from orderflow.domain.pools.constant_product import ConstantProduct
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.dlmm_opening import NARROW, dlmm_opening_bins
from orderflow.venues.mock.prices import OPENING_PRICES

Program = TypeVar("Program", bound=ConstantProduct)

RAYDIUM = "raydium"
METEORA = "meteora"

# Liquidity of a pool in US dollars, both sides together: a least and a most.
_DEEP = (5_000_000, 10_000_000)
_STABLE = (5_000_000, 5_000_000)
_MAJOR = (500_000, 2_000_000)
_MEME = (100_000, 1_000_000)
_DLMM = (100_000, 1_000_000)

# Half of the smallest fee of a constant-product pool: no two of a pair open further apart than that fee, and no cycle
# is free.
_MOST_OPENING_GAP = Decimal("0.00125")


def pairs() -> Iterator[tuple[Token, Token]]:
    """Yield every pair that is traded: SOL and all other tokens against USDC, and those against SOL too."""
    sol, usdc = TOKENS["SOL"], TOKENS["USDC"]
    yield sol, usdc
    for token in TOKENS.values():
        if token not in (sol, usdc):
            yield token, usdc
            yield token, sol


def opening_pools(seed: int) -> tuple[Pool, ...]:
    """Return the pools that `LISTINGS` has of every pair, the same for the same seed."""
    return tuple(
        listing.open_pool(listing.venue, base, quote, seed)
        for base, quote in pairs()
        for listing in LISTINGS
        if listing.trades(base, quote)
    )


def pool_address(program: str, base: str, quote: str) -> str:
    """Return the name under which a program's pool of a pair is known, such as raydium_amm_v4:SOL-USDC."""
    return f"{program}:{base}-{quote}"


def _constant_product(program: type[Program], venue: str, base: Token, quote: Token, seed: int) -> Program:
    address, random = _named(program, base, quote, seed)
    side_value = Decimal(random.randint(*_liquidity(base, quote))) / 2
    skew = 1 + _MOST_OPENING_GAP * Decimal(random.randint(-1000, 1000)) / 1000
    return program(
        pool=address,
        venue=venue,
        token_a=base.symbol,
        token_b=quote.symbol,
        reserve_a=int((side_value / OPENING_PRICES[base.symbol]).scaleb(base.decimals)),
        reserve_b=int((side_value * skew / OPENING_PRICES[quote.symbol]).scaleb(quote.decimals)),
    )


def _dlmm(venue: str, base: Token, quote: Token, seed: int) -> Dlmm:
    address, random = _named(Dlmm, base, quote, seed)
    liquidity = Decimal(random.randint(*_DLMM))
    price = OPENING_PRICES[base.symbol] / OPENING_PRICES[quote.symbol]
    bins = dlmm_opening_bins(base, quote, price, liquidity, NARROW.bin_step)
    return Dlmm(
        pool=address,
        venue=venue,
        token_a=base.symbol,
        token_b=quote.symbol,
        index_ref=bins.active_id,
        **msgspec.structs.asdict(bins),
        **msgspec.structs.asdict(NARROW),
    )


def _named(program: type[Any], base: Token, quote: Token, seed: int) -> tuple[str, Random]:
    address = pool_address(str(program.__struct_config__.tag), base.symbol, quote.symbol)
    return address, Random(f"{seed}:{address}")


def _liquidity(base: Token, quote: Token) -> tuple[int, int]:
    if base.symbol == "SOL" and quote.symbol == "USDC":
        return _DEEP
    if base.symbol == "USDT" and quote.symbol == "USDC":
        return _STABLE
    return _MEME if base.symbol in ("BONK", "WIF") else _MAJOR


class Listing(NamedTuple):
    """The pools of one type at one venue: of which pairs (base, quote) there is one, and how it opens from a seed."""

    venue: str
    open_pool: Callable[[str, Token, Token, int], Pool]
    trades: Callable[[Token, Token], bool]


LISTINGS = (
    Listing(RAYDIUM, partial(_constant_product, AmmV4), lambda base, _quote: base.symbol in ("SOL", "RAY", "USDT")),
    Listing(RAYDIUM, partial(_constant_product, Cpmm), lambda base, _quote: base.symbol not in ("RAY", "USDT")),
    Listing(METEORA, partial(_constant_product, DammV2), lambda _base, _quote: True),
    Listing(METEORA, _dlmm, lambda _base, _quote: True),
)
"""All pools of the market: a venue, or a type of pools at a venue, is a line here."""

VENUES = tuple(sorted({listing.venue for listing in LISTINGS}))
