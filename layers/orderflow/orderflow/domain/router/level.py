"""Brings all ways of a network to one price level: the price at which they take an amount between them.

Everything happens in root = 1/√price: the input of a constant-product pool is linear in it, and so is that of a way
through several, as long as none of its pairs comes to another piece of its curve. Steps in it are exact up to there.
"""

from math import inf

from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.network import Path

MAX_MOVES = 10
ROOT_PRECISION = 1e-9
"""Levels that differ by less than this part are one."""


def raise_level(flow: Flow, paths: list[Path], amount: float, max_steps: int) -> bool:
    """Let the ways take more, always those that pay most, until `amount` has entered; False when steps run out.

    A step ends where one of the ways comes to another piece of its curve, or another way pays as much. What a way
    takes in a step is exact where it shares no pair with another that moves; where it does, the next step makes up.
    """
    left = amount - flow.input
    for _ in range(max_steps):
        if left <= ROOT_PRECISION * amount:
            return True
        roots = [(root_of(flow.price_of(path)), path) for path in paths]
        level = min(roots)[0]
        if level == inf:
            return True
        moving = [(root, path) for root, path in roots if root <= level * (1 + ROOT_PRECISION)]
        moving = [(root, path) for root, path in moving if flow.in_use(path) or not flow.closes_circle(path)]
        if not moving:
            paths = [path for root, path in roots if root > level * (1 + ROOT_PRECISION)]
            if not paths:
                return True
            continue
        goal = min((root for root, _ in roots if root > level * (1 + ROOT_PRECISION)), default=inf)
        left -= _step(flow, moving, level, goal, left)
    return left <= ROOT_PRECISION * amount


def _step(flow: Flow, moving: list[tuple[float, Path]], level: float, goal: float, left: float) -> float:
    """Move ways that are at one level up to `goal`, or as far as they may go at once; return what they took."""
    slope = 0.0
    bends: list[float] = []
    for root, path in moving:
        bend, room = flow.bend_of(path), flow.room(path) * (1 + ROOT_PRECISION)
        if bend * room < ROOT_PRECISION or (room == inf == goal and bend == 0.0):
            # A bin: its price stays until it is full.
            part = min(left, room)
            flow.push(path, part)
            return part
        bends.append(bend)
        slope += 2 / (root * bend)
        goal = min(goal, root * (1 + bend * room / 2))
    goal = min(goal, level + left / slope)
    taken = 0.0
    for (root, path), bend in zip(moving, bends, strict=True):
        part = 2 * (goal / root - 1) / bend
        if part > 0.0:
            flow.push(path, part)
            taken += part
    return taken


def settle(flow: Flow, path: Path, root: float) -> None:
    """Push more along a path, or pull what it has, until its marginal price is 1/root², as near as that can be."""
    at = root_of(flow.price_of(path))
    in_use = flow.in_use(path)
    if (at > root and not in_use) or (at < root and not in_use and flow.closes_circle(path)):
        return
    least = -flow.removable(path) if in_use else 0.0
    moved = 0.0
    below: tuple[float, float] | None = None
    above: tuple[float, float] | None = None
    for _ in range(MAX_MOVES):
        if abs(at - root) <= ROOT_PRECISION * root or (moved == least and at > root):
            return
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
        guess = moved + flow.room(path) if at < root else -inf
    if (below is None or guess > below[0]) and (above is None or guess < above[0]):
        return guess
    if below is None or above is None:
        return guess
    width = above[0] - below[0]
    share = (root - below[1]) / (above[1] - below[1]) if above[1] < inf else 0.5
    return below[0] + width * min(max(share, 0.01), 0.99)
