"""Brings all ways of a network to one price level: the price at which they take an amount between them.

Everything happens in root = 1/√price: the input of a constant-product pool is linear in it, and so is that of a way
through several, as long as none of its pairs comes to another piece of its curve. Newton's steps are exact there.
"""

from math import inf

from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.network import Path

MAX_LEVELS = 12
MAX_MOVES = 12
LEVEL_PRECISION = 1e-6
"""Part of the amount that may be missing or too much at the level found; what it is goes to the ways as they are."""
ROOT_PRECISION = 1e-8


def find_level(flow: Flow, paths: list[Path], amount: float, root: float) -> None:
    """Spread `amount` over `paths` so that those in use end at one price and no other offers more.

    `root` is the level to begin with, best one at which they take a little more than the amount.
    """
    low = root_of(max(flow.network.opening_price(path) for path in paths))
    high = inf
    low_excess, high_excess = -amount, 0.0
    for _ in range(MAX_LEVELS):
        for path in paths:
            settle(flow, path, root, amount)
        excess = flow.input - amount
        if abs(excess) <= LEVEL_PRECISION * amount:
            break
        if excess > 0:
            high, high_excess = root, excess
        else:
            low, low_excess = root, excess
        if high - low <= ROOT_PRECISION * low:
            break
        root = _next_level(flow, paths, root, excess, (low, low_excess, high, high_excess))
    _even_out(flow, paths, amount)


def settle(flow: Flow, path: Path, root: float, amount: float) -> None:
    """Push more along a path, or pull what it has, until its marginal price is 1/root², as near as that can be."""
    at = root_of(flow.price_of(path))
    if abs(at - root) <= ROOT_PRECISION * root:
        return
    in_use = flow.in_use(path)
    if (at > root and not in_use) or (at < root and not in_use and flow.closes_circle(path)):
        return
    least = -flow.removable(path) if in_use else 0.0
    moved = 0.0
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    for _ in range(MAX_MOVES):
        if at < root:
            below = moved, at
        else:
            above = moved, at
        to = max(_next_position(flow, path, root, (moved, at), below, above), least)
        if to > moved:
            flow.push(path, to - moved)
        else:
            flow.pull(path, moved - to)
        moved, at = to, root_of(flow.price_of(path))
        if abs(at - root) <= ROOT_PRECISION * root or (moved == least and at >= root):
            return


def _next_position(
    flow: Flow,
    path: Path,
    root: float,
    here: tuple[float, float],
    below: tuple[float, float] | None,
    above: tuple[float, float] | None,
) -> float:
    """Return where the path's root may be the one wanted: Newton's guess, or between two positions that enclose it."""
    moved, at = here
    bend = flow.bend_of(path)
    if bend > 0.0 and at < inf:
        guess = moved + 2 * (root / at - 1) / bend
    else:
        guess = moved + (flow.room(path) if at < root else -inf)
    if (below is None or guess > below[0]) and (above is None or guess < above[0]):
        return guess
    if below is None or above is None:
        return guess
    width = above[0] - below[0]
    share = (root - below[1]) / (above[1] - below[1]) if above[1] < inf else 0.5
    return below[0] + width * min(max(share, 0.01), 0.99)


def _next_level(
    flow: Flow, paths: list[Path], root: float, excess: float, bracket: tuple[float, float, float, float]
) -> float:
    """Return the root at which the ways may take the amount: Newton's guess, or one between the two that enclose it."""
    low, low_excess, high, high_excess = bracket
    slope = 0.0
    for path in paths:
        if flow.in_use(path):
            bend = flow.bend_of(path)
            slope += 2 / (root * bend) if bend > 0.0 else inf
    guess = root - excess / slope if slope > 0.0 else low
    if low < guess < high and slope < inf:
        return guess
    if high == inf:
        return 2 * root
    share = low_excess / (low_excess - high_excess)
    return low + (high - low) * min(max(share, 0.01), 0.99)


def _even_out(flow: Flow, paths: list[Path], amount: float) -> None:
    """Give what is missing to the way that ends best, take what is too much from the flattest of those in use."""
    excess = flow.input - amount
    if excess < 0.0:
        flow.push(max(paths, key=flow.price_of), -excess)
        return
    for path in sorted(filter(flow.in_use, paths), key=flow.bend_of):
        part = min(excess, flow.removable(path))
        flow.pull(path, part)
        excess -= part
        if excess <= 0.0:
            return
