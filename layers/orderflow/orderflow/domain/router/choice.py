"""Chooses an order's route: the market at one moment and a request in, the best plan with every venue's quote out."""

from collections.abc import Collection, Mapping, Sequence
from decimal import ROUND_HALF_EVEN, Decimal
from typing import NamedTuple

from orderflow.domain.amounts import price
from orderflow.domain.order import OrderRequest
from orderflow.domain.router.impact import price_impact
from orderflow.domain.router.market_view import MarketView, Venues
from orderflow.domain.router.paths import BestPlan
from orderflow.domain.router.plan import best_route, best_split, plan_of
from orderflow.domain.router.swapper import Swapper
from orderflow.domain.routing import Route, VenueQuote
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.errors import RejectedError

LEG_COST_USD = Decimal("0.05")
"""What a further leg must gain: each leg costs computation, and a transaction has room for few (decision 0019)."""

DOLLAR = "USDC"
"""The token that counts as a dollar."""
SOL = "SOL"

_TWO_DECIMALS = Decimal("0.01")


class BestOver(NamedTuple):
    """The best plan over some venues, and the best that each of them alone can do, or why it can't trade."""

    best: BestPlan
    alone: Mapping[str, BestPlan | RejectedError]


def choose_route(
    view: MarketView,
    slot: int,
    request: OrderRequest,
    answered: Sequence[str],
    venues: Collection[str],
    network_fee: int,
) -> Route:
    """Return the best route over the venues that `answered`, with what each of them would pay alone.

    `venues` are all that the market has. The route keeps to the pools of those that answered, however many did. It
    pays no less than any of them alone, and no less than any single path over their pools, each leg's cost subtracted.
    Raises RejectedError when no path leads from token to token, or none takes the amount.
    """
    best, alone = best_over(view, request, answered, venues)
    quotes = tuple(_quote(request, venue, plan) for venue, plan in alone.items())
    plan = plan_of(request.amount_in, best)
    best_alone = max((quote.amount_out for quote in quotes), default=0)
    return Route(
        slot=slot,
        venue="+".join(sorted({leg.venue for leg in plan.legs})),
        legs=plan.legs,
        amount_in=plan.amount_in,
        expected_out=plan.amount_out,
        price_impact=price_impact(best.swaps),
        improvement_bps=_improvement_bps(plan.amount_out, best_alone),
        network_fee=network_fee,
        quotes=quotes,
    )


def best_over(view: MarketView, request: OrderRequest, answered: Sequence[str], venues: Collection[str]) -> BestOver:
    """Return the best plan of a request over the venues that `answered`, of all `venues`; raise as `choose_route`."""
    leg_cost = _leg_cost(view, request.buys)
    swapper = Swapper(view.now_s)
    alone = {venue: _best_alone(view, request, venue, leg_cost, swapper) for venue in answered}
    best = best_route(
        view,
        request.token_in,
        request.token_out,
        request.amount_in,
        venues=_allowed(answered, venues),
        leg_cost=leg_cost,
        swapper=swapper,
        known=[best for best in alone.values() if isinstance(best, BestPlan)],
    )
    return BestOver(best, alone)


def _allowed(answered: Sequence[str], venues: Collection[str]) -> Venues:
    """Return the venues whose pools a route may use: None for all, a name for one, else a set."""
    if set(answered) >= set(venues):
        return None
    return answered[0] if len(answered) == 1 else frozenset(answered)


def _best_alone(
    view: MarketView, request: OrderRequest, venue: str, leg_cost: float, swapper: Swapper
) -> BestPlan | RejectedError:
    """Plan over a venue's pools of the pair or, where it has none, over several hops."""
    token_in, token_out = request.token_in, request.token_out
    plan_alone = best_split if view.pair(token_in, token_out, venue) else best_route
    try:
        return plan_alone(
            view, token_in, token_out, request.amount_in, venues=venue, leg_cost=leg_cost, swapper=swapper
        )
    except RejectedError as refusal:
        return refusal


def _quote(request: OrderRequest, venue: str, best: BestPlan | RejectedError) -> VenueQuote:
    if isinstance(best, RejectedError):
        return VenueQuote(venue, error=str(best))
    unit_price = price(request.amount_in, request.sells, best.paid, request.buys)
    return VenueQuote(venue, best.paid, unit_price, tuple(pool.pool for pool, _, _ in best.swaps))


def _leg_cost(view: MarketView, token_out: Token) -> float:
    """Return what a leg costs in atoms of a token: as many as its price in dollars buys now.

    Where no pool sells the token for dollars, its reference price is used; without one, what its price in SOL comes to,
    and where no pool sells it for that either, a leg costs nothing.
    """
    dollars = float(LEG_COST_USD.scaleb(TOKENS[DOLLAR].decimals))
    if token_out.symbol == DOLLAR:
        return dollars
    pair = view.pair(DOLLAR, token_out.symbol)
    if pair is not None and pair.curve.capacity >= dollars:
        return pair.curve.at(dollars)[0]
    price_usd = view.reference_prices.get(token_out.symbol)
    if price_usd:
        return float((LEG_COST_USD / price_usd).scaleb(token_out.decimals))
    to_sol, from_sol = view.pair(DOLLAR, SOL), view.pair(SOL, token_out.symbol)
    return from_sol.curve.at(to_sol.curve.at(dollars)[0])[0] if to_sol and from_sol else 0.0


def _improvement_bps(amount_out: int, best_alone: int) -> Decimal:
    if not best_alone:
        return Decimal(0)
    return (Decimal((amount_out - best_alone) * BPS) / best_alone).quantize(_TWO_DECIMALS, ROUND_HALF_EVEN)
