"""Plans how to sell an amount: over one pool, over all pools of the pair, over ways of up to three hops.

A book of curves and an amount in, swaps of integers out, every one as its venue would execute it.
"""

from collections.abc import Sequence

import msgspec

from orderflow.domain.pools.swap import swap
from orderflow.domain.router.book import CurveBook
from orderflow.domain.router.certificate import token_values
from orderflow.domain.router.execute import PoolSwap, legs_of, swap_along, swap_split
from orderflow.domain.router.flow import best_flow
from orderflow.domain.router.network import Pair
from orderflow.domain.routing import Leg
from orderflow.errors import NoRouteError, RejectedError

LEAST_GAIN = 1e-7
"""The share of the output (a thousandth of a bp) that a further leg must gain, whatever it costs."""

_FLOAT_MARGIN = 1 + 1e-12


class Plan(msgspec.Struct, frozen=True):
    """The legs of a way to sell `amount_in` atoms, in an order that works, and what the last of them pay together."""

    amount_in: int
    amount_out: int
    legs: tuple[Leg, ...]


def plan_single(
    book: CurveBook, token_in: str, token_out: str, amount_in: int, *, venue: str | None = None
) -> Plan:
    """Return the plan of one leg, through the pool that pays most; of equal payers the first by venue and address.

    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    return _plan(amount_in, _best_single(_pair(book, token_in, token_out, venue), amount_in, [], book.now_s))


def plan_split(
    book: CurveBook,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venue: str | None = None,
    leg_cost: float = 0.0,
) -> Plan:
    """Return the best split over the pools of the pair, never worse than the best single pool.

    A leg that gains less than `leg_cost` atoms of `token_out` is left out, as is one that gains next to nothing.
    Raises NoRouteError when no pool trades the pair, and the venue's RejectedError when none takes the amount.
    """
    return _plan(amount_in, _split(_pair(book, token_in, token_out, venue), amount_in, leg_cost, book.now_s))


def plan_route(
    book: CurveBook,
    token_in: str,
    token_out: str,
    amount_in: int,
    *,
    venue: str | None = None,
    leg_cost: float = 0.0,
) -> Plan:
    """Return the best plan over all ways of up to three hops, never worse than the best split of the pair.

    The search is paid for only where a bound says that further hops may gain more than their legs cost. Raises
    NoRouteError when no way leads from token to token, and the venue's RejectedError when none takes the amount.
    """
    pair = book.pair(token_in, token_out, venue)
    direct: list[PoolSwap] = []
    refusal: RejectedError | None = None
    least = leg_cost
    if pair is not None:
        paid, price, _ = pair.curve.at(amount_in)
        least = _least_gain(leg_cost, paid, price)
        try:
            direct = _split(pair, amount_in, leg_cost, book.now_s)
        except RejectedError as error:
            refusal = error
        if direct and not _may_gain(book, token_in, token_out, venue, price, least):
            return _plan(amount_in, direct)
    try:
        hops = _over_hops(book, token_in, token_out, amount_in, venue, leg_cost)
    except RejectedError as error:
        refusal = refusal or error
        hops = []
    best = max((swaps for swaps in (direct, hops) if swaps), key=lambda swaps: _net(swaps, token_out, least), default=None)
    if best is None:
        raise refusal or NoRouteError(f"no venue trades {token_in} against {token_out}")
    return _plan(amount_in, best, token_out)
