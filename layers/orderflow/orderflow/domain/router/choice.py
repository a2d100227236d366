"""Chooses an order's route: the market at one moment and a request in, the best plan with every venue's quote out."""

from collections.abc import Sequence
from decimal import ROUND_HALF_EVEN, Decimal

from orderflow.domain.amounts import price
from orderflow.domain.order import OrderRequest
from orderflow.domain.router.book import CurveBook
from orderflow.domain.router.impact import price_impact
from orderflow.domain.router.plan import plan_route, plan_split
from orderflow.domain.routing import Route, VenueQuote
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.errors import RejectedError

LEG_COST_USD = Decimal("0.05")
"""What a further swap must gain: its computation is paid for, and a transaction has room for few."""

_TWO_DECIMALS = Decimal("0.01")


def choose_route(
    book: CurveBook, slot: int, request: OrderRequest, venues: Sequence[str], all_venues: int, network_fee: int
) -> Route:
    """Return the best route over the `venues` that answered, with what each of them would pay alone.

    Where one of the market's `all_venues` is missing, the route keeps to the first of those that answered. Raises
    RejectedError when no way leads from token to token, or none takes the amount.
    """
    leg_cost = _leg_cost(TOKENS[request.token_out])
    quotes = tuple(_quote(book, request, venue, leg_cost) for venue in venues)
    only = None if len(venues) == all_venues else venues[0]
    plan = plan_route(book, request.token_in, request.token_out, request.amount_in, venue=only, leg_cost=leg_cost)
    best_alone = max((quote.amount_out for quote in quotes), default=0)
    return Route(
        slot=slot,
        venue="+".join(sorted({leg.venue for leg in plan.legs})),
        legs=plan.legs,
        amount_in=plan.amount_in,
        expected_out=plan.amount_out,
        price_impact=price_impact(book, plan.legs),
        improvement_bps=_improvement_bps(plan.amount_out, best_alone),
        network_fee=network_fee,
        quotes=quotes,
    )


def _quote(book: CurveBook, request: OrderRequest, venue: str, leg_cost: float) -> VenueQuote:
    """Return what a venue alone would pay: over its pools of the pair or, where it has none, over several hops."""
    token_in, token_out, amount_in = request.token_in, request.token_out, request.amount_in
    plan_alone = plan_split if book.pair(token_in, token_out, venue) else plan_route
    try:
        plan = plan_alone(book, token_in, token_out, amount_in, venue=venue, leg_cost=leg_cost)
    except RejectedError as error:
        return VenueQuote(venue, error=str(error))
    unit_price = price(amount_in, TOKENS[token_in], plan.amount_out, TOKENS[token_out])
    return VenueQuote(venue, plan.amount_out, unit_price, tuple(leg.pool for leg in plan.legs))


def _leg_cost(token_out: Token) -> float:
    return float((LEG_COST_USD / token_out.opening_price).scaleb(token_out.decimals))


def _improvement_bps(amount_out: int, best_alone: int) -> Decimal:
    if not best_alone:
        return Decimal(0)
    return (Decimal((amount_out - best_alone) * BPS) / best_alone).quantize(_TWO_DECIMALS, ROUND_HALF_EVEN)
