"""What an order was promised, by its request alone: computed here once more, so that the engine's way is compared."""

from fractions import Fraction
from math import ceil

from orderflow.domain.order import Order


def limit_of(order: Order) -> Fraction | None:
    """Return the atoms that an order has to receive for each atom that it sells; None of one without a limit.

    A stop with a limit has it from when it was fired for the first time.
    """
    request = order.request
    limit = request.limit
    if order.fired is not None and request.triggers:
        limit = next(trigger.limit for trigger in request.triggers if trigger.rule == order.fired.rule)
    if limit is None or request.schedule is not None:
        return None
    if limit.price is None:
        return Fraction(limit.min_amount_out or 0, request.amount_in)
    value = Fraction(limit.price.value)
    price = 1 / value if limit.price.inverted else value
    return price * Fraction(10) ** (request.buys.decimals - request.sells.decimals)


def least_out(order: Order) -> int:
    """Return the fewest atoms that a routed order may receive: by its limit, otherwise by its slippage."""
    route = order.chosen_route
    limit = limit_of(order)
    if limit is not None:
        return ceil(limit * route.amount_in)
    return route.expected_out - route.expected_out * _slippage_bps(order) // 10_000


def _slippage_bps(order: Order) -> int:
    rule = order.fired.rule if order.fired else None
    return next((each.slippage_bps for each in order.request.triggers if each.rule == rule), order.request.slippage_bps)
