"""Market orders whose fills are on record: `python -m tests.support.golden_run` records them anew.

A change that moves a fill by an atom is seen by that, and is one that clients notice: the changelog says so.
"""

from collections.abc import Iterator
from hashlib import sha256
from itertools import cycle
from typing import Any

import msgspec
import pytest

from orderflow.adapters.codec import encoder
from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import pairs
from tests.support.builders import EVENTS
from tests.support.fakes.chain import FakeChain
from tests.support.fakes.outside import Outside
from tests.support.whole_course import execute

GOLDEN = EVENTS / "golden" / "market_orders.json"
SEED = 1
_ACROSS = 18
_DOLLARS = (20, 700, 4_000, 25_000, 90_000)
_SLIPPAGE_BPS = (500, 100, 1)


class GoldenOrder(msgspec.Struct, frozen=True):
    """An order and what became of it. A fill is [pool, token in, atoms in, atoms out, fee]; `slot` is the route's."""

    pair: str
    amount_in: int
    slippage_bps: int
    slot: int
    status: str
    amount_out: int | None
    reason: str | None
    fills: list[list[Any]]


class GoldenRun(msgspec.Struct, frozen=True):
    """Orders one after another, and the market behind the last: its slot, and a digest of its prices and pools."""

    seed: int
    orders: list[GoldenOrder]
    slot: int
    market: str


def golden_run(outside: Outside) -> GoldenRun:
    """Execute the orders on a new market among `outside`."""
    outside.chain, outside.latency = FakeChain(), Latency(SEED, speed=1)
    outside.chain.seed = SEED
    orders = [_outcome(execute(outside, request)) for request in _requests()]
    latest = outside.chain.latest
    digest = sha256(encoder.encode([latest.fair, sorted(latest.pools.items())])).hexdigest()
    return GoldenRun(SEED, orders, latest.slot, digest)


def read_golden() -> GoldenRun:
    """Return what is on record."""
    return msgspec.json.decode(GOLDEN.read_bytes(), type=GoldenRun)


def _requests() -> Iterator[OrderRequest]:
    """Yield orders of every pair in both directions and of some without a pool of their own, small and large ones."""
    both_ways = [names for base, quote in pairs() for names in ((base, quote), (quote, base))]
    others = [token for token in TOKENS.values() if token.symbol not in ("SOL", "USDC")]
    across = [(others[n % len(others)], others[(n * 3 + 1) % len(others)]) for n in range(_ACROSS)]
    sizes = cycle((dollars, slippage) for dollars in _DOLLARS for slippage in _SLIPPAGE_BPS)
    chosen = [pair for pair in both_ways + across if pair[0] is not pair[1]]
    for (token_in, token_out), (dollars, slippage_bps) in zip(chosen, sizes, strict=False):
        amount = int((dollars / OPENING_PRICES[token_in.symbol]).scaleb(token_in.decimals))
        yield OrderRequest(token_in.symbol, token_out.symbol, min(amount, MAX_ATOMS), "market", slippage_bps)


def _outcome(order: Order) -> GoldenOrder:
    request = order.request
    return GoldenOrder(
        f"{request.token_in}>{request.token_out}",
        request.amount_in,
        request.slippage_bps,
        order.chosen_route.slot,
        order.status.value,
        order.amount_out,
        order.reason,
        [[fill.pool, fill.token_in, fill.amount_in, fill.amount_out, fill.fee] for fill in order.fills or ()],
    )


def main() -> None:
    """Write the file anew, an order on each line."""
    with pytest.MonkeyPatch.context() as patch:
        outside = Outside()
        outside.take_place(patch)
        run = golden_run(outside)
    lines = ",\n".join(encoder.encode(order).decode() for order in run.orders)
    end = f'"slot": {run.slot},\n"market": "{run.market}"'
    GOLDEN.write_text(f'{{"seed": {run.seed},\n"orders": [\n{lines}\n],\n{end}}}\n', encoding="utf-8")


if __name__ == "__main__":
    main()
