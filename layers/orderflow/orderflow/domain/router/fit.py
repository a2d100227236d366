"""Says which requests would fit now, one behind the other: what each would receive where those before it have traded.

Nothing is traded: the view's pools are replaced by those after the swaps, and put back in the end.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import AnyPool
from orderflow.domain.router.choice import best_over
from orderflow.domain.router.execute import legs_of, run_legs
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.paths import BestPlan
from orderflow.errors import RejectedError

Replaced = dict[str, AnyPool]
"""The pools of a view as they were before they were replaced, by address."""


def fit(
    view: MarketView, requests: Sequence[OrderRequest], minimums: Sequence[int], venues: Sequence[str]
) -> list[int | RejectedError]:
    """Return what each request would receive in atoms of its `token_out`, or why there is no route, in turn.

    That is what the best route over all `venues` pays for its own amount. A request that receives its minimum, in
    atoms, is executed on a scratch copy of the pools, so that those behind it find what it leaves; one that does not
    changes nothing. The view is as before when this returns.
    """
    received: list[int | RejectedError] = []
    with _scratch(view) as replaced:
        # Requests for the same swap find the same plan, until one of them is executed.
        known: dict[tuple[str, str, int], BestPlan | RejectedError] = {}
        for request, minimum in zip(requests, minimums, strict=True):
            key = request.token_in, request.token_out, request.amount_in
            plan = known.get(key)
            if plan is None:
                plan = known[key] = _plan(view, request, venues)
            if isinstance(plan, RejectedError):
                received.append(plan)
                continue
            received.append(plan.paid)
            if plan.paid >= minimum:
                _execute(view, plan, replaced)
                known.clear()
    return received


def _plan(view: MarketView, request: OrderRequest, venues: Sequence[str]) -> BestPlan | RejectedError:
    try:
        return best_over(view, request, venues, venues).best
    except RejectedError as refusal:
        return refusal


def _execute(view: MarketView, plan: BestPlan, replaced: Replaced) -> None:
    """Replace the pools that a plan trades with by those after its swaps."""
    legs = legs_of(plan.swaps)
    before = {leg.pool: view.pool(leg.pool) for leg in legs}
    _, after = run_legs(legs, before, view.now_s)
    for address, pool in before.items():
        replaced.setdefault(address, pool)
    view.refresh(after.values(), view.now_s)


@contextmanager
def _scratch(view: MarketView) -> Iterator[Replaced]:
    """Put back in the end what was replaced of a view's pools meanwhile."""
    replaced: Replaced = {}
    try:
        yield replaced
    finally:
        view.refresh(replaced.values(), view.now_s)
