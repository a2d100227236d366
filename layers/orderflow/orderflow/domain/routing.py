"""What a route is: the swaps chosen for an order, what each venue would have paid, and what it costs."""

from decimal import Decimal

import msgspec


class Leg(msgspec.Struct, frozen=True):
    """One swap of a route, or one fill of an execution. Amounts are atoms; `share_bps` is of the order's input.

    `fee` is in atoms of `fee_token` and already inside the amounts.
    """

    venue: str
    pool: str
    share_bps: int
    token_in: str
    token_out: str
    amount_in: int
    amount_out: int
    fee: int
    fee_token: str


class VenueQuote(msgspec.Struct, frozen=True):
    """What a venue alone would pay at best, in atoms and as a price; or, when it can't, the reason in `error`."""

    venue: str
    amount_out: int = 0
    price: Decimal = Decimal(0)
    pools: tuple[str, ...] = ()
    error: str | None = None


class Route(msgspec.Struct, frozen=True):
    """The swaps chosen for an order, in an order that works: a leg takes what earlier legs have paid.

    `slot` is the chain's when the pools were read. `price_impact` is a fraction of the price before the trade, fees
    left aside; `improvement_bps` is against the best single venue; `network_fee` is in lamports.
    """

    slot: int
    venue: str
    legs: tuple[Leg, ...]
    amount_in: int
    expected_out: int
    price_impact: Decimal
    improvement_bps: Decimal
    network_fee: int
    quotes: tuple[VenueQuote, ...]


def paid_out(legs: tuple[Leg, ...], token: str) -> int:
    """Return the atoms of `token` that legs pay and no later leg takes."""
    return sum(leg.amount_out for leg in legs if leg.token_out == token)
