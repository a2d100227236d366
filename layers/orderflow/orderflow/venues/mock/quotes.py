"""Quotes over the chain's latest pools: requests in, routes out. The pools' curves are kept from batch to batch."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from fractions import Fraction
from threading import Lock

from orderflow.domain.launches import Launch
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import quote
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.execute import legs_of
from orderflow.domain.router.fit import fit, traded
from orderflow.domain.router.impact import price_impact
from orderflow.domain.router.largest_part import largest_part
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Route
from orderflow.domain.tokens import TOKENS
from orderflow.domain.venue import Alike, Quoted
from orderflow.errors import PoolClosedError, PoolNotOpenError, RejectedError, UnansweredError
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.chain import MarketState
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.launches import launch_of
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
        with self._latest() as (state, view):
            beside = self._beside(view, state, requests)
            return [
                self._quote(beside if _launched(request) else view, state, request, indicative) for request in requests
            ]

    def quote_launched(self, orders: Sequence[Order]) -> list[Quoted | RejectedError]:
        """Return the route of each order through the pool of its launch alone, or why there is none."""
        _, state = self._chain.state()
        return [self._through_launched(state, order) for order in orders]

    def fit(
        self, requests: Sequence[OrderRequest], minimums: Sequence[int], behind: Sequence[Alike] = ()
    ) -> list[int | RejectedError]:
        """Return what each request would receive over all venues, in turn; one that gets its minimum changes pools."""
        with self._latest() as (state, view):
            refusals = [self._refusal(state, request) for request in requests]
            opened = [number for number, refusal in enumerate(refusals) if refusal is None]
            wanted = [requests[number] for number in opened]
            beside = self._beside(view, state, [*wanted, *(each.request for each in behind)])
            outs = iter(fit(beside, wanted, [minimums[number] for number in opened], VENUES, behind))
            return [next(outs) if refusal is None else refusal for refusal in refusals]

    def largest_part(self, request: OrderRequest, least: Fraction, behind: Sequence[Alike] = ()) -> int:
        """Return the largest input at which the best route's marginal price over all venues is `least` or more."""
        with self._latest() as (state, view):
            if self._refusal(state, request) is not None:
                return 0
            beside = self._beside(view, state, [request, *(each.request for each in behind)])
            with traded(beside, behind, VENUES):
                return largest_part(beside, request, least, VENUES)

    @contextmanager
    def _latest(self) -> Iterator[tuple[MarketState, MarketView]]:
        """Give a thread the latest state and the view of its pools without those of launches, to itself."""
        _, state = self._chain.state()
        with self._lock:
            self._view.refresh(state.pools.values(), chain_seconds(state.slot))
            yield state, self._view

    def _quote(
        self, view: MarketView, state: MarketState, request: OrderRequest, indicative: bool
    ) -> Quoted | RejectedError:
        if (refusal := self._refusal(state, request)) is not None:
            return refusal
        latency, slot = self._latency, state.slot
        answers = latency.quotes(slot, request, VENUES)
        venues = VENUES if indicative else answers.venues
        if only := {pool.venue for pool in self._pools(state, request)}.difference(venues):
            venues = tuple(venue for venue in VENUES if venue in venues or venue in only)  # nobody else has the token
        unanswered = tuple(venue for venue in VENUES if venue not in venues)
        fee = latency.network_fee(slot, request)
        try:
            route = choose_route(view, slot, request, venues, VENUES, fee)
        except RejectedError as error:
            return UnansweredError(str(error), unanswered) if unanswered else error
        return Quoted(route, 0 if indicative else latency.scaled(answers.wait_ms), unanswered)

    def _through_launched(self, state: MarketState, order: Order) -> Quoted | RejectedError:
        request = order.to_execute
        pool = next(iter(self._pools(state, request)), None)
        if pool is None:
            return self._refusal(state, request) or PoolNotOpenError()
        try:
            result = quote(pool, request.token_in, request.amount_in, chain_seconds(state.slot))
        except RejectedError as error:
            return error
        swaps = [(pool, request.token_in, result)]
        return Quoted(
            Route(
                slot=state.slot,
                venue=pool.venue,
                legs=legs_of(swaps),
                amount_in=result.amount_in,
                expected_out=result.amount_out,
                price_impact=price_impact(swaps),
                improvement_bps=Decimal(0),
                network_fee=self._latency.network_fee(state.slot, order.request),
                quotes=(),
            )
        )

    def _pools(self, state: MarketState, *requests: OrderRequest) -> list[Pool]:
        """Return the open pools of the launched tokens in requests."""
        launches = self._launches(*requests)
        return [state.launched[launch.pool] for launch in launches if launch.pool in state.launched]

    def _launches(self, *requests: OrderRequest) -> list[Launch]:
        symbols = {symbol for request in requests for symbol in _launched(request)}
        launches = (launch_of(self._chain.seed, symbol) for symbol in sorted(symbols))
        return [launch for launch in launches if launch is not None]

    def _refusal(self, state: MarketState, request: OrderRequest) -> PoolNotOpenError | None:
        """Return why a request has no route if the pool of a launched token is not open; None where all are."""
        launched = _launched(request)
        if not launched or len(self._pools(state, request)) == len(launched):
            return None
        has_closed = any(launch.close_slot <= state.slot for launch in self._launches(request))
        return PoolClosedError() if has_closed else PoolNotOpenError()

    def _beside(self, view: MarketView, state: MarketState, requests: Sequence[OrderRequest]) -> MarketView:
        """Return a view that has the pools of the launched tokens in requests too, if there are any.

        With all of them in the view, each request for any of its tokens would take the longer to route.
        """
        pools = self._pools(state, *requests)
        return view.beside(pools) if pools else view


def _launched(request: OrderRequest) -> set[str]:
    return {request.token_in, request.token_out} - TOKENS.keys()
