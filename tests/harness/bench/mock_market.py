"""All that the bench knows of the mock market: its pairs and prices, its pools to route over, and how they change.

No other module of the bench imports `orderflow.venues.mock`.
"""

import time
from collections.abc import Collection, Iterator, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from itertools import islice
from random import Random
from typing import Any, NamedTuple

import msgspec
import redis

from orderflow.domain.launches import Launch
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Dlmm, Pool
from orderflow.domain.router.fit import fit
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime.clients import open_redis
from orderflow.runtime.settings import read_settings
from orderflow.venues.mock.background import advance, chain_seconds, opening_prices
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.chain_clock import HEARTBEAT
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.crowd import LaunchedPools
from orderflow.venues.mock.dlmm_opening import NARROW, WIDE, DlmmParameters, dlmm_opening_bins
from orderflow.venues.mock.latency import SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.launches import OPENS_AFTER, Calendar, launch_at, opening_pool
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.settings import MockSettings
from orderflow.venues.mock.universe import VENUES, opening_pools, pairs
from tests.harness.bench.pool_replay import Fill, Replay, run_again

__all__ = [
    "HEARTBEAT",
    "SOL",
    "USDC",
    "VENUES",
    "LaunchMarket",
    "MarketHistory",
    "ages",
    "amount_worth",
    "atoms_worth",
    "directions",
    "eight_pools",
    "launch_at",
    "let_the_market_live",
    "moments",
    "move_sol",
    "opening_pools",
    "pairs",
    "simulated_ms",
]

SOL, USDC = TOKENS["SOL"], TOKENS["USDC"]
SLOTS_APART = 50
FOLLOW_SOL = ("SOL", "mSOL", "JitoSOL")
_SIGNIFICANT_DIGITS = 4


def simulated_ms(request: OrderRequest, slot: int, speed: float) -> tuple[int, ...]:
    """Return the real milliseconds that an order waits, whose route was chosen at `slot`, one timer after the other.

    For its quotes, its building, its landing and its confirmation. The market is that of the settings in this process's
    environment, which a system that the bench starts has too.
    """
    settings = read_settings(MockSettings)
    latency = Latency(settings.seed, speed, settings.drop_rate, settings.network_failure_rate)
    market_ms = (
        latency.quotes(slot, request, VENUES).wait_ms,
        latency.build_ms(slot, request),
        latency.landing(slot, request).slots * SLOT_MS,
        SLOTS_TO_CONFIRM * SLOT_MS,
    )
    return tuple(map(latency.scaled, market_ms))


def let_the_market_live(redis_url: str, slots: int) -> None:
    """Bring the market in a Redis that nobody trades on meanwhile forward by so many slots.

    Raises RetryableError where somebody did.
    """
    settings = read_settings(MockSettings)
    with open_redis(redis_url) as client:
        chain = ChainStore(client, settings.seed)
        block, state = chain.state()
        every = settings.launch_every_slots
        blocks = produce(settings.seed, state, (), _no_landing, 0, least_slots=slots, launch_every=every)
        if not chain.commit(block, blocks):
            raise RetryableError(f"block {block + 1} was produced by another")


def move_sol(client: redis.Redis, factor: float) -> None:
    """Multiply the fair price of SOL, and of what follows it; arbitrage brings the pools there in the next slot."""
    chain = ChainStore(client, read_settings(MockSettings).seed)
    while True:
        block, state = chain.state()
        fair = {token: price * factor if token in FOLLOW_SOL else price for token, price in state.fair.items()}
        if chain.commit(block, Blocks(msgspec.structs.replace(state, fair=fair), (), (), {})):
            return


class Seen(NamedTuple):
    """The market after a block, and when it was seen, in ms since 1970."""

    at_ms: float
    state: MarketState


class MarketHistory:
    """The market block by block, as it is seen by somebody who looks often; `missed` counts those blocks in between."""

    def __init__(self, client: redis.Redis) -> None:
        self._chain = ChainStore(client, read_settings(MockSettings).seed)
        self._block: int | None = None
        self.seen: list[Seen] = []
        self.missed = 0

    def look(self) -> int:
        """Note the latest block unless it is known; return its slot."""
        block, state = self._chain.state()
        if block != self._block:
            self.missed += 0 if self._block is None else block - self._block - 1
            self._block = block
            self.seen.append(Seen(time.time() * 1000, state))
        return state.slot

    def executable(self, requests: Sequence[OrderRequest], minimums: Sequence[int]) -> list[list[bool]]:
        """Return, for each block, of each request whether it would receive its minimum then, on its own."""
        view = MarketView(reference_prices=OPENING_PRICES)
        blocks: list[list[bool]] = []
        for _, state in self.seen:
            view.refresh(state.pools.values(), chain_seconds(state.slot))
            blocks.append([_fits(view, *each) for each in zip(requests, minimums, strict=True)])
        return blocks


class LaunchMarket:
    """The launches of a market that announces one every so many slots, and what has become of their pools."""

    def __init__(self, client: redis.Redis, every: int) -> None:
        self._chain = ChainStore(client, read_settings(MockSettings).seed, launch_every=every)

    def slot(self) -> int:
        """Return the latest slot."""
        return self._chain.slot()

    def coming(self) -> list[Launch]:
        """Return the launches that are announced and have not opened, the first first."""
        slot, calendar = self.slot(), self._chain.calendar
        latest = islice(calendar.announced(slot), 1 + OPENS_AFTER[1] // calendar.every)
        return sorted((each for each in latest if each.open_slot > slot), key=lambda launch: launch.open_slot)

    def run_again(self, launch: Launch, fills: Sequence[Fill]) -> tuple[Replay, bool]:
        """Run a launch's pool from its opening to now by the crowd's trades and these fills.

        Return what that comes to, and whether it is the pool that the market has.
        """
        _, state = self._chain.state()
        slots = range(launch.open_slot + 1, state.slot + 1)
        replay = run_again(opening_pool(launch), launch.quote, fills, self._crowd, slots)
        return replay, replay.pool == state.launched.get(launch.pool)

    def _crowd(self, slot: int, pool: Pool) -> Pool:
        """Return a launch's pool after what its crowd has bought in a slot."""
        launched = LaunchedPools(Calendar(self._chain.seed, 0), slot - 1, {pool.pool: pool})
        launched.live(slot)
        return launched.pools[pool.pool]


def directions() -> Iterator[tuple[Token, Token]]:
    """Yield every traded pair in both directions, and as many without a pool of their own."""
    tokens = [token for token in TOKENS.values() if token not in (SOL, USDC)]
    for base, quote in pairs():
        yield base, quote
        yield quote, base
    for number, token in enumerate(tokens):
        yield token, tokens[(number + 1) % len(tokens)]
        yield token, tokens[(number + 3) % len(tokens)]


def moments(seed: int, count: int) -> Iterator[tuple[list[Pool], int]]:
    """Yield the pools of several moments of a market that lives, each with its second."""
    pools, fair = {pool.pool: pool for pool in opening_pools(seed)}, opening_prices()
    for number in range(count):
        slot = number * SLOTS_APART
        background = advance(seed, slot, slot + SLOTS_APART, fair, pools)
        pools, fair = pools | background.changed, background.fair
        yield list(pools.values()), chain_seconds(slot + SLOTS_APART)


def ages(seed: int, slots: Collection[int]) -> Iterator[tuple[str, list[Pool], int]]:
    """Yield the market as it opens and after so many slots each: what it is called, its pools, its second."""
    yield "at its opening", list(opening_pools(seed)), chain_seconds(0)
    for number, (pools, now_s) in enumerate(moments(seed, max(slots) // SLOTS_APART), 1):
        if number * SLOTS_APART in slots:
            yield f"after {number * SLOTS_APART:,} slots", pools, now_s


def eight_pools(seed: int) -> list[Pool]:
    """Return eight pools of SOL and USDC whose prices lie within half their fees of the opening price."""
    random = Random(f"{seed}:eight pools")
    return [
        AmmV4(venue="raydium", **_reserves(random, "amm_v4", 0.0025)),
        Cpmm(venue="raydium", fee_rate=100, **_reserves(random, "cpmm 0.01 %", 0.0001)),
        Cpmm(venue="raydium", fee_rate=2_500, **_reserves(random, "cpmm 0.25 %", 0.0025)),
        Cpmm(venue="raydium", fee_rate=10_000, **_reserves(random, "cpmm 1 %", 0.01)),
        DammV2(venue="meteora", fee_rate=1_000_000, **_reserves(random, "damm_v2 0.1 %", 0.001)),
        DammV2(venue="meteora", fee_rate=2_500_000, **_reserves(random, "damm_v2 0.25 %", 0.0025)),
        _bins(random, "dlmm 0.1 %", NARROW),
        _bins(random, "dlmm 1 %", WIDE),
    ]


def amount_worth(size_usd: float, token: Token) -> Decimal:
    """Return about how much of `token` is worth `size_usd` at the opening, to a few digits that the token has."""
    exact = Decimal(size_usd) / OPENING_PRICES[token.symbol]
    digits = min(token.decimals, _SIGNIFICANT_DIGITS - 1 - exact.adjusted())
    return exact.quantize(Decimal(1).scaleb(-digits), ROUND_HALF_EVEN)


def atoms_worth(dollars: float, token: Token) -> int:
    """Return the atoms of a token that so many dollars buy at the opening."""
    return int((Decimal(dollars) / OPENING_PRICES[token.symbol]).scaleb(token.decimals))


def _no_landing(order: Order) -> int:
    raise AssertionError(f"no order lands, not {order.order_id} either")


def _fits(view: MarketView, request: OrderRequest, minimum: int) -> bool:
    [received] = fit(view, [request], [minimum], VENUES)
    return not isinstance(received, RejectedError) and received >= minimum


def _reserves(random: Random, name: str, fee: float) -> dict[str, Any]:
    side = random.uniform(0.5e6, 5e6)
    skewed = side * (1 + random.uniform(-fee, fee) / 2)
    return {
        "pool": name,
        "token_a": SOL.symbol,
        "token_b": USDC.symbol,
        "reserve_a": atoms_worth(side, SOL),
        "reserve_b": atoms_worth(skewed, USDC),
    }


def _bins(random: Random, name: str, parameters: DlmmParameters) -> Dlmm:
    price = OPENING_PRICES["SOL"] / OPENING_PRICES["USDC"]
    opening = dlmm_opening_bins(SOL, USDC, price, Decimal(random.uniform(1e5, 1e6)), parameters.bin_step)
    return Dlmm(
        pool=name,
        venue="meteora",
        token_a=SOL.symbol,
        token_b=USDC.symbol,
        index_ref=opening.active_id,
        **msgspec.structs.asdict(opening),
        **msgspec.structs.asdict(parameters),
    )
