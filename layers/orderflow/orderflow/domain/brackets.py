"""The exits of a bracket: a confirmed order in, what is asked for to sell what it has received out."""

from orderflow.domain.order import Order, OrderRequest


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
        triggers=request.exits,
    )
