"""Shows quotes and tokens to clients: a request and its route in, the JSON documents of the API out."""

from collections.abc import Mapping
from decimal import Decimal

import msgspec

from orderflow.domain import tokens
from orderflow.domain.amounts import price, to_units
from orderflow.domain.order import OrderRequest
from orderflow.domain.routing import Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.tokens import TOKENS


class Money(msgspec.Struct, frozen=True):
    """A decimal string in units of a token."""

    token: str
    amount: str


class Quote(msgspec.Struct, frozen=True):
    """What an order would yield now, in decimal strings in units, and the route, in atoms, that it would take."""

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


class Token(tokens.Token, frozen=True):
    """A token: one unit is 10^`decimals` atoms; `opening_price` is in US dollars per unit, null when unknown."""

    opening_price: Decimal | None


class TokenList(msgspec.Struct, frozen=True):
    """The tokens that can be traded."""

    tokens: list[Token]


def quote_of(request: OrderRequest, route: Route) -> Quote:
    """Return what an order that takes this route would yield."""
    token_in, token_out = TOKENS[request.token_in], TOKENS[request.token_out]
    least = minimum_out(route.expected_out, request.slippage_bps)
    return Quote(
        token_in=request.token_in,
        token_out=request.token_out,
        amount=_all_decimals(request.amount_in, token_in),
        expected_out=_all_decimals(route.expected_out, token_out),
        minimum_out=_all_decimals(least, token_out),
        price=price(request.amount_in, token_in, route.expected_out, token_out),
        price_impact=route.price_impact,
        improvement_bps=route.improvement_bps,
        network_fee=Money("SOL", _all_decimals(route.network_fee, TOKENS["SOL"])),
        fees=[Money(leg.fee_token, _all_decimals(leg.fee, TOKENS[leg.fee_token])) for leg in route.legs],
        route=route,
    )


def tokens_at(prices: Mapping[str, Decimal]) -> TokenList:
    """Return all tokens with their prices in US dollars, which `prices` has by symbol."""
    return TokenList(
        [Token(token.symbol, token.mint, token.decimals, prices.get(symbol)) for symbol, token in TOKENS.items()]
    )


def _all_decimals(atoms: int, token: tokens.Token) -> str:
    return f"{to_units(atoms, token):f}"
