"""Routes over the venue's latest pools: requests in, routes out. The pools' curves are kept from batch to batch."""

from collections.abc import Sequence
from threading import Lock

from orderflow.domain.order import OrderRequest
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Route
from orderflow.errors import RejectedError
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import VENUES
from orderflow.venues.mock.venue import Venue


class Router:
    """The router of this process; threads take turns."""

    def __init__(self, venue: Venue, latency: Latency) -> None:
        self._venue = venue
        self._latency = latency
        self._view = MarketView(reference_prices=venue.reference_prices())
        self._lock = Lock()

    def routes(self, requests: Sequence[OrderRequest], *, in_time: bool = True) -> list[Route | RejectedError]:
        """Return the best route of each request, or why there is none, all over the same state of the market.

        `in_time` leaves out the venues that would miss the deadline, as when an order is really routed.
        """
        slot, pools = self._venue.market()
        with self._lock:
            self._view.refresh(pools, chain_seconds(slot))
            return [self._route(slot, request, in_time) for request in requests]

    def _route(self, slot: int, request: OrderRequest, in_time: bool) -> Route | RejectedError:
        latency = self._latency
        venues = latency.quotes(slot, request, VENUES).venues if in_time else VENUES
        fee = latency.network_fee(slot, request)
        try:
            return choose_route(self._view, slot, request, venues, VENUES, fee)
        except RejectedError as error:
            return error
