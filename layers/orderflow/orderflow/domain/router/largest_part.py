"""Finds the largest part of an amount whose last atom still earns a price: pools and a price in, atoms out.

In the flow that is looked for, no path offers more for its next atom, and none in use earned less for its last one. It
is reached by moves that each gain, at the price that an atom may cost: more or less along one path, or from one path to
another. As in water filling all is computed in root = 1/√price, where a step is exact up to the end of a piece.
"""

from collections.abc import Sequence
from fractions import Fraction
from math import ceil

import msgspec

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import OrderRequest
from orderflow.domain.router.choice import best_over
from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.router.network import Network, Path
from orderflow.domain.router.two_paths import Fork, fork_of
from orderflow.errors import RejectedError

MAX_ROUNDS = 64
MAX_STEPS = 256
ENOUGH = 1e-10
"""A round that adds a smaller share of what is gained is the last."""
EQUAL = 1e-12
"""Roots that differ by a smaller share than this are equal."""
EQUAL_LAST = 1e-7
"""The same where the price of the last atom is looked up, a little before the end (`A_LITTLE_LESS`)."""
NO_STEP = 1e-10
"""The share of an input by which a step goes beyond the end of a piece."""
LEAST_PRICE = 1e-30
"""No order has a lower limit; beyond all that pools can take, an atom earns less."""


def largest_part(view: MarketView, request: OrderRequest, least: Fraction, venues: Sequence[str]) -> int:
    """Return the largest input up to the request's own at which the best route's marginal price is `least` or more.

    `least` is in atoms of `token_out` for an atom of `token_in`, the result in atoms of `token_in`: 0 where not even
    the first atom earns that much. The best route over all `venues` pays ⌈part·least⌉ or more for the part: where
    rounding, or a leg that is left out for its cost, breaks that, a smaller part is returned. Else the part of a pool
    of up to 10¹⁵ atoms is right to the atom; of larger ones, floats know no single atoms.
    """
    if least > MAX_ATOMS:
        return 0
    flow = flow_above(view.network(request.token_in, request.token_out), max(float(least), LEAST_PRICE))
    part, step = min(int(flow.input), request.amount_in) if flow is not None else 0, 1
    while part > 0 and not _pays(view, request, part, least, venues):
        part, step = part - step, 2 * step
    return max(part, 0)


def flow_above(network: Network, least: float) -> Flow | None:
    """Return the best allocation of as much input as earns more than `least` with every atom; None if no atom does."""
    paths = [path for price, path in network.paths_by_price if price > least]
    if not paths:
        return None
    network, numbers = network.within(frozenset(token for path in paths for token in network.tokens(path)))
    paths = [tuple([numbers[number] for number in path]) for path in paths]
    flow, least_root = Flow(network), root_of(least)
    gained = 0.0
    for _ in range(MAX_ROUNDS):
        for path in paths:
            _grow(flow, path, least_root)
        for path in paths:
            _shrink(flow, path, least_root)
        for path in paths:
            _exchange_for_better(flow, path, paths)
        before, gained = gained, flow.output - least * flow.input
        if gained - before <= ENOUGH * gained:
            break
    return flow


def _pays(view: MarketView, request: OrderRequest, part: int, least: Fraction, venues: Sequence[str]) -> bool:
    try:
        best = best_over(view, msgspec.structs.replace(request, amount_in=part), venues, venues).best
    except RejectedError:
        return False
    return best.paid >= ceil(part * least)


def _may_open(flow: Flow, path: Path) -> bool:
    return flow.in_use(path) or not flow.closes_cycle(path)


def _grow(flow: Flow, path: Path, least_root: float) -> None:
    """Send more along a path as long as the next atom earns more than the least price."""
    for _ in range(MAX_STEPS):
        root = root_of(flow.price_of(path))
        if root >= least_root * (1 - EQUAL) or not _may_open(flow, path):
            return
        step, rise = _beyond(flow.room(path), flow.inputs[path[0]]), root * flow.slope_of(path) / 2
        flow.push(path, min(step, (least_root - root) / rise) if rise else step)


def _shrink(flow: Flow, path: Path, least_root: float) -> None:
    """Send less along a path as long as its last atom earns less than the least price."""
    for _ in range(MAX_STEPS):
        if not flow.in_use(path) or root_of(flow.last_price_of(path)) <= least_root * (1 + EQUAL_LAST):
            return
        root = root_of(flow.price_of(path))
        step, rise = _beyond(flow.room_back(path), flow.inputs[path[0]]), root * flow.slope_of(path) / 2
        flow.pull(path, min(step, (root - least_root) / rise if rise else step, flow.removable(path)))


def _exchange_for_better(flow: Flow, path: Path, others: Sequence[Path]) -> None:
    """Move input from a path to each of the others, as long as that pays."""
    for other in others:
        if not flow.in_use(path):
            return
        fork = fork_of(flow.network.topology, path, other) if other != path and _may_open(flow, other) else None
        if fork is not None:
            _exchange(flow, fork)


def _exchange(flow: Flow, fork: Fork) -> None:
    """Move input from one side of a fork to the other until both earn the same; what that gains goes on behind it."""
    for _ in range(MAX_STEPS):
        if not flow.in_use(fork.one):
            return
        low, high = root_of(flow.last_price_of(fork.one)), root_of(flow.price_of(fork.other))
        if low - high <= EQUAL_LAST * low:
            return
        step = min(
            _beyond(flow.room_back(fork.one), flow.inputs[fork.one[0]]),
            _beyond(flow.room(fork.other), flow.inputs[fork.other[0]]),
            flow.removable(fork.one),
        )
        rise = root_of(flow.price_of(fork.one)) * flow.slope_of(fork.one) + high * flow.slope_of(fork.other)
        if rise * step / 2 >= low - high:
            step = 2 * (low - high) / rise
        lost = flow.pull(fork.one, step)
        flow.push(fork.after, flow.push(fork.other, step) - lost)


def _beyond(room: float, given: float) -> float:
    """Return a step that ends just beyond the end of a piece."""
    return max(room, 0.0) * (1 + NO_STEP) + NO_STEP * given
