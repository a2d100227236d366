"""A second venue family, in memory: three venues with a pool each, whose transactions are executed as they are sent.

`VENUE=tests.support.memory_venue:open_venue` runs the pipeline on it; all of its stages then have to be in one process.
It is also the smallest example of what a family has to do.
"""

import time
from collections.abc import Collection, Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from threading import Lock

from orderflow.domain.execution import Execution
from orderflow.domain.instructions import instructions_for, slippage_error
from orderflow.domain.launches import Launch
from orderflow.domain.market import Market
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.order import Order, OrderRequest, Signature
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.execute import run_legs
from orderflow.domain.router.fit import fit, traded
from orderflow.domain.router.largest_part import largest_part
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import paid_out
from orderflow.domain.slippage import slippage_reason
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import Token
from orderflow.domain.venue import Alike, Load, Prepared, Quoted
from orderflow.errors import RejectedError
from orderflow.venues import Resources

VENUES = ("anvil", "bellows", "crucible")
VALID_MS = 60_000


def opening_pools() -> tuple[Pool, ...]:
    """Return a pool of each venue, all of one size."""
    kinds: tuple[type[AmmV4 | Cpmm | DammV2], ...] = (AmmV4, Cpmm, DammV2)
    return tuple(
        kind(
            pool=f"{kind.__struct_config__.tag}:{venue}",
            venue=venue,
            token_a="SOL",
            token_b="USDC",
            reserve_a=5_000 * 10**9,
            reserve_b=1_000_000 * 10**6,
        )
        for kind, venue in zip(kinds, VENUES, strict=True)
    )


def open_venue(_resources: Resources) -> "MemoryVenue":
    """Return the family with its opening pools; it needs nothing of its process."""
    return MemoryVenue()


class MemoryVenue:
    """Three venues that trade SOL and USDC; threads take turns."""

    def __init__(self) -> None:
        self.pools: dict[str, Pool] = {pool.pool: pool for pool in opening_pools()}
        self.executions: dict[Signature, Execution] = {}
        self.ticks: list[Tick] = []
        self.writes_ticks = False
        self._slot = 0
        self._prices = MarketPrices()
        self._lock = Lock()

    def quote(self, requests: Sequence[OrderRequest], *, indicative: bool = False) -> list[Quoted | RejectedError]:
        """Return the best route of each request; every venue answers at once."""
        with self._lock:
            view = MarketView(self.pools.values())
            return [self._quote(view, request) for request in requests]

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> list[int | RejectedError]:
        """Return what each request would receive, behind those before it that get their minimum."""
        with self._lock:
            return fit(MarketView(self.pools.values()), requests, minimums, VENUES, behind)

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        """Return the largest input at which the best route's marginal price is `least` or more."""
        view = MarketView(self.pools.values())
        with self._lock, traded(view, behind, VENUES):
            return largest_part(view, request, least, VENUES)

    def quote_launched(self, orders: Sequence[Order]) -> list[Quoted | RejectedError]:
        """Return of each order that no pool of a launch is open: there are no launches."""
        return [RejectedError("pool is not open") for _ in orders]

    def prepare(self, orders: Sequence[Order]) -> list[Prepared]:
        """Return the transactions' parts, ready at once and valid for a minute."""
        expires_at_ms = time.time_ns() // 1_000_000 + VALID_MS
        routes = [order.chosen_route for order in orders]
        return [Prepared(instructions_for(route), route.slot, expires_at_ms) for route in routes]

    def sign(self, order: Order) -> Signature:
        """Return a digest of the order's id and its transaction."""
        text = f"{order.order_id} {order.built_transaction}"
        return Signature("0x" + sha256(text.encode()).hexdigest())

    def send(self, orders: Sequence[Order]) -> list[Order]:
        """Execute each transaction once; all have a result when this returns."""
        with self._lock:
            for order in orders:
                if order.signature not in self.executions:
                    self.executions[order.signature] = self._execute(order)
                    self.ticks += [self._tick()] if self.writes_ticks else []
        return list(orders)

    def results(self, signatures: Sequence[Signature]) -> list[Execution | None]:
        """Return what became of each signature; None for one that was never sent."""
        return [self.executions.get(signature) for signature in signatures]

    def abandon(self, signature: Signature, reason: str) -> Execution:
        """Fail a transaction that was not sent, so that it never will be executed; return the result that stands."""
        with self._lock:
            return self.executions.setdefault(signature, Execution(signature, self._slot, error=reason))

    def forget(self, orders: Sequence[Order]) -> None:
        """Keep every result: they live no longer than the process."""

    def load(self) -> Load | None:
        """Return None: nothing ever waits."""
        return None

    def slot(self) -> int:
        """Return how many transactions were executed: each has a slot of its own."""
        return self._slot

    def prices(self) -> Tick:
        """Return what SOL and USDC are worth after the last execution."""
        with self._lock:
            return self._tick()

    def market(self) -> Market:
        """Return the pools after the last execution, and what they say."""
        with self._lock:
            pools = tuple(self.pools.values())
            return Market(self._slot, 0, pools, self._prices.views(pools, now_s=0))

    def keep_time(self) -> None:
        """Write a tick of each execution from now on; no time passes between them."""
        self.writes_ticks = True

    def launches(self, *, past: int = 0) -> list[Launch]:
        """Return no launch."""
        return []

    def find_tokens(self, names: Collection[str]) -> dict[str, Token]:
        """Return no token."""
        return {}

    def closed(self, names: Collection[str]) -> set[str]:
        """Return no token."""
        return set()

    def reference_prices(self) -> Mapping[str, Decimal]:
        """Return no prices: a leg costs nothing here."""
        return {}

    def _quote(self, view: MarketView, request: OrderRequest) -> Quoted | RejectedError:
        try:
            return Quoted(choose_route(view, self._slot, request, VENUES, VENUES, network_fee=0))
        except RejectedError as error:
            return error

    def _tick(self) -> Tick:
        return self._prices.tick(self._slot, self.pools.values(), now_s=0)

    def _execute(self, order: Order) -> Execution:
        route, request = order.chosen_route, order.request
        self._slot += 1
        try:
            fills, changed = run_legs(route.legs, self.pools, now_s=0)
        except RejectedError as error:
            return Execution(order.signature, self._slot, error=str(error))
        amount_out = paid_out(fills, request.token_out)
        if amount_out < order.built_transaction.minimum_out:
            program_error = slippage_error([leg.pool for leg in route.legs])
            reason = slippage_reason(route.expected_out, amount_out, request.slippage_bps, program_error)
            return Execution(order.signature, self._slot, error=reason)
        self.pools |= changed
        return Execution(order.signature, self._slot, amount_out, fills)
