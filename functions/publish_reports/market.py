"""Makes the report of the market: its latest prices and launches in, the report out."""

from collections.abc import Sequence

import msgspec

from functions.publish_reports.made import Made
from orderflow.adapters.public import public_json
from orderflow.adapters.reports import Begun, PastPrice
from orderflow.domain.launches import ListedLaunch, listed
from orderflow.domain.market import PairView
from orderflow.runtime import clients

MOST_LAUNCHES = 20


class MarketReport(msgspec.Struct, frozen=True):
    """What pairs are worth after a slot, and the launches that are announced or open, the latest first."""

    slot: int
    pairs: Sequence[PairView]
    launches: Sequence[ListedLaunch]


class _Slot(msgspec.Struct, frozen=True):
    slot: int


_slot_decoder = msgspec.json.Decoder(_Slot)


def market_report(begun: Begun) -> Made:
    """Return the report of the market, whose time is asked to pass where it has stood since the report before.

    Raises RetryableError as a venue does.
    """
    venue = clients.venue()
    market = venue.market()
    if begun.latest is None or _slot_decoder.decode(begun.latest.text).slot == market.slot:
        # Also when it was asked to before: a failover may have stopped it.
        venue.keep_time()
    launches = [listed(launch, market.slot) for launch in venue.launches()[:MOST_LAUNCHES]]
    prices = {view.pair: PastPrice(market.slot, begun.now_ms, view.reference, view.venues) for view in market.pairs}
    return Made(public_json(MarketReport(market.slot, market.pairs, launches)).decode(), market.slot, prices)
