"""All that chaos knows of the mock market: what its chain holds, its ticks, and how long it makes an order wait.

No other module here imports `orderflow.venues.mock`.
"""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Event
from typing import Any, NamedTuple, cast

import msgspec
import redis

from orderflow.adapters.keys import key
from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.status import Status
from orderflow.domain.ticks import SLOT_MS, Tick
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN, chain_key
from orderflow.venues.mock.latency import SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.launches import Calendar
from orderflow.venues.mock.universe import VENUES
from tests.harness.chaos.history.contents import OrderRow

DelayS = Callable[[OrderRow, str], float]
"""From an order and one of its statuses: how many seconds the order is meant to wait after it."""

LAUNCH_EVERY_SLOTS = 25
"""As often as can be."""

SEED = 1
TICKS = "ticks"
BLOCK_MS = 500
RECONNECT_S = 0.2

_tick_decoder = msgspec.json.Decoder(Tick)
_execution_decoder = msgspec.json.Decoder(Execution)


class ChainContents(msgspec.Struct, frozen=True):
    """The mock chain: results by signature, pools at the opening and now, and what others have paid into them.

    `launches` are all that were announced until now.
    """

    executions: dict[str, Execution]
    opening: dict[str, Pool]
    pools: dict[str, Pool]
    flows: dict[tuple[str, str], int]
    launches: Sequence[Launch] = ()


def read_chain(client: redis.Redis) -> ChainContents:
    """Read the chain's results and pools."""
    keys = list(client.scan_iter(key(CHAIN, "tx:*"), count=1000))
    results = client.mget(keys) if keys else []
    venue = ChainStore(client, SEED)
    _, state = venue.state()
    return ChainContents(
        {
            str(name).rpartition(":")[2]: _execution_decoder.decode(result)
            for name, result in zip(keys, results, strict=True)
            if result
        },
        venue.opening(),
        state.all_pools,
        venue.flows(),
        list(Calendar(SEED, LAUNCH_EVERY_SLOTS).announced(state.slot)),
    )


class SeenTick(NamedTuple):
    """A tick as the chain wrote it: when, in seconds since 1970 by Redis' clock, its slot, and what it says.

    That is the reference prices of tokens that can always be traded, and the launches that opened.
    """

    at_s: float
    slot: int
    references: dict[str, float]
    opened: tuple[Launch, ...] = ()


class TickReader:
    """Reads the ticks of the chain beside the system, as they come. It may miss some, which the system has removed."""

    def __init__(self) -> None:
        self.ticks: list[SeenTick] = []
        self._last_id = "$"

    def read(self, connect: Callable[[], redis.Redis], stop: Event) -> None:
        """Read until `stop` is set, on a new connection whenever the last one has broken."""
        while not stop.is_set():
            with suppress(redis.RedisError, OSError, KeyError), connect() as client:
                while not stop.is_set():
                    self._read_once(client)
            stop.wait(RECONNECT_S)

    def _read_once(self, client: redis.Redis) -> None:
        answer = cast("list[Any]", client.xread({chain_key(TICKS): self._last_id}, block=BLOCK_MS) or [])
        for _, entries in answer:
            for entry_id, fields in entries:
                tick = _tick_decoder.decode(fields["tick"])
                references = {
                    pair: prices.reference
                    for pair, prices in tick.prices.items()
                    if TOKENS.keys() >= set(pair.split(">"))
                }
                at_s = int(entry_id.partition("-")[0]) / 1000
                self.ticks.append(SeenTick(at_s, tick.slot, references, tick.launches))
                self._last_id = entry_id


def oldest_unread_tick_s(client: redis.Redis) -> float | None:
    """Return when the oldest tick was written that the system has not done with; None where there is none."""
    entries = cast("list[tuple[str, Any]]", client.xrange(chain_key(TICKS), count=1))
    return int(entries[0][0].partition("-")[0]) / 1000 if entries else None


def simulated_delay_s(speed: float) -> DelayS:
    """Return the delays that the mock market makes at `speed`, as a function of an order and its status."""
    latency = Latency(SEED, speed)

    def delay_s(order: OrderRow, status: str) -> float:
        if order.slot is None:
            return 0.0
        snipe = Snipe(priority=order.priority) if order.priority else None
        request = OrderRequest(
            order.token_in, order.token_out, order.amount_in, "market", order.slippage_bps, snipe=snipe
        )
        match status:
            case Status.ROUTING if snipe:
                market_ms = 0.0
            case Status.ROUTING:
                market_ms = latency.quotes(order.slot, request, VENUES).wait_ms
            case Status.BUILDING:
                market_ms = latency.build_ms(order.slot, request)
            case Status.SUBMITTED:
                market_ms = (latency.landing(order.slot, request).slots + SLOTS_TO_CONFIRM) * SLOT_MS
            case _:
                market_ms = 0
        return latency.scaled(market_ms) / 1000

    return delay_s
