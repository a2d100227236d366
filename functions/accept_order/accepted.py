"""What is answered to an order that is durable."""

from decimal import Decimal

import msgspec

from orderflow.domain.order import OrderId, OrderRequest
from orderflow.domain.status import Status
from orderflow.runtime.http.responses import fraction, units


class Accepted(msgspec.Struct, frozen=True):
    """An order that was just accepted; `amount` and `max_slippage` are those that were taken, as in OrderSummary."""

    order_id: str
    status: str
    amount: str
    max_slippage: Decimal


def accepted(order_id: OrderId, request: OrderRequest) -> Accepted:
    """Return the answer to an order that is durable: what was taken, which a number with many decimals is more than."""
    amount, slippage = units(request.amount_in, request.token_in), fraction(request.slippage_bps)
    return Accepted(order_id, Status.PENDING, amount, slippage)
