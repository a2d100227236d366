"""The mock market's launches: a seed and the slot at which one is announced in, all that there is to know of it out.

Nothing of a launch is kept but its pool while that is open: its token's symbol and mint both say the slot.
"""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from functools import lru_cache
from hashlib import blake2b
from operator import attrgetter
from random import Random
from re import compile as pattern
from typing import NamedTuple

from orderflow.domain import base58
from orderflow.domain.launches import Launch
from orderflow.domain.pools import Cpmm, DammV2, Pool
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import METEORA, RAYDIUM, pool_address

OPENS_AFTER = (20, 60)
"""How many slots after it was announced a launch opens: the least and the most."""
OPEN_SLOTS = 9_000
"""How long a launched token trades: an hour."""

_WORDS = (
    "APE",
    "BAGEL",
    "COMET",
    "DISCO",
    "ECHO",
    "FROG",
    "GECKO",
    "HIPPO",
    "IGLOO",
    "JELLY",
    "KOALA",
    "LASER",
    "MOON",
    "NINJA",
    "OTTER",
    "PANDA",
    "QUARK",
    "ROCKET",
    "SUSHI",
    "TURBO",
    "UFO",
    "VIKING",
    "WHALE",
    "XENON",
    "YETI",
    "ZEBRA",
)
_SUPPLY = 10**9
"""Units of a launched token."""
_LIQUIDITY_USD = (5_000, 50_000)
"""Of the quote token alone, in US dollars at its opening price."""
_SLOT_BYTES = 8
_SYMBOL = pattern(r"[A-Z]+([0-9]{1,18})")

_PROGRAMS: Mapping[str, type[Cpmm | DammV2]] = {RAYDIUM: Cpmm, METEORA: DammV2}


class Calendar(NamedTuple):
    """When tokens are launched: every so many slots one is announced, the first at slot 0; none where that is 0."""

    seed: int
    every: int

    def opening(self, after: int, to_slot: int) -> Iterator[Launch]:
        """Yield the launches that open after a slot, up to and including another, as they were announced."""
        if self.every:
            first = max(0, -(-(after + 1 - OPENS_AFTER[1]) // self.every)) * self.every
            for slot in range(first, to_slot - OPENS_AFTER[0] + 1, self.every):
                launch = launch_at(self.seed, slot)
                if after < launch.open_slot <= to_slot:
                    yield launch

    def closing(self, after: int, to_slot: int) -> Iterator[Launch]:
        """Yield the launches that close after a slot, up to and including another, as they were announced."""
        return self.opening(after - OPEN_SLOTS, to_slot - OPEN_SLOTS)

    def announced(self, slot: int) -> Iterator[Launch]:
        """Yield the launches that are announced by a slot, the latest first."""
        if self.every:
            for announced in range(slot - slot % self.every, -1, -self.every):
                yield launch_at(self.seed, announced)

    def named(self, name: str, slot: int) -> Launch | None:
        """Return the launch, announced by a slot, of the token with a mint, or a symbol in upper or lower case."""
        launch = named_launch(self.seed, name, slot) if self.every else None
        return launch if launch is not None and launch.announced_slot % self.every == 0 else None


def found_launches(calendar: Calendar, slot: int, open_pools: Mapping[str, Pool], past: int) -> list[Launch]:
    """Return the launches that are announced at a slot or open, the latest first, then `past` of those that are over.

    Open are those that have a pool in `open_pools`.
    """
    opened = (launch_of(calendar.seed, pool.token_a) for pool in open_pools.values())
    current, over = [launch for launch in opened if launch], list[Launch]()
    for launch in calendar.announced(slot):
        status = launch.status_at(slot)
        if status == "announced":
            current.append(launch)
        elif len(over) < past:
            over += [launch] if status == "past" else []
        elif launch.announced_slot <= slot - OPENS_AFTER[1]:
            break
    return [*sorted(current, key=attrgetter("announced_slot"), reverse=True), *over]


@lru_cache(maxsize=4096)
def launch_at(seed: int, slot: int) -> Launch:
    """Return the launch that is announced at a slot, where one is: the same for the same seed and slot."""
    random = Random(f"{seed}:launch:{slot}")
    token = Token(f"{random.choice(_WORDS)}{slot}", _mint(seed, slot), random.choice((6, 9)))
    quote, venue = random.choice(("SOL", "USDC")), random.choice((METEORA, RAYDIUM))
    dollars = Decimal(random.randint(*_LIQUIDITY_USD))
    open_slot = slot + random.randint(*OPENS_AFTER)
    return Launch(
        token=token,
        quote=quote,
        venue=venue,
        pool=pool_address(str(_PROGRAMS[venue].__struct_config__.tag), token.symbol, quote),
        liquidity=int((dollars / OPENING_PRICES[quote]).scaleb(TOKENS[quote].decimals)),
        mint_renounced=random.random() < 0.8,
        freezable=random.random() < 0.2,
        lp_burned=random.random() < 0.7,
        top10_bps=random.randint(500, 6_000),
        announced_slot=slot,
        open_slot=open_slot,
        close_slot=open_slot + OPEN_SLOTS,
    )


def named_launch(seed: int, name: str, slot: int) -> Launch | None:
    """Return the launch of the token with a mint, or a symbol in upper or lower case, that a seed has by a slot."""
    announced = _slot_in(name)
    if announced is None or announced > slot:
        return None
    launch = launch_at(seed, announced)
    return launch if name == launch.token.mint or name.upper() == launch.token.symbol else None


@lru_cache(maxsize=4096)
def launch_of(seed: int, symbol: str) -> Launch | None:
    """Return the launch of the token with a symbol, if a seed makes one; None for any other token."""
    slot = _slot_in(symbol)
    launch = None if slot is None else launch_at(seed, slot)
    return launch if launch is not None and launch.token.symbol == symbol else None


def opening_pool(launch: Launch) -> Pool:
    """Return the pool with which a token begins to trade: all of it but what the ten largest holders have is there."""
    supply = _SUPPLY * 10**launch.token.decimals
    return _PROGRAMS[launch.venue](
        pool=launch.pool,
        venue=launch.venue,
        token_a=launch.token.symbol,
        token_b=launch.quote,
        reserve_a=supply * (BPS - launch.top10_bps) // BPS,
        reserve_b=launch.liquidity,
    )


def launched_token(address: str) -> str:
    """Return the symbol of the token that the pool of a launch trades."""
    return address.partition(":")[2].partition("-")[0]


def is_launched(pool: Pool) -> bool:
    """Return whether a pool is a launch's: the tokens that it trades are not both listed."""
    return pool.token_a not in TOKENS


def _mint(seed: int, slot: int) -> str:
    digest = blake2b(f"{seed}:launch:{slot}".encode(), digest_size=32 - _SLOT_BYTES).digest()
    return base58.encode(digest + slot.to_bytes(_SLOT_BYTES))


def _slot_in(name: str) -> int | None:
    """Return the slot that a launched token's symbol or mint says; None where it is neither."""
    # A mint may happen to be letters with digits behind them, as symbols are; no symbol is as long as a mint.
    mint = base58.decode(name)
    if mint is not None and len(mint) == 32:
        return int.from_bytes(mint[-_SLOT_BYTES:])
    found = _SYMBOL.fullmatch(name.upper()) if name.isascii() else None
    return int(found[1]) if found else None
