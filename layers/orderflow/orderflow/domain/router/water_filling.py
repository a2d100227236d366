"""Water filling: paths that end at one marginal price, and no path that offers more. A flow and an amount in, changed.

All is computed in root = 1/√price. The input of a constant-product pool is linear in it, and so is the input of a path
through several, as long as none of its pairs comes to another piece of its curve. Up to there a step is exact.
"""

from orderflow.domain.router.flow import Flow, root_of
from orderflow.domain.router.network import Path

MAX_PIECES = 256
SAME_PRICE = 1e-7
"""Roots that differ by a smaller share than this are equal. Prices differ by twice the share: a thousandth of a bp."""
NO_STEP = 1e-10
COMPLETE = 1e-10
"""When a smaller share of the amount than this is missing, that is rounding and nothing else."""


def water_fill(flow: Flow, paths: list[Path], amount: float, max_steps: int, *, least_part: float = 0.0) -> bool:
    """Add input to the paths that pay most, until `amount` has entered; return False when the steps run out.

    A step ends where a pair comes to another piece of its curve, or where another path pays as much. What the paths
    take in a step is exact, unless they share pairs; then it is close. With `least_part`, a step takes at least that
    share of what is missing, wherever it leads: this is quick, but a path may take too much.
    """
    left = amount - flow.input
    for _ in range(max_steps):
        if left <= COMPLETE * amount:
            return True
        roots = [(root_of(flow.price_of(path)), path) for path in paths]
        least_root = min(roots)[0]
        moving, waiting = [], []
        opening = False
        for root, path in roots:
            new_inside = len(path) > 2 and not flow.in_use(path)
            # Two paths that open at once could close a cycle between them: the second waits until the first is open.
            if root > least_root * (1 + SAME_PRICE) or (new_inside and opening):
                waiting.append((root, path))
            elif not new_inside or not flow.closes_cycle(path):
                moving.append((root, path))
                opening = opening or new_inside
        if moving:
            left -= _step(flow, moving, waiting, least_root, left, least_part * left)
        else:
            paths = [path for _, path in waiting]
            if not paths:
                return True
    return left <= COMPLETE * amount


def withdraw_excess(flow: Flow, paths: list[Path]) -> None:
    """Take input back, piece by piece, from each path where it earns less than the best path would pay for it now."""
    least_root = min(root_of(flow.price_of(path)) for path in paths if flow.in_use(path) or not flow.closes_cycle(path))
    for path in paths:
        for _ in range(MAX_PIECES):
            root = root_of(flow.price_of(path))
            if root <= least_root * (1 + NO_STEP) or not flow.in_use(path):
                break
            slope, part = flow.slope_of(path), flow.room_back(path) * (1 + NO_STEP) + NO_STEP * flow.inputs[path[0]]
            if slope > 0.0:
                part = min(part, 2 * (1 - least_root / root) / slope)
            flow.pull(path, min(part, flow.removable(path)))


def _step(
    flow: Flow,
    moving: list[tuple[float, Path]],
    waiting: list[tuple[float, Path]],
    least_root: float,
    left: float,
    least: float,
) -> float:
    """Add input to paths that pay the same, as far as one step goes; return how much."""
    for _, path in moving:
        if flow.slope_of(path) == 0.0:
            # A bin: the price stays until it is full.
            part = min(left, max(least, flow.room(path) * (1 + NO_STEP)))
            flow.push(path, part)
            return part
    rates = _rates(flow, moving)
    speeds = flow.speeds(zip((path for _, path in moving), rates, strict=True))
    rise = max(min(flow.curves[number].room(flow.inputs[number]) / speed for number, speed in speeds.items()), 0.0)
    for root, path in waiting:
        own_rise = root / 2 * sum(flow.slopes[number] * speeds.get(number, 0.0) for number in path)
        if own_rise < 1.0:
            rise = min(rise, (root - least_root) / (1 - own_rise))
    total = sum(rates)
    rise = min(max(rise + NO_STEP * least_root, least / total), left / total)
    for (_, path), rate in zip(moving, rates, strict=True):
        flow.push(path, rate * rise)
    return total * rise


def _rates(flow: Flow, moving: list[tuple[float, Path]]) -> list[float]:
    """Return how much input each path takes while its root rises by 1."""
    rates = [2 / (root * flow.slope_of(path)) for root, path in moving]
    numbers = [number for _, path in moving for number in path]
    if len(set(numbers)) < len(numbers):
        # Paths that share pairs raise each other's roots: each is slowed down by the factor its root rises too fast.
        for _ in range(3):
            speeds = flow.speeds(zip((path for _, path in moving), rates, strict=True))
            rates = [
                rate / (root / 2 * sum(flow.slopes[number] * speeds[number] for number in path))
                for rate, (root, path) in zip(rates, moving, strict=True)
            ]
    return rates
