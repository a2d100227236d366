"""What a route is: the swaps chosen for an order, what each venue alone would pay, and what the route costs."""

from decimal import Decimal

import msgspec


class Leg(msgspec.Struct, frozen=True):
    """One swap of a route, or one fill of an execution. Amounts are atoms; `share_bps` is of the order's input.

    `fee` is in atoms of `fee_token` and already part of the amounts.
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
    """The most that a venue alone would pay, in atoms and as a price; when it can't trade, the reason in `error`."""

    venue: str
    amount_out: int = 0
    price: Decimal = Decimal(0)
    pools: tuple[str, ...] = ()
    error: str | None = None


class Route(msgspec.Struct, frozen=True):
    """The swaps chosen for an order, in an order that works: a leg takes what earlier legs have paid.

    `slot` is the chain's slot when the pools were read. `price_impact` is a fraction of the price before the trade,
    without fees; `improvement_bps` compares with the best single venue; `network_fee` is in lamports.
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
    """Return the atoms of `token` that the legs pay out to the trader: those of all legs whose output it is."""
    return sum(leg.amount_out for leg in legs if leg.token_out == token)
