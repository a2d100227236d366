"""Shows orders to clients: what Redis or the ledger holds in, the JSON documents of the API out."""

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec
from fastapi import Response

from orderflow.adapters.ledger import Fill, OrderRow
from orderflow.adapters.public import public_json
from orderflow.domain import tokens
from orderflow.domain.amounts import price, to_units
from orderflow.domain.order import Order, OrderId, OrderRequest, StatusEvent, iso_timestamp
from orderflow.domain.routing import Route
from orderflow.domain.slippage import BPS, minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS


class Accepted(msgspec.Struct, frozen=True):
    """An order that was just accepted; `amount` and `max_slippage` are those that were taken, as in OrderSummary."""

    order_id: str
    status: str
    amount: str
    max_slippage: Decimal


class OrderSummary(msgspec.Struct, frozen=True):
    """An order without its history; `amount` is a decimal string in units of `token_in`."""

    order_id: str
    client_order_id: str | None
    status: str
    sequence: int
    order_type: str
    token_in: str
    token_out: str
    amount: str
    max_slippage: Decimal
    created_at: str
    updated_at: str
    execution_price: Decimal | None
    tx_hash: str | None
    reason: str | None


class OrderDetails(OrderSummary, frozen=True):
    """An order with its route, the least it may yield, its fills (all in atoms) and every event so far."""

    route: Route | None = None
    minimum_out: int | None = None
    fills: Sequence[Fill] = ()
    history: Sequence[StatusEvent] = ()


class OrderPage(msgspec.Struct, frozen=True):
    """Orders, the newest first, and the cursor of the page after this one."""

    orders: list[OrderSummary]
    next_cursor: str | None


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


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a document as a response, atoms as decimal strings and decimals with every digit."""
    return Response(public_json(document), status, headers, "application/json")


def accepted(order_id: OrderId, request: OrderRequest) -> Accepted:
    """Return the answer to an order that is durable: what was taken, which a number with many decimals is more than."""
    amount, slippage = _units(request.amount_in, request.token_in), _fraction(request.slippage_bps)
    return Accepted(order_id, Status.PENDING, amount, slippage)


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


def details_of(order: Order, history: Sequence[StatusEvent]) -> OrderDetails:
    """Return an order that is still in Redis."""
    request = order.request
    return OrderDetails(
        order_id=order.order_id,
        client_order_id=order.client_order_id,
        status=order.status,
        sequence=order.sequence,
        order_type=request.order_type,
        token_in=request.token_in,
        token_out=request.token_out,
        amount=_units(request.amount_in, request.token_in),
        max_slippage=_fraction(request.slippage_bps),
        created_at=iso_timestamp(order.created_at_ms),
        updated_at=iso_timestamp(order.updated_at_ms),
        execution_price=order.execution_price,
        tx_hash=order.tx_hash,
        reason=order.reason,
        route=order.route,
        minimum_out=minimum_out(order.route.expected_out, request.slippage_bps) if order.route else None,
        fills=[
            Fill(
                leg.venue,
                leg.pool,
                leg.token_in,
                leg.token_out,
                leg.amount_in,
                leg.amount_out,
                leg.fee,
                leg.fee_token,
            )
            for leg in order.fills
        ],
        history=history,
    )


def details_of_row(row: OrderRow, fills: Sequence[Fill], history: Sequence[StatusEvent]) -> OrderDetails:
    """Return an order that only the ledger still has."""
    route = msgspec.json.decode(row.route, type=Route) if row.route else None
    return OrderDetails(
        **msgspec.structs.asdict(summary_of_row(row)),
        route=route,
        minimum_out=minimum_out(route.expected_out, row.slippage_bps) if route else None,
        fills=fills,
        history=history,
    )


def summary_of_row(row: OrderRow) -> OrderSummary:
    """Return an order of the ledger, without its history."""
    return OrderSummary(
        order_id=row.order_id,
        client_order_id=row.client_order_id,
        status=row.status,
        sequence=row.sequence,
        order_type=row.order_type,
        token_in=row.token_in,
        token_out=row.token_out,
        amount=_units(int(row.amount_in), row.token_in),
        max_slippage=_fraction(row.slippage_bps),
        created_at=_iso(row.created_at.timestamp()),
        updated_at=_iso(row.updated_at.timestamp()),
        execution_price=row.execution_price,
        tx_hash=row.tx_hash,
        reason=row.reason,
    )


def _all_decimals(atoms: int, token: tokens.Token) -> str:
    return f"{to_units(atoms, token):f}"


def _units(atoms: int, symbol: str) -> str:
    return f"{to_units(atoms, TOKENS[symbol]).normalize():f}"


def _fraction(bps: int) -> Decimal:
    return Decimal(bps) / BPS


def _iso(at_s: float) -> str:
    return iso_timestamp(round(at_s * 1000))
