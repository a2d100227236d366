"""Fires orders that rest: from the `ticks` stream of the market, in its order, to the stage that executes them."""

from collections.abc import Sequence
from typing import Any

import msgspec

from orderflow.adapters.books import Candidates, FindClosed
from orderflow.domain.order import Order, OrderId
from orderflow.domain.ticks import Tick
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)
from orderflow.runtime.firing import Firing

_tick_decoder = msgspec.json.Decoder(Tick)


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the chain's `ticks` stream."""
    return run_batch("trigger_orders", event, trigger_orders)


def trigger_orders(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Fire what the ticks of a batch reach, tick by tick; limits are quoted at the last, on the market as it is."""
    ticks: list[Tick] = []
    failures.attempt(records, lambda record: ticks.append(_tick_decoder.decode(record["data"]["tick"])))
    stepped = [order for tick in ticks for order in fire(tick, limits=tick is ticks[-1])]
    return Done({"stepped": len(stepped)}, stepped)


def fire(tick: Tick, *, limits: bool) -> list[Order]:
    """Fire what a tick reaches; return the orders with the steps that they took.

    All orders whose triggers its price has reached are looked at, however many, since the next price may be another.
    Limits that are not reached by their turn are found again at the next tick, and so are those whose token has closed:
    nothing is lost for them meanwhile.
    """
    stepped: list[Order] = []
    books, venue = clients.books(), clients.venue()
    stay = dict.fromkeys(books.partitions, 0)
    closed: FindClosed | None = venue.closed
    while stay:
        found = {
            name: books.candidates(name, tick, limits=limits, beyond=beyond, closed=closed)
            for name, beyond in stay.items()
        }
        firing = Firing(venue, tick, books.now_ms(), quoting=limits)
        firing.look_at([each for candidates in found.values() for each in candidates.resting])
        taken = clients.orders().apply(firing.transitions)
        books.rebook(firing.rebooked)
        orders = [transition.order for transition in firing.transitions]
        stepped += [order for order, fresh in zip(orders, taken, strict=True) if fresh]
        gone = {order.order_id for order in orders} | {rebooked.order.order_id for rebooked in firing.rebooked}
        stay = {name: _staying(candidates, gone) for name, candidates in found.items() if candidates.is_cut}
        limits, closed = False, None
    return stepped


def _staying(candidates: Candidates, gone: set[OrderId]) -> int:
    """Return how many candidates are found where they were, as they don't go: there may be others behind them."""
    return candidates.found - sum(each.order.order_id in gone for each in candidates.resting)
