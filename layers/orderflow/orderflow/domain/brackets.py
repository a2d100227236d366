"""The exits of a bracket: a confirmed order in, what is asked for to sell what it has received out."""

from decimal import Decimal

import msgspec

from orderflow.domain.amounts import PRICE_CONTEXT, price
from orderflow.domain.conditions import Price, Trigger
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.slippage import BPS


def exits_request(confirmed: Order) -> OrderRequest:
    """Return the request of a confirmed order's exits: over the atoms really received, back to the token that it sold.

    Two exits are an `oco`, one is an order of its own rule.
    """
    request = confirmed.request
    return OrderRequest(
        token_in=request.token_out,
        token_out=request.token_in,
        amount_in=confirmed.amount_out or 0,
        order_type="oco" if len(request.exits) > 1 else request.exits[0].rule,
        slippage_bps=request.exits[0].slippage_bps,
        triggers=tuple(_at_price(confirmed, trigger) for trigger in request.exits),
        tokens=request.tokens,
    )


def _at_price(confirmed: Order, trigger: Trigger) -> Trigger:
    """Return a trigger at a price, also one that is given by how far it is from what the order has paid."""
    if trigger.entry_bps is None:
        return trigger
    request = confirmed.request
    paid = price(confirmed.amount_out or 0, request.buys, confirmed.amount_filled or request.amount_in, request.sells)
    moved = trigger.entry_bps if trigger.rule == "take_profit" else -trigger.entry_bps
    at = PRICE_CONTEXT.divide(paid * (BPS + moved), Decimal(BPS))
    return msgspec.structs.replace(trigger, price=Price(at), entry_bps=None)
