"""Orders that rest far from the market, by the hundred thousand: how many in, a Redis in which they rest out.

They take their first two steps by the scripts that the stages use, in large batches. What the steps put on streams is
dropped: nobody waits for these orders.
"""

from collections.abc import Iterator
from decimal import Decimal
from itertools import islice
from random import Random

from orderflow.adapters.keys import key, order_partitions
from orderflow.adapters.orders import Transition
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.order import Order, OrderRequest, OrderType
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import TOKENS
from orderflow.runtime import clients, clock, order_ids
from tests.harness.bench.mock_market import atoms_worth

AT_ONCE = 1_000
FAR = 1.3, 3.0
"""So many times the present price, at least and at most, is the price that an order waits for, or one by so much."""

WORTH_USD = 50.0, 5_000.0
DAY_MS = 24 * 3600 * 1000
SLIPPAGE_BPS = 500
KINDS: tuple[tuple[OrderType, int], ...] = (
    ("limit", 40),
    ("stop_loss", 15),
    ("take_profit", 15),
    ("oco", 20),
    ("trailing_stop", 10),
)
"""The types of the orders, and how many of a hundred are of each. Trailing stops wait for a far activation price: those
that follow a price are touched as it rises, and are not far from it."""

_WRITTEN = ("open", "status")


def fill(count: int, seed: int) -> int:
    """Have so many orders come to rest in this process's Redis; return how many did. The market's clock runs then."""
    orders, tick = clients.orders(), clients.venue().prices()
    waiting = far_orders(tick, count, seed, clock.now_ms())
    rested = 0
    while some := list(islice(waiting, AT_ONCE)):
        orders.apply([Transition(order) for order in some])
        rested += sum(orders.apply([Transition(order.open(tick.slot, order.created_at_ms)) for order in some]))
        drop_messages(_WRITTEN)
    clients.venue().keep_time()
    return rested


def far_orders(tick: Tick, count: int, seed: int, now_ms: int) -> Iterator[Order]:
    """Yield new orders of all KINDS over all pairs, each far from the prices of a tick; every other one expires."""
    random = Random(seed)
    pairs = list(tick.prices.items())
    kinds = [kind for kind, share in KINDS for _ in range(share)]
    for number in range(count):
        pair, prices = random.choice(pairs)
        expires_at_ms = now_ms + DAY_MS + random.randrange(300 * DAY_MS) if number % 2 else None
        request = _far_request(random.choice(kinds), pair, prices.reference, random, expires_at_ms)
        yield Order.accept(order_ids.new(), request, now_ms)


def drop_messages(streams: tuple[str, ...]) -> None:
    """Empty these streams of every partition."""
    pipeline = clients.redis_client().pipeline(transaction=False)
    for partition in order_partitions(clients.orders().partitions):
        for stream in streams:
            pipeline.xtrim(key(partition, stream), maxlen=0, approximate=False)
    pipeline.execute()


def price_of(value: float) -> Price:
    """Return a price of nine digits, as a client would write it."""
    return Price(Decimal(f"{value:.9g}"))


def _far_request(kind: OrderType, pair: str, now: float, random: Random, expires_at_ms: int | None) -> OrderRequest:
    token_in, token_out = pair.split(">")
    high, low = (price_of(now * factor) for factor in (random.uniform(*FAR), 1 / random.uniform(*FAR)))
    rise = Trigger("take_profit", SLIPPAGE_BPS, price=high)
    fall = Trigger("stop_loss", SLIPPAGE_BPS, price=low)
    trailing = Trigger("trailing_stop", SLIPPAGE_BPS, trail_bps=500, activation_price=high)
    triggers = {"take_profit": (rise,), "stop_loss": (fall,), "oco": (rise, fall), "trailing_stop": (trailing,)}
    return OrderRequest(
        token_in,
        token_out,
        atoms_worth(random.uniform(*WORTH_USD), TOKENS[token_in]),
        kind,
        SLIPPAGE_BPS,
        limit=Limit(high) if kind == "limit" else None,
        triggers=triggers.get(kind, ()),
        time_in_force="gtd" if expires_at_ms else "gtc",
        expires_at_ms=expires_at_ms,
    )
