"""All that chaos knows of the mock market: what its chain holds, and how long it makes an order wait on purpose.

No other module here imports `orderflow.venues.mock`.
"""

from collections.abc import Callable

import msgspec
import redis

from orderflow.adapters.keys import key
from orderflow.domain.execution import Execution
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.status import Status
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN
from orderflow.venues.mock.latency import SLOT_MS, SLOTS_TO_CONFIRM, Latency
from orderflow.venues.mock.universe import VENUES
from tests.harness.chaos.history.contents import OrderRow

DelayS = Callable[[OrderRow, str], float]
"""From an order and one of its statuses: how many seconds the order is meant to wait after it."""

_execution_decoder = msgspec.json.Decoder(Execution)


class ChainContents(msgspec.Struct, frozen=True):
    """The mock chain: results by signature, pools at the opening and now, and what others have paid into them."""

    executions: dict[str, Execution]
    opening: dict[str, Pool]
    pools: dict[str, Pool]
    flows: dict[tuple[str, str], int]


def read_chain(client: redis.Redis) -> ChainContents:
    """Read the chain's results and pools."""
    keys = list(client.scan_iter(key(CHAIN, "tx:*"), count=1000))
    results = client.mget(keys) if keys else []
    venue = ChainStore(client, seed=1)
    _, state = venue.state()
    return ChainContents(
        {
            str(name).rpartition(":")[2]: _execution_decoder.decode(result)
            for name, result in zip(keys, results, strict=True)
            if result
        },
        venue.opening(),
        state.pools,
        venue.flows(),
    )


def simulated_delay_s(speed: float) -> DelayS:
    """Return the delays that the mock market makes at `speed`, as a function of an order and its status."""
    latency = Latency(seed=1, speed=speed)

    def delay_s(order: OrderRow, status: str) -> float:
        if order.slot is None:
            return 0.0
        request = OrderRequest(order.token_in, order.token_out, order.amount_in, "market", order.slippage_bps)
        match status:
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
