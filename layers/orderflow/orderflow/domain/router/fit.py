"""Says which requests would fit now, one behind the other: what each would receive where those before it have traded.

Nothing is traded. Each has the route that it would be given now, as all are that are routed before the next block; so
small ones, which are not split, take turns at the same pool.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager

import msgspec

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import AnyPool
from orderflow.domain.router.choice import best_over
from orderflow.domain.router.execute import legs_of, run_legs
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Leg, paid_out
from orderflow.domain.venue import Alike
from orderflow.errors import RejectedError

Pools = dict[str, AnyPool]
"""Pools by address."""


def fit(
    view: MarketView,
    requests: Sequence[OrderRequest],
    minimums: Sequence[int],
    venues: Sequence[str],
    behind: Sequence[Alike] = (),
) -> list[int | RejectedError]:
    """Return what each request would receive in atoms of its `token_out`, or why there is no route, in turn.

    That is what the best route over all `venues` for its own amount pays, `behind` what comes first of all and behind
    the requests before it that receive their minimum, in atoms; one that does not changes nothing. Where the pools
    can't take all that comes first of a pair, none of its requests has a route.
    """
    line = _Line(view, venues)
    full = line.take(behind)
    received: list[int | RejectedError] = []
    for request, minimum in zip(requests, minimums, strict=True):
        try:
            if request.pair in full:
                raise full[request.pair]
            paid, after = line.run(request)
        except RejectedError as refusal:
            received.append(refusal)
            continue
        received.append(paid)
        if paid >= minimum:
            line.pools |= after
    return received


@contextmanager
def traded(view: MarketView, behind: Sequence[Alike], venues: Sequence[str]) -> Iterator[None]:
    """Have requests traded with a view's pools as long as this lasts; those that pools can't take change nothing."""
    line = _Line(view, venues)
    line.take(behind)
    before = [view.pool(address) for address in line.pools]
    view.refresh(line.pools.values(), view.now_s)
    try:
        yield
    finally:
        view.refresh(before, view.now_s)


class _Line:
    """Requests that trade in turn, by the routes that a view has for them; `pools` are those that they have changed."""

    def __init__(self, view: MarketView, venues: Sequence[str]) -> None:
        self.pools: Pools = {}
        self._view = view
        self._venues = venues
        self._routes: dict[tuple[str, str, int], tuple[Leg, ...] | RejectedError] = {}

    def take(self, behind: Sequence[Alike]) -> Mapping[str, RejectedError]:
        """Have requests trade; return why those of a pair can't, by the directed pair."""
        refused: dict[str, RejectedError] = {}
        for request, times in behind:
            try:
                self.pools |= self.run(request, times)[1]
            except RejectedError as refusal:
                refused[request.pair] = refusal
        return refused

    def run(self, request: OrderRequest, times: int = 1) -> tuple[int, Pools]:
        """Return what so many equal requests would receive, and the pools after them; raise where there is no route."""
        legs = self._route(request)
        if times > 1:
            legs = tuple(
                [msgspec.structs.replace(leg, amount_in=min(leg.amount_in * times, MAX_ATOMS)) for leg in legs]
            )
        before = {leg.pool: self.pools.get(leg.pool) or self._view.pool(leg.pool) for leg in legs}
        fills, after = run_legs(legs, before, self._view.now_s)
        return paid_out(fills, request.token_out), after

    def _route(self, request: OrderRequest) -> tuple[Leg, ...]:
        key = request.token_in, request.token_out, request.amount_in
        route = self._routes.get(key)
        if route is None:
            try:
                route = legs_of(best_over(self._view, request, self._venues, self._venues).best.swaps)
            except RejectedError as refusal:
                route = refusal
            self._routes[key] = route
        if isinstance(route, RejectedError):
            raise route
        return route
