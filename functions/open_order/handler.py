"""Has orders rest: from the `open` stream into their books, then looks at each once as the market is."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orderflow.adapters.books import Resting
from orderflow.adapters.orders import Transition
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.domain.resting import immediate
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    check_statuses,
    run_batch,
    stream_function,
)
from orderflow.runtime.firing import Firing


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `open` stream."""
    return run_batch("open_order", event, open_orders)


def open_orders(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Open the orders of a batch that are new, and look at those that rest.

    An order is in its books before it is looked at, and ticks say each price from then on: none that matters is
    missed in between. It comes here again for that look, with each step by which it rests.
    """
    orders = [order for _, order in failures.decode_orders(records)]
    venue = clients.venue()
    venue.keep_time()
    tick, now_ms = venue.prices(), clients.books().now_ms()
    opened = [opening(order, tick, now_ms) for order in orders if order.status is Status.PENDING]
    at_rest = _at_rest(orders)
    firing = Firing(venue, _with_launches(tick, at_rest), now_ms, in_turn=False)
    firing.look_at(at_rest)
    transitions = [*opened, *firing.transitions]
    clients.orders().apply(transitions)
    clients.books().rebook(firing.rebooked)
    check_statuses(orders)
    return Done({}, [transition.order for transition in transitions])


def opening(order: Order, tick: Tick, now_ms: int) -> Transition:
    """Return an order's first step: it rests, unless its time is over, or its stop would fire as soon as it rests.

    The exits of a bracket are there to protect what was bought: they fire then.
    """
    expires_at_ms = order.request.expires_at_ms
    if expires_at_ms is not None and now_ms >= expires_at_ms:
        return Transition(order.expire(now_ms))
    prices = tick.prices.get(order.request.pair)
    if prices is not None and order.parent_id is None and (met := immediate(order, prices.reference)):
        return Transition(order.fail(f"would trigger immediately: {met}", now_ms))
    return Transition(order.open(tick.slot, now_ms))


def _with_launches(tick: Tick, at_rest: Sequence[Resting]) -> Tick:
    """Return a tick with all launches that trade by then, if anyone waits for one: it may have opened meanwhile."""
    if all(each.order.request.snipe is None for each in at_rest):
        return tick
    opened = [launch for launch in clients.venue().launches() if launch.trades_at(tick.slot)]
    return msgspec.structs.replace(tick, launches=tuple(sorted(opened, key=lambda launch: launch.open_slot)))


def _at_rest(orders: Sequence[Order]) -> list[Resting]:
    """Return the orders that rest with what is noted of them; one that has gone on meanwhile takes no step twice."""
    return clients.books().noted([order for order in orders if order.status in RESTING])
