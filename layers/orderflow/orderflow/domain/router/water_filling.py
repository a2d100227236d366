"""Brings the ways of a network to one price level: all in use end at the same marginal price, and no other offers more.

Everything happens in root = 1/√price: the input of a constant-product pool is linear in it, and so is that of a way
through several, as long as none of its pairs comes to another piece of its curve. Steps in it are exact up to there.
"""

from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.network import Path

MAX_PIECES = 256
SAME_LEVEL = 1e-7
"""Levels that differ by less than this part are one: a thousandth of a bp in the price is twice that."""
NO_STEP = 1e-10
COMPLETE = 1e-10
"""What is missing when a smaller part of the amount than this has not entered is nothing but rounding."""


def raise_level(flow: Flow, paths: list[Path], amount: float, max_steps: int, *, least_part: float = 0.0) -> bool:
    """Let the ways take more, always those that pay most, until `amount` has entered; False when steps run out.

    A step ends where one of the pairs comes to another piece of its curve, or where another way pays as much. What the
    ways take in a step is exact unless they share pairs; then it is nearly so. With `least_part` a step takes at least
    that part of what is missing, wherever it leads: quick, but ways may get too much.
    """
    left = amount - flow.input
    for _ in range(max_steps):
        if left <= COMPLETE * amount:
            return True
        roots = [(root_of(flow.price_of(path)), path) for path in paths]
        level = min(roots)[0]
        moving, waiting = [], []
        opening = False
        for root, path in roots:
            new_inside = len(path) > 2 and not flow.in_use(path)
            # Two ways that open at once could close a circle between them: the second waits until the first is open.
            if root > level * (1 + SAME_LEVEL) or (new_inside and opening):
                waiting.append((root, path))
            elif not new_inside or not flow.closes_circle(path):
                moving.append((root, path))
                opening = opening or new_inside
        if moving:
            left -= _step(flow, moving, waiting, level, left, least_part * left)
        else:
            paths = [path for _, path in waiting]
            if not paths:
                return True
    return left <= COMPLETE * amount


def lower_to_level(flow: Flow, paths: list[Path]) -> None:
    """Take back from the ways in use, piece by piece, what earns less than the best of all ways would earn now."""
    level = min(root_of(flow.price_of(path)) for path in paths if flow.in_use(path) or not flow.closes_circle(path))
    for path in paths:
        for _ in range(MAX_PIECES):
            root = root_of(flow.price_of(path))
            if root <= level * (1 + NO_STEP) or not flow.in_use(path):
                break
            bend, part = flow.bend_of(path), flow.room_back(path) * (1 + NO_STEP) + NO_STEP * flow.inputs[path[0]]
            if bend > 0.0:
                part = min(part, 2 * (1 - level / root) / bend)
            flow.pull(path, min(part, flow.removable(path)))


def _step(
    flow: Flow,
    moving: list[tuple[float, Path]],
    waiting: list[tuple[float, Path]],
    level: float,
    left: float,
    least: float,
) -> float:
    """Move ways that are at one level as far as they go at the same rates; return what they took."""
    for _, path in moving:
        if flow.bend_of(path) == 0.0:
            # A bin: the price stays until it is full.
            part = min(left, max(least, flow.room(path) * (1 + NO_STEP)))
            flow.push(path, part)
            return part
    rates = _rates(flow, moving)
    speeds = flow.speeds(zip((path for _, path in moving), rates, strict=True))
    rise = max(min(flow.curves[number].room(flow.inputs[number]) / speed for number, speed in speeds.items()), 0.0)
    for root, path in waiting:
        own_rise = root / 2 * sum(flow.bends[number] * speeds.get(number, 0.0) for number in path)
        if own_rise < 1.0:
            rise = min(rise, (root - level) / (1 - own_rise))
    total = sum(rates)
    rise = min(max(rise + NO_STEP * level, least / total), left / total)
    for (_, path), rate in zip(moving, rates, strict=True):
        flow.push(path, rate * rise)
    return total * rise


def _rates(flow: Flow, moving: list[tuple[float, Path]]) -> list[float]:
    """Return how much each way takes while the level rises by 1."""
    rates = [2 / (root * flow.bend_of(path)) for root, path in moving]
    numbers = [number for _, path in moving for number in path]
    if len(set(numbers)) < len(numbers):
        # Ways that share pairs raise each other's roots: slow each down by how much too fast its root rises.
        for _ in range(3):
            speeds = flow.speeds(zip((path for _, path in moving), rates, strict=True))
            rates = [
                rate / (root / 2 * sum(flow.bends[number] * speeds[number] for number in path))
                for rate, (root, path) in zip(rates, moving, strict=True)
            ]
    return rates
