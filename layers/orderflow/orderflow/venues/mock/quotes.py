"""Quotes over the chain's latest pools: requests in, routes out. The pools' curves are kept from batch to batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from fractions import Fraction
from threading import Lock

from orderflow.domain.order import OrderRequest
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.fit import fit
from orderflow.domain.router.largest_part import largest_part
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.venue import Quoted
from orderflow.errors import RejectedError, UnansweredError
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.universe import VENUES


class Quotes:
    """What the venues of this process answer; threads take turns."""

    def __init__(self, chain: ChainStore, latency: Latency) -> None:
        self._chain = chain
        self._latency = latency
        self._view = MarketView(reference_prices=OPENING_PRICES)
        self._lock = Lock()

    def quote(self, requests: Sequence[OrderRequest], *, indicative: bool) -> list[Quoted | RejectedError]:
        """Return the best route of each request, or why there is none, all over the same state of the market."""
        with self._latest() as (slot, view):
            return [self._quote(view, slot, request, indicative) for request in requests]

    def fit(self, requests: Sequence[OrderRequest], minimums: Sequence[int]) -> list[int | RejectedError]:
        """Return what each request would receive over all venues, in turn; one that gets its minimum changes pools."""
        with self._latest() as (_, view):
            return fit(view, requests, minimums, VENUES)

    def largest_part(self, request: OrderRequest, least: Fraction) -> int:
        """Return the largest input at which the best route's marginal price over all venues is `least` or more."""
        with self._latest() as (_, view):
            return largest_part(view, request, least, VENUES)

    @contextmanager
    def _latest(self) -> Iterator[tuple[int, MarketView]]:
        """Give a thread the latest slot and the view of its pools, to itself."""
        slot, pools = self._chain.market()
        with self._lock:
            self._view.refresh(pools, chain_seconds(slot))
            yield slot, self._view

    def _quote(self, view: MarketView, slot: int, request: OrderRequest, indicative: bool) -> Quoted | RejectedError:
        latency = self._latency
        answers = latency.quotes(slot, request, VENUES)
        venues = VENUES if indicative else answers.venues
        unanswered = tuple(venue for venue in VENUES if venue not in venues)
        fee = latency.network_fee(slot, request)
        try:
            route = choose_route(view, slot, request, venues, VENUES, fee)
        except RejectedError as error:
            return UnansweredError(str(error), unanswered) if unanswered else error
        return Quoted(route, 0 if indicative else latency.scaled(answers.wait_ms), unanswered)
