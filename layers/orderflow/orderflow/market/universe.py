"""The pools that the mock market opens with, drawn from a seed around the opening prices."""

from collections.abc import Iterator
from decimal import Decimal
from random import Random

from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool
from orderflow.domain.tokens import TOKENS, Token

RAYDIUM = "raydium"
METEORA = "meteora"
VENUES = (METEORA, RAYDIUM)

# Liquidity of a pool in US dollars, both sides together: a least and a most.
_DEEP = (5_000_000, 10_000_000)
_STABLE = (5_000_000, 5_000_000)
_MAJOR = (500_000, 2_000_000)
_MEME = (100_000, 1_000_000)

# Half the fee of the cheapest pool: two pools of a pair may open this far apart and still leave no free cycle.
_OPENING_SPREAD = Decimal("0.00125")


def pairs() -> Iterator[tuple[Token, Token]]:
    """Yield every pair that is traded: SOL and all other tokens against USDC, and those against SOL too."""
    sol, usdc = TOKENS["SOL"], TOKENS["USDC"]
    yield sol, usdc
    for token in TOKENS.values():
        if token not in (sol, usdc):
            yield token, usdc
            yield token, sol


def opening_pools(seed: int) -> tuple[Pool, ...]:
    """Return a Raydium and a Meteora pool of every pair, the same for the same seed."""
    pools: list[Pool] = []
    for base, quote in pairs():
        pools.append(_open(RAYDIUM, base, quote, seed))
        pools.append(_open(METEORA, base, quote, seed))
    return tuple(pools)


def pool_address(venue: str, base: str, quote: str) -> str:
    """Return the name under which a venue's pool of a pair is known."""
    return f"{venue}:{base}-{quote}"


def pools_of_pair(token_in: str, token_out: str) -> tuple[str, ...]:
    """Return the addresses of the pools that trade two tokens, in either direction; none where no venue lists them."""
    return _POOLS_OF_PAIR.get((token_in, token_out), ())


_POOLS_OF_PAIR = {
    direction: tuple(pool_address(venue, base.symbol, quote.symbol) for venue in VENUES)
    for base, quote in pairs()
    for direction in ((base.symbol, quote.symbol), (quote.symbol, base.symbol))
}


def _open(venue: str, base: Token, quote: Token, seed: int) -> Pool:
    address = pool_address(venue, base.symbol, quote.symbol)
    random = Random(f"{seed}:{address}")
    low, high = _liquidity(base, quote)
    side_value = Decimal(random.randint(low, high)) / 2
    skew = 1 + _OPENING_SPREAD * Decimal(random.randint(-1000, 1000)) / 1000
    reserves = {
        "pool": address,
        "venue": venue,
        "token_a": base.symbol,
        "token_b": quote.symbol,
        "reserve_a": int((side_value / base.opening_price).scaleb(base.decimals)),
        "reserve_b": int((side_value * skew / quote.opening_price).scaleb(quote.decimals)),
    }
    return _pool_type(venue, base)(**reserves)  # type: ignore[arg-type]


def _pool_type(venue: str, base: Token) -> type[AmmV4 | Cpmm | DammV2]:
    if venue == METEORA:
        return DammV2
    return AmmV4 if base.symbol in ("SOL", "RAY", "USDT") else Cpmm


def _liquidity(base: Token, quote: Token) -> tuple[int, int]:
    if base.symbol == "SOL" and quote.symbol == "USDC":
        return _DEEP
    if base.symbol == "USDT" and quote.symbol == "USDC":
        return _STABLE
    return _MEME if base.symbol in ("BONK", "WIF") else _MAJOR
