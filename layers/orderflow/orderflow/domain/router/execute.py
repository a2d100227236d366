"""Turns a spread of floats into swaps of integers, and runs a route's swaps again: pools in, legs out.

Every leg takes what earlier legs have paid, to the atom: of a token that comes in between, the last leg takes the rest.
"""

from collections.abc import Iterable, Mapping, Sequence

from orderflow.domain.pools import Pool
from orderflow.domain.pools.constant_product import Swap
from orderflow.domain.pools.swap import swap
from orderflow.domain.router.network import Pair
from orderflow.domain.router.split import split
from orderflow.domain.routing import Leg
from orderflow.domain.slippage import BPS
from orderflow.errors import NoRouteError

SPECK = 1e-7
"""A smaller share of a token's flow than this is an error of rounding, not a choice."""

PoolSwap = tuple[Pool, str, Swap]
"""A swap that was run: on which pool's state, the token sold, the result."""


def swap_split(pair: Pair, amount_in: int, leg_cost: float, now_s: int) -> list[PoolSwap]:
    """Split an input over the pools of a pair and run their swaps.

    Raises the venues' RejectedError when a pool can't take its part.
    """
    token_in, pools = pair.token_in, pair.pools
    return [
        (pools[number], token_in, swap(pools[number], token_in, part, now_s)[0])
        for number, part in split(pair.curve, amount_in, leg_cost).parts
    ]


def swap_along(
    source: str,
    target: str,
    amount_in: int,
    flows: Iterable[tuple[Pair, float]],
    leg_costs: Mapping[str, float],
    now_s: int,
) -> list[PoolSwap]:
    """Run the swaps of a flow that has no circles: pairs with what each takes, as floats.

    `leg_costs` says by token, in its atoms, what a leg that pays it out must gain to be used. The floats only say how
    what a token's earlier legs have paid is shared out among the pairs that take it.
    """
    onward = _worth_swapping(flows, target, leg_costs)
    available = {source: amount_in}
    done: list[PoolSwap] = []
    for token in _in_order(onward, source, target):
        shares = sorted(onward[token], key=lambda item: (item[1], item[0].token_out))
        left, total = available.pop(token, 0), sum(given for _, given in shares)
        for pair, given in shares:
            part = left if pair is shares[-1][0] else min(int(left * (given / total)), left)
            left, total = left - part, total - given
            if part:
                # A leg that gains less than rounding may lose is none.
                leg_cost = max(leg_costs[pair.token_out], 1 + pair.curve.price)
                swaps = swap_split(pair, part, leg_cost, now_s)
                paid = sum(result.amount_out for _, _, result in swaps)
                available[pair.token_out] = available.get(pair.token_out, 0) + paid
                done += swaps
    return done


def run_legs(legs: Sequence[Leg], pools: Mapping[str, Pool], now_s: int) -> tuple[tuple[Leg, ...], dict[str, Pool]]:
    """Run a route's swaps again on the pools as they are now; return the fills and the pools they changed.

    A leg from the order's own token takes what the route says. One from a token in between takes its share of what the
    legs before it have really paid, and the last of these the rest, so that nothing of such a token is left or missing.
    Raises the venues' RejectedError; then nothing has changed.
    """
    planned: dict[str, int] = {}
    for leg in legs:
        planned[leg.token_in] = planned.get(leg.token_in, 0) + leg.amount_in
    available = {legs[0].token_in: planned[legs[0].token_in]}
    changed: dict[str, Pool] = {}
    fills: list[Leg] = []
    for leg in legs:
        token = leg.token_in
        part = available[token] * leg.amount_in // planned[token]
        available[token] -= part
        planned[token] -= leg.amount_in
        pool = changed.get(leg.pool) or pools[leg.pool]
        result, changed[leg.pool] = swap(pool, token, part, now_s)
        available[leg.token_out] = available.get(leg.token_out, 0) + result.amount_out
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


def _worth_swapping(
    flows: Iterable[tuple[Pair, float]], target: str, leg_costs: Mapping[str, float]
) -> dict[str, list[tuple[Pair, float]]]:
    """Return flows by the token they take, without dead ends and without those that gain less than they cost.

    Such are specks that floats leave behind, which a venue may refuse, and what is not worth a leg even as a whole.
    """
    onward: dict[str, list[tuple[Pair, float]]] = {}
    for pair, given in flows:
        onward.setdefault(pair.token_in, []).append((pair, given))
    for token, taken in onward.items():
        cost = min(leg_costs.get(token, 0.0), max(given for _, given in taken))
        least = max(SPECK * sum(given for _, given in taken), cost)
        onward[token] = [(pair, given) for pair, given in taken if given >= least]
    dead = True
    while dead:
        dead = False
        for token, taken in onward.items():
            alive = [(pair, given) for pair, given in taken if pair.token_out == target or onward.get(pair.token_out)]
            dead = dead or len(alive) < len(taken)
            onward[token] = alive
    return onward


def _in_order(onward: Mapping[str, list[tuple[Pair, float]]], source: str, target: str) -> list[str]:
    """Return the tokens that are sold, each after all from whose sale it comes."""
    order: list[str] = []
    open_tokens: set[str] = set()

    def visit(token: str) -> None:
        if token == target or token in order:
            return
        if token in open_tokens:
            raise NoRouteError(f"the ways from {source} to {target} go round in a circle through {token}")
        open_tokens.add(token)
        for pair, _ in onward.get(token, ()):
            visit(pair.token_out)
        order.append(token)

    visit(source)
    return order[::-1]


def _leg(pool: Pool, token_in: str, result: Swap, share_bps: int) -> Leg:
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
