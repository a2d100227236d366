"""Shows quotes and tokens to clients: a request and its route in, the JSON documents of the API out."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from typing import Any

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.domain.amounts import PRICE_CONTEXT, price, to_units
from orderflow.domain.conditions import Price, Trigger
from orderflow.domain.distance import distance_bps
from orderflow.domain.order import OrderRequest
from orderflow.domain.resting import Marks, stop_price
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.ticks import Tick, pair_name
from orderflow.domain.tokens import TOKENS, Token

DOLLAR = "USDC"
"""The token that is worth a US dollar."""


class Money(msgspec.Struct, frozen=True):
    """A decimal string in units of a token."""

    token: str
    amount: str


class Quote(msgspec.Struct, frozen=True):
    """What an order would yield now, in decimal strings in units, and the route, in atoms, that it would take.

    That of an order that waits says more. `distance_bps` is how far the market is from what it waits for, in basis
    points of that: above zero until it is there, then zero or below. For a limit order that is by how much
    `expected_out` is below `minimum_out`; for a trigger, how far `reference_price` has to go to `trigger_price`; for a
    trailing stop that is not active, to its activation price. Prices are as `price_in` has them, and null where the
    market has none.
    """

    token_in: str
    token_out: str
    amount: str
    expected_out: str
    minimum_out: str
    price: Decimal
    price_impact: Decimal
    improvement_bps: Decimal
    network_fee: Money
    fees: list[Money]
    route: Route
    order_type: str | UnsetType = UNSET
    distance_bps: Decimal | UnsetType | None = UNSET
    reference_price: Decimal | UnsetType | None = UNSET
    trigger_price: Decimal | UnsetType | None = UNSET


class ListedToken(Token, frozen=True):
    """A token: one unit is 10^`decimals` atoms; `opening_price` is in US dollars per unit, null when unknown.

    Of a token that was launched, `price` is what it is worth now.
    """

    opening_price: Decimal | None
    price: Decimal | UnsetType = UNSET


class TokenList(msgspec.Struct, frozen=True):
    """The tokens that can be traded."""

    tokens: list[ListedToken]


def quote_of(request: OrderRequest, route: Route, reference: float | None = None, *, inverted: bool = False) -> Quote:
    """Return what an order that takes this route would yield.

    `reference` is the pair's reference price in units of token_out per unit of token_in, for an order with a trigger;
    its prices are `inverted` where they are in token_in.
    """
    token_in, token_out = request.sells, request.buys
    known = {**TOKENS, **{token.symbol: token for token in request.tokens}}
    return Quote(
        token_in=request.token_in,
        token_out=request.token_out,
        amount=_all_decimals(request.amount_in, token_in),
        expected_out=_all_decimals(route.expected_out, token_out),
        minimum_out=_all_decimals(_minimum(request, route), token_out),
        price=price(request.amount_in, token_in, route.expected_out, token_out),
        price_impact=route.price_impact,
        improvement_bps=route.improvement_bps,
        network_fee=Money("SOL", _all_decimals(route.network_fee, TOKENS["SOL"])),
        fees=[Money(leg.fee_token, _all_decimals(leg.fee, known[leg.fee_token])) for leg in route.legs],
        route=route,
        **_distance(request, route, reference, inverted),
    )


def _minimum(request: OrderRequest, route: Route) -> int:
    """Return the fewest atoms that the order is executed for: by its limit, or by its slippage."""
    limit = request.triggers[0].limit if request.triggers else request.limit
    if limit is None:
        return minimum_out(route.expected_out, request.slippage_bps)
    return request.minimum_at(limit)


def _distance(request: OrderRequest, route: Route, reference: float | None, inverted: bool) -> dict[str, Any]:
    """Return what the quote of an order that waits says more."""
    if not request.waits:
        return {}
    if not request.triggers:
        return {
            "order_type": request.order_type,
            "distance_bps": distance_bps(_minimum(request, route), route.expected_out),
        }
    known: dict[str, Decimal | None] = {"distance_bps": None, "reference_price": None, "trigger_price": None}
    if reference is not None:
        known = _to_trigger(request.triggers[0], reference, Price(Decimal(1), inverted))
    return {"order_type": request.order_type, **known}


def _to_trigger(trigger: Trigger, reference: float, written: Price) -> dict[str, Decimal | None]:
    """Return how far the reference price is from a trigger, if the order came in now; prices as one is `written`."""
    begins_at = trigger.activation_price
    is_active = begins_at is None or Fraction(reference) >= begins_at.exact
    fires_at = stop_price(trigger, Marks(watermark=reference if is_active else None))
    at = begins_at.exact if fires_at is None and begins_at else fires_at
    rises = fires_at is None or trigger.rule == "take_profit"
    now = written.as_written(reference)
    return {
        "distance_bps": None
        if at is None
        else distance_bps(written.as_written(at), now, rises=rises is not written.inverted),
        "reference_price": _price(now),
        "trigger_price": None if fires_at is None else _price(written.as_written(fires_at)),
    }


def _price(exact: Fraction) -> Decimal:
    return PRICE_CONTEXT.divide(Decimal(exact.numerator), Decimal(exact.denominator))


def tokens_at(prices: Mapping[str, Decimal], launched: Sequence[Token] = (), tick: Tick | None = None) -> TokenList:
    """Return all tokens with their prices in US dollars, which `prices` has by symbol, and of those launched `tick`."""
    listed = [_listed(token, prices) for token in TOKENS.values()]
    for token in launched:
        found = tick.prices.get(pair_name(token.symbol, DOLLAR)) if tick else None
        listed.append(_listed(token, prices, UNSET if found is None else _price(Fraction(found.reference))))
    return TokenList(listed)


def _listed(token: Token, prices: Mapping[str, Decimal], price: Decimal | UnsetType = UNSET) -> ListedToken:
    return ListedToken(token.symbol, token.mint, token.decimals, prices.get(token.symbol), price)


def _all_decimals(atoms: int, token: Token) -> str:
    return f"{to_units(atoms, token):f}"
