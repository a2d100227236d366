"""Turns an allocation in floats into swaps in integers, and runs a route's swaps again: pools in, legs out.

The legs that take a token in between take what earlier legs have paid of it, to the atom: the last takes the rest.
"""

from collections.abc import Iterable, Mapping, Sequence
from math import inf
from typing import TypeVar

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.pools import AnyPool, Swap
from orderflow.domain.pools.swap import swap
from orderflow.domain.router.network import Pair
from orderflow.domain.router.split import split
from orderflow.domain.router.swapper import PoolSwap, Swapper
from orderflow.domain.routing import Leg
from orderflow.domain.slippage import BPS
from orderflow.errors import (
    InsufficientLiquidityError,
    NoRouteError,
    PoolNotOpenError,
    RejectedError,
    ZeroOutputError,
)

P = TypeVar("P", bound=AnyPool)

LEAST_SHARE = 1e-7
"""A smaller share of a token's flow than this is an error of rounding, not a choice."""


def swap_split(pair: Pair, amount_in: int, leg_cost: float, swapper: Swapper) -> list[PoolSwap]:
    """Split an input over the pools of a pair and run their swaps.

    A part for which a pool would pay nothing goes to another pool. Raises the venue's RejectedError when a pool can't
    take its part.
    """
    if len(pair.pools) == 1:
        return [swapper.run(pair.pools[0], pair.token_in, amount_in)]
    most, number = pair.best_alone(amount_in)
    if amount_in <= pair.curves[number].capacity and pair.curve.at(amount_in)[0] - most < leg_cost:
        return [swapper.run(pair.pools[number], pair.token_in, amount_in)]
    swaps: list[PoolSwap] = []
    unpaid, refusal = 0, None
    for number, part in split(pair.curve, amount_in, leg_cost).parts:
        try:
            swaps.append(swapper.run(pair.pools[number], pair.token_in, part))
        except ZeroOutputError as error:
            unpaid, refusal = unpaid + part, error
    if refusal is None:
        return swaps
    for place, (pool, token_in, taken) in enumerate(swaps):
        try:
            swaps[place] = swapper.run(pool, token_in, taken.amount_in + unpaid)
        except RejectedError:
            continue
        return swaps
    raise refusal


def swap_along(
    source: str,
    target: str,
    amount_in: int,
    flows: Iterable[tuple[Pair, float]],
    leg_costs: Mapping[str, float],
    swapper: Swapper,
) -> list[PoolSwap]:
    """Run the swaps of a flow without cycles, given as pairs with the input of each as a float.

    `leg_costs` says by token, in its atoms, what a leg that pays it out must gain to be used. What earlier legs have
    paid of a token is divided among the pairs that take it, in proportion to their floats. No pair is given more than
    it and the pairs after it can take; a part for which a pair would pay nothing goes to the next pair. Raises the
    venue's RejectedError, and NoRouteError where the flow has a cycle.
    """
    onward = _profitable(flows, target, leg_costs)
    order = _in_order(onward, source, target)
    rooms = _rooms(onward, order)
    available = {source: amount_in}
    done: list[PoolSwap] = []
    for token in order:
        unpaid = 0
        shares = _divided(available.pop(token, 0), onward[token], available, rooms)
        for number, (pair, share) in enumerate(shares, 1):
            part = share + unpaid
            if not part:
                continue
            # A leg must gain more than rounding may cost.
            leg_cost = max(leg_costs.get(pair.token_out, 0.0), 1 + pair.curve.price)
            try:
                swaps = swap_split(pair, part, leg_cost, swapper)
            except ZeroOutputError:
                if number == len(shares):
                    raise
                unpaid = part
                continue
            unpaid = 0
            paid = available.get(pair.token_out, 0) + sum(result.amount_out for _, _, result in swaps)
            check_held(paid, pair.token_out)
            available[pair.token_out] = paid
            done += swaps
    return done


def check_held(atoms: int, token: str) -> None:
    """Raise InsufficientLiquidityError where legs pay more atoms of a token than an account can hold."""
    if atoms > MAX_ATOMS:
        raise InsufficientLiquidityError(f"no account can hold the {atoms} atoms of {token} that would be paid out")


def run_legs(legs: Sequence[Leg], pools: Mapping[str, P], now_s: int) -> tuple[tuple[Leg, ...], dict[str, P]]:
    """Run a route's swaps again on the pools as they are now; return the fills and the pools that they changed.

    A leg that takes the order's own token takes what the route says. A leg that takes a token in between takes its
    share of what the legs before it have really paid, and the last of these takes the rest, so that nothing of the
    token is left or missing. Raises the venue's RejectedError, and PoolNotOpenError where `pools` lacks one; nothing
    has changed then.
    """
    planned: dict[str, int] = {}
    for leg in legs:
        planned[leg.token_in] = planned.get(leg.token_in, 0) + leg.amount_in
    available = {legs[0].token_in: planned[legs[0].token_in]}
    changed: dict[str, P] = {}
    fills: list[Leg] = []
    for leg in legs:
        token = leg.token_in
        part = available[token] * leg.amount_in // planned[token]
        available[token] -= part
        planned[token] -= leg.amount_in
        pool = changed.get(leg.pool) or pools.get(leg.pool)
        if pool is None:
            raise PoolNotOpenError
        result, changed[leg.pool] = swap(pool, token, part, now_s)
        available[leg.token_out] = available.get(leg.token_out, 0) + result.amount_out
        check_held(available[leg.token_out], leg.token_out)
        fills.append(_leg(pool, token, result, leg.share_bps))
    return tuple(fills), changed


def legs_of(swaps: Sequence[PoolSwap]) -> tuple[Leg, ...]:
    """Return swaps, in an order that works, as a route's legs with their shares of the order's input.

    The shares of the legs that take a token add up to the shares of those that paid it, and to 10,000 for the order's
    own.
    """
    taken: dict[str, int] = {}
    for _, token_in, result in swaps:
        taken[token_in] = taken.get(token_in, 0) + result.amount_in
    shares = {swaps[0][1]: BPS}
    so_far: dict[str, int] = dict.fromkeys(taken, 0)
    legs: list[Leg] = []
    for pool, token_in, result in swaps:
        before, total = so_far[token_in], taken[token_in]
        after = so_far[token_in] = before + result.amount_in
        share = _rounded(shares[token_in] * after, total) - _rounded(shares[token_in] * before, total)
        leg = _leg(pool, token_in, result, share)
        shares[leg.token_out] = shares.get(leg.token_out, 0) + share
        legs.append(leg)
    return tuple(legs)


def _profitable(
    flows: Iterable[tuple[Pair, float]], target: str, leg_costs: Mapping[str, float]
) -> dict[str, list[tuple[Pair, float]]]:
    """Return flows by the token that they take, without dead ends and without those that are not worth a leg.

    These are the rounding errors of floats, which a venue may refuse, and flows that are worth less than a leg costs.
    """
    onward: dict[str, list[tuple[Pair, float]]] = {}
    for pair, given in flows:
        onward.setdefault(pair.token_in, []).append((pair, given))
    for token, taken in onward.items():
        cost = min(leg_costs.get(token, 0.0), max(given for _, given in taken))
        least = max(LEAST_SHARE * sum(given for _, given in taken), cost)
        onward[token] = [(pair, given) for pair, given in taken if given >= least]
    dead = True
    while dead:
        dead = False
        for token, taken in onward.items():
            alive = [(pair, given) for pair, given in taken if pair.token_out == target or onward.get(pair.token_out)]
            dead = dead or len(alive) < len(taken)
            onward[token] = alive
    return onward


def _rooms(onward: Mapping[str, list[tuple[Pair, float]]], order: Sequence[str]) -> dict[str, float]:
    """Return by token how much of it all paths from it to the target can take."""
    rooms: dict[str, float] = {}
    for token in reversed(order):
        rooms[token] = sum(_room(pair, rooms.get(pair.token_out, inf)) for pair, _ in onward[token])
    return rooms


def _room(pair: Pair, room_after: float) -> float:
    """Return how much a pair can take, when no more than `room_after` of what it pays out can be taken."""
    return min(pair.curve.capacity, pair.curve.input_for(max(room_after, 0.0)), MAX_ATOMS)


def _divided(
    atoms: int, flows: Sequence[tuple[Pair, float]], available: Mapping[str, int], rooms: Mapping[str, float]
) -> list[tuple[Pair, int]]:
    """Return what each pair takes of a token: its share, but no more than its room as long as other pairs have room."""
    offers: list[tuple[float, float, str, Pair]] = []
    for pair, given in flows:
        room = _room(pair, rooms.get(pair.token_out, inf) - available.get(pair.token_out, 0))
        offers.append((room, given, pair.token_out, pair))
    offers.sort(key=lambda offer: (offer[0] - offer[1], offer[1:3]))
    left, total = atoms, sum(given for _, given in flows)
    room_left = sum(int(room) for room, *_ in offers)
    parts: list[tuple[Pair, int]] = []
    for room, given, _, pair in offers:
        room_left -= int(room)
        share = int(left * (given / total)) if given < total else left
        part = min(max(min(share, int(room)), left - room_left), left)
        left, total = left - part, total - given
        parts.append((pair, part))
    return parts


def _in_order(onward: Mapping[str, list[tuple[Pair, float]]], source: str, target: str) -> list[str]:
    """Return the tokens that are sold in topological order: each after all tokens whose sale pays it."""
    order: list[str] = []
    open_tokens: set[str] = set()

    def visit(token: str) -> None:
        if token == target or token in order:
            return
        if token in open_tokens:
            raise NoRouteError(f"the paths from {source} to {target} form a cycle through {token}")
        open_tokens.add(token)
        for pair, _ in onward.get(token, ()):
            visit(pair.token_out)
        order.append(token)

    visit(source)
    return order[::-1]


def _leg(pool: AnyPool, token_in: str, result: Swap, share_bps: int) -> Leg:
    return Leg(
        venue=pool.venue,
        pool=pool.pool,
        share_bps=share_bps,
        token_in=token_in,
        token_out=pool.other(token_in),
        amount_in=result.amount_in,
        amount_out=result.amount_out,
        fee=result.fee,
        fee_token=result.fee_token,
    )


def _rounded(numerator: int, denominator: int) -> int:
    return (2 * numerator + denominator) // (2 * denominator)
