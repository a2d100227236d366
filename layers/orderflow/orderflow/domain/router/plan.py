"""Plans how to sell an amount: over one pool, over all pools of the pair, over ways of up to three hops.

A book of curves and an amount in, swaps of integers out, every one as its venue would execute it.
"""

from collections.abc import Sequence

import msgspec

from orderflow.domain.pools.swap import swap
from orderflow.domain.router.book import CurveBook
from orderflow.domain.router.certificate import token_values
from orderflow.domain.router.execute import PoolSwap, legs_of, swap_along, swap_split
from orderflow.domain.router.network import Network, Pair
from orderflow.domain.router.spread import best_flow
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


def plan_single(book: CurveBook, token_in: str, token_out: str, amount_in: int, *, venue: str | None = None) -> Plan:
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
    pair = _pair(book, token_in, token_out, venue)
    return _plan(amount_in, _split(pair, amount_in, _least_gain(pair, amount_in, leg_cost), book.now_s))


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
    network = book.network(token_in, token_out, venue)
    refusal: RejectedError = NoRouteError(f"no venue trades {token_in} against {token_out}")
    direct, least = None, leg_cost
    if pair is not None:
        least = _least_gain(pair, amount_in, leg_cost)
        try:
            direct = _plan(amount_in, _split(pair, amount_in, least, book.now_s))
        except RejectedError as error:
            refusal = error
        if direct and not _may_gain(network, pair.curve.at(amount_in)[1], least):
            return direct
    try:
        hops = _over_hops(network, amount_in, leg_cost, book.now_s)
    except RejectedError as error:
        if direct:
            return direct
        raise (refusal if pair else error) from None
    if direct is None:
        return hops
    more_legs = max(len(hops.legs) - len(direct.legs), 0)
    return hops if hops.amount_out - direct.amount_out > least * more_legs else direct


def _pair(book: CurveBook, token_in: str, token_out: str, venue: str | None) -> Pair:
    pair = book.pair(token_in, token_out, venue)
    if pair is None:
        raise NoRouteError(f"no venue trades {token_in} against {token_out}")
    return pair


def _least_gain(pair: Pair, amount_in: int, leg_cost: float) -> float:
    """Return the atoms that a leg must gain: its cost, a trace of the output, and what it may lose by rounding."""
    paid, price, _ = pair.curve.at(amount_in)
    return max(leg_cost, LEAST_GAIN * paid, 1 + price)


def _may_gain(network: Network, price: float, least: float) -> bool:
    """Whether ways of several hops could add to a direct split that ended at `price`: they take two legs or more."""
    return network.best_hop_price > price and network.most_gain(price) > 2 * least


def _split(pair: Pair, amount_in: int, least: float, now_s: int) -> list[PoolSwap]:
    try:
        swaps = swap_split(pair, amount_in, least, now_s)
    except RejectedError:
        swaps = []
    return _best_single(pair, amount_in, swaps, now_s)


def _best_single(pair: Pair, amount_in: int, swaps: list[PoolSwap], now_s: int) -> list[PoolSwap]:
    """Return the given swaps, or the one through a single pool that pays more, or as much with fewer legs."""
    paid = sum(result.amount_out for _, _, result in swaps)
    refusal: RejectedError | None = None
    for number, curve in pair.curve.curves.items():
        pool = pair.pools[number]
        # A curve pays no less than its pool: where it does not pay more, the integers need not be asked.
        if curve.out(amount_in) * _FLOAT_MARGIN < paid or (len(swaps) == 1 and swaps[0][0] is pool):
            continue
        try:
            result, _ = swap(pool, pair.token_in, amount_in, now_s)
        except RejectedError as error:
            refusal = error
            continue
        if result.amount_out > paid or (result.amount_out == paid and len(swaps) > 1):
            swaps, paid = [(pool, pair.token_in, result)], result.amount_out
    if not swaps:
        raise refusal or NoRouteError(f"no pool takes {amount_in} atoms of {pair.token_in}")
    return swaps


def _over_hops(network: Network, amount_in: int, leg_cost: float, now_s: int) -> Plan:
    topology = network.topology
    if not topology.paths:
        raise NoRouteError(f"no venue trades {topology.source} against {topology.target}")
    flow = best_flow(network, amount_in, leg_cost)
    least = max(leg_cost, LEAST_GAIN * flow.output)
    costs = {token: least / value for token, value in token_values(flow).items() if value > 0.0}
    flows = [(pair, given) for pair, given in zip(network.pairs, flow.inputs, strict=True) if given > 0.0]
    return _plan(amount_in, swap_along(topology.source, topology.target, amount_in, flows, costs, now_s))


def _plan(amount_in: int, swaps: Sequence[PoolSwap]) -> Plan:
    legs = legs_of(swaps)
    target = legs[-1].token_out
    return Plan(amount_in, sum(leg.amount_out for leg in legs if leg.token_out == target), legs)
