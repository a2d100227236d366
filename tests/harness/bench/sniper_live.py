"""Orders that wait for launches, on a system that runs: handed in beside market orders or alone, and followed."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from random import Random

import uvloop
from rich.progress import Progress

from local.client.api import Client
from local.run.running_system import System
from orderflow.domain.amounts import to_units
from orderflow.domain.launches import Launch, Priority
from orderflow.domain.ticks import SLOT_MS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.errors import OrderflowError
from orderflow.runtime.clients import open_redis
from tests.harness.bench import sniped
from tests.harness.bench.background import background
from tests.harness.bench.load import Load
from tests.harness.bench.measurement import Plan, measure
from tests.harness.bench.mock_market import SOL, LaunchMarket, atoms_worth
from tests.harness.bench.report import BenchResult
from tests.harness.bench.sniped import Sniped
from tests.harness.own_system import LAUNCHES

SETTINGS = {"DROP_RATE": "0", **LAUNCHES}
"""A dropped transaction is sent again after 2 s. At 1 % of them the 99th percentile of market orders would be one of
those in some runs and one of the others in the rest; without drops it says how late the system is."""

BATCH = 100
LEAST_USD, STEP_USD = 1.5, 0.001
"""What the first order for a launch is worth, and how much more each further one is: their draws differ then."""

NO_TOKEN = "11111111111111111111111111111112"
"""32 bytes in base58 that are the mint of no token."""

GOOD_FOR_S = 120
LOOK_S = 0.5
AHEAD = 5
"""Orders for a launch are placed so many slots before it opens at the latest."""

SOON = range(12, 30)
WITHIN_S = 60.0

Shares = Sequence[tuple[Priority, int]]
"""How many orders there are of each priority."""


class NoLaunchError(OrderflowError):
    """No launch came as one should, or orders for it were refused."""


@dataclass(frozen=True, slots=True)
class Wave:
    """Orders that were placed for a launch, each with its priority; and what became of them, once they have ended."""

    launch: Launch
    priorities: dict[str, str]
    sniped: list[Sniped] = field(default_factory=list)
    unexplained: int = 0
    same_pool: bool = False

    @property
    def faults(self) -> list[str]:
        """What is wrong with its orders."""
        return sniped.faults(self.priorities, self.sniped, self.launch.pool)


@dataclass(frozen=True, slots=True)
class Half:
    """Market orders, and the orders for launches that opened meanwhile; of which there are none in one half."""

    market: BenchResult
    waves: list[Wave]


def keep_time(system: System) -> None:
    """Place an order that waits for ever, so that the market's time passes whatever else there is."""
    uvloop.run(_keep_time(system))


def market_orders(system: System, load: Load, shares: Shares = ()) -> Half:
    """Send market orders, and place `shares` for each launch that opens meanwhile, one at least unless they are empty.

    Returns when all have ended.
    """
    return uvloop.run(_market_orders(system, Plan(load, warm_up_s=0.0), shares))


def one_launch(system: System, shares: Shares) -> Wave:
    """Place orders for the next launch, with nothing beside them; return them when all have ended."""
    return uvloop.run(_one_launch(system, shares))


async def _keep_time(system: System) -> None:
    async with Client(system.url) as client:
        answer = await client.execute(_order(SOL, LEAST_USD, NO_TOKEN))
        if answer.status != 202:
            raise NoLaunchError(f"an order that waits got {answer.status}: {answer.body[:500]!r}")


async def _market_orders(system: System, plan: Plan, shares: Shares) -> Half:
    async with _snipers(system) as snipers:
        assert plan.load.seconds is not None
        assert system.speed
        slots = int(plan.load.seconds * 1000 / (SLOT_MS * system.speed))
        if shares:
            await snipers.next_launch()
        last_slot = snipers.market.slot() + slots - AHEAD if shares else 0
        async with background(snipers.keep_placing(shares, last_slot)):
            [result] = await measure(system, plan, Progress(disable=True))
        return Half(result, [await snipers.end(wave) for wave in snipers.waves])


async def _one_launch(system: System, shares: Shares) -> Wave:
    async with _snipers(system) as snipers:
        await snipers.place(await snipers.next_launch(), shares)
        [wave] = snipers.waves
        return await snipers.end(wave)


class _Snipers:
    """Places orders for launches of one system; `waves` has those that were placed, by launch."""

    def __init__(self, client: Client, market: LaunchMarket, database_url: str) -> None:
        self._client = client
        self._database_url = database_url
        self.market = market
        self.waves: list[Wave] = []

    async def next_launch(self) -> Launch:
        """Return a launch that opens soon, but not too soon to place orders for it; raise NoLaunchError without any."""
        deadline = time.monotonic() + WITHIN_S
        while time.monotonic() < deadline:
            slot = self.market.slot()
            for launch in self.market.coming():
                if launch.open_slot - slot in SOON:
                    return launch
            await asyncio.sleep(LOOK_S)
        raise NoLaunchError(f"no launch has come within {WITHIN_S:.0f} s")

    async def keep_placing(self, shares: Shares, last_slot: int) -> None:
        """Place orders for each launch that is announced and opens up to a slot, each once."""
        while shares:
            for launch in self.market.coming():
                known = any(wave.launch == launch for wave in self.waves)
                if not known and self.market.slot() + AHEAD <= launch.open_slot <= last_slot:
                    await self.place(launch, shares)
            await asyncio.sleep(LOOK_S)

    async def place(self, launch: Launch, shares: Shares) -> None:
        """Place so many orders of each priority for a launch. Raises NoLaunchError when one is refused."""
        orders = list(orders_for(launch, shares))
        priorities: dict[str, str] = {}
        for start in range(0, len(orders), BATCH):
            some = orders[start : start + BATCH]
            answer = await self._client.execute_batch(some)
            if answer.status != 202:
                raise NoLaunchError(f"orders for {launch.token.symbol} got {answer.status}: {answer.body[:500]!r}")
            for order, result in zip(some, answer.json()["results"], strict=True):
                priorities[result["order"]["order_id"]] = str(order["priority"])
        self.waves.append(Wave(launch, priorities))

    async def end(self, wave: Wave) -> Wave:
        """Return a wave when all of its orders have ended, with what its pool says of them."""
        found = await sniped.followed(self._database_url, wave.priorities, WITHIN_S)
        replay, same = self.market.run_again(wave.launch, sniped.fills_of(found, wave.launch.open_slot))
        return replace(wave, sniped=found, unexplained=len(replay.unexplained), same_pool=same)


@asynccontextmanager
async def _snipers(system: System) -> AsyncIterator[_Snipers]:
    assert system.redis_url is not None
    assert system.database_url is not None
    with open_redis(system.redis_url) as redis:
        async with Client(system.url) as client:
            yield _Snipers(client, LaunchMarket(redis, int(LAUNCHES["LAUNCH_EVERY_SLOTS"])), system.database_url)


def orders_for(launch: Launch, shares: Shares) -> Iterator[dict[str, object]]:
    """Yield orders for a launch, so many of each priority, mixed; no two sell the same amount."""
    token = TOKENS[launch.quote]
    priorities = [priority for priority, count in shares for _ in range(count)]
    Random(launch.open_slot).shuffle(priorities)
    for number, priority in enumerate(priorities):
        order = _order(token, LEAST_USD + number * STEP_USD, launch.token.mint)
        yield order | {"priority": priority, "expires_in": GOOD_FOR_S}


def _order(token_in: Token, usd: float, mint: str) -> dict[str, object]:
    """Return an order that buys the token with a mint for so many dollars, once it is launched."""
    amount = f"{to_units(atoms_worth(usd, token_in), token_in):f}"
    return {"token_in": token_in.symbol, "amount": amount, "order_type": "sniper", "target": {"mint": mint}}
