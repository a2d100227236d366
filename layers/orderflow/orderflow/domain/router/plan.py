"""Plans how to sell an amount: over one pool, over all pools of the pair, over paths of up to three hops.

A market view and an amount in, swaps in integers out, each as its venue would execute it.
"""

from collections.abc import Sequence

import msgspec

from orderflow.domain.router.execute import check_held, legs_of, swap_split
from orderflow.domain.router.market_view import MarketView, Venues
from orderflow.domain.router.network import Pair
from orderflow.domain.router.paths import BestPlan, offer_path, offer_paths
from orderflow.domain.router.several_paths import least_gain, offer_best_paths, offer_flow
from orderflow.domain.router.swapper import Swapper
from orderflow.domain.routing import Leg
from orderflow.errors import NoRouteError, RejectedError

LEAST_LEGS_OF_A_SPLIT = 2


class Plan(msgspec.Struct, frozen=True):
    """The legs that sell `amount_in` atoms, in an order that works, and what those that pay the target pay together."""

    amount_in: int
    amount_out: int
    legs: tuple[Leg, ...]


def plan_single(view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None) -> Plan:
    """Return the plan of one leg, through the pool that pays most; of two that pay the same, the better curve's.

    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    best = BestPlan(0.0, Swapper(view.now_s))
    offer_path(best, (_pair(view, token_in, token_out, venues),), amount_in)
    return plan_of(amount_in, best.checked())


def plan_split(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None, leg_cost: float = 0.0
) -> Plan:
    """Return the best split over the pools of the pair as a plan; raise as `best_split` does."""
    best = best_split(
        view, token_in, token_out, amount_in, venues=venues, leg_cost=leg_cost, swapper=Swapper(view.now_s)
    )
    return plan_of(amount_in, best)


def plan_route(
    view: MarketView, token_in: str, token_out: str, amount_in: int, *, venues: Venues = None, leg_cost: float = 0.0
) -> Plan:
    """Return the best plan over all paths of up to three hops; raise as `best_route` does."""
    best = best_route(
        view, token_in, token_out, amount_in, venues=venues, leg_cost=leg_cost, swapper=Swapper(view.now_s)
    )
    return plan_of(amount_in, best)


def best_split(
    view: MarketView,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venues: Venues,
    leg_cost: float,
    swapper: Swapper,
) -> BestPlan:
    """Return the best split over the pools of the pair; no single pool pays more, each leg's cost subtracted.

    A leg that gains less than `leg_cost` atoms of `token_out`, or less than `LEAST_GAIN` of the output, is left out.
    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost, swapper)
    _offer_split(best, _pair(view, token_in, token_out, venues), amount_in)
    return best.checked()


def best_route(
    view: MarketView,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venues: Venues,
    leg_cost: float,
    swapper: Swapper,
    known: Sequence[BestPlan] = (),
) -> BestPlan:
    """Return the best plan over all paths of up to three hops, of those that pay no less than any that is `known`.

    With each leg's cost subtracted, neither the split over the pair's own pools nor any single path, one pool for each
    hop, pays more and no less than what is known. An allocation to several paths is computed only where a bound says
    that it may gain more than its legs cost. Raises NoRouteError when no path leads from token to token, and the
    venue's RejectedError when none takes the amount.
    """
    best = BestPlan(leg_cost, swapper, known)
    network = view.network(token_in, token_out, venues)
    if not network.topology.paths:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    offer_best_paths(best, network, amount_in)
    pair = view.pair(token_in, token_out, venues)
    if pair is not None:
        _offer_split(best, pair, amount_in)
    offer_paths(best, network, amount_in)
    if not best.swaps:
        offer_flow(best, network, amount_in)
    return best.checked()


def plan_of(amount_in: int, best: BestPlan) -> Plan:
    """Return the best plan with its legs."""
    return Plan(amount_in, best.paid, legs_of(best.swaps))


def _pair(view: MarketView, token_in: str, token_out: str, venues: Venues) -> Pair:
    pair = view.pair(token_in, token_out, venues)
    if pair is None:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    return pair


def _offer_split(best: BestPlan, pair: Pair, amount_in: int) -> None:
    """Offer the best split where the curves of all pools promise enough, and else the best single pool."""
    most, number = pair.best_alone(amount_in)
    # No split pays more than the best single pool and what the others would earn above its last price (`upper_bound`).
    last_price = pair.curves[number].price_at(amount_in)
    gained = sum([curve.surplus(last_price) for place, curve in enumerate(pair.curves) if place != number])
    if gained > least_gain(most, last_price, best.leg_cost):
        _offer_several_pools(best, pair, amount_in, most)
    offer_path(best, (pair,), amount_in)


def _offer_several_pools(best: BestPlan, pair: Pair, amount_in: int, most: float) -> None:
    """Offer the best split where the curve of all pools promises enough beyond `most`, what a single one pays."""
    paid, price, _ = pair.curve.at(amount_in)
    least = least_gain(paid, price, best.leg_cost)
    if paid - most > least and best.can_reach(paid, LEAST_LEGS_OF_A_SPLIT):
        try:
            swaps = swap_split(pair, amount_in, least, best.swapper)
            paid_out = sum(result.amount_out for _, _, result in swaps)
            check_held(paid_out, pair.token_out)
            best.offer(swaps, paid_out)
        except RejectedError as refusal:
            best.refuse(refusal)
