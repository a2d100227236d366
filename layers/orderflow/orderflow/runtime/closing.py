"""Finds what has closed of the tokens that orders name: orders that rest and a tick in, names of tokens out."""

from collections.abc import Iterable, Set

from orderflow.domain.order import Order
from orderflow.domain.ticks import Tick
from orderflow.domain.venue import Venue


def find_closed(venue: Venue, tick: Tick, orders: Iterable[Order]) -> Set[str]:
    """Return those symbols and mints in orders whose token has closed.

    The venue is asked only for those of which the tick says nothing.
    """
    closed = {name for launch in tick.closed for name in (launch.token.symbol, launch.token.mint)}
    said = closed | {launch.token.mint for launch in tick.launches if launch.pair in tick.prices}
    asked = {name for order in orders for name in launched_names(order) if name not in said and not tick.trades(name)}
    return closed | venue.closed(asked) if asked else closed


def launched_names(order: Order) -> list[str]:
    """Return the launched tokens without which an order can't be executed: by symbol, or the mint that it waits for."""
    request = order.request
    if request.snipe is not None and not request.tokens:
        return [request.snipe.mint] if request.snipe.mint else []
    return [token.symbol for token in request.tokens]
