"""Whether the market's time has to pass."""

from orderflow.adapters.reports import MARKET
from orderflow.runtime import clients


def is_needed() -> bool:
    """Return whether something needs the market's time: an order that rests, or somebody who follows the market."""
    return clients.books().something_rests() or clients.reports().is_followed(MARKET)
