"""Rebalances a flow: moves input from the path in use that earns least at its end to the path that offers most.

Only moves that gain are made, so the flow never gets worse.
"""

from orderflow.domain.router.dual_bound import bound_at, token_values
from orderflow.domain.router.flow import Flow
from orderflow.domain.router.network import Path

MAX_MOVES = 48
MAX_TRIALS = 6
PROOF = 1e-6
"""A flow that a bound proves to be this near to the best, a hundredth of a bp, is good enough."""
LEAST_GAIN = 1e-8
LEAST_GAP = 1e-8


def rebalance(flow: Flow, paths: list[Path], amount: float) -> None:
    """Move input between `paths` until the flow is proved good enough, or no move gains any more."""
    least = LEAST_GAIN * flow.output
    # The path to and the path from, where a move gained nothing, with the gap between their prices at that time.
    spent: dict[tuple[Path, Path], float] = {}
    for number in range(MAX_MOVES):
        choice = _widest_gap(flow, paths, spent)
        # Where all prices are nearly equal, little is left to gain; else a bound may prove that it is.
        if choice is None or choice[0] <= PROOF or (number % 8 == 0 and is_proved(flow, amount)):
            return
        gap, best, worst = choice
        if not _try_move(flow, worst, best, least):
            spent[best, worst] = gap


def is_proved(flow: Flow, amount: float) -> bool:
    """Whether a bound at the flow's own prices proves that almost nothing is left to gain."""
    enough = flow.output * (1 + PROOF)
    return any(bound_at(flow.network, amount, token_values(flow, at_cost=choice)) <= enough for choice in (False, True))


def _widest_gap(
    flow: Flow, paths: list[Path], spent: dict[tuple[Path, Path], float]
) -> tuple[float, Path, Path] | None:
    """Return the gap in price between the best path and the worst in use, or the next two that may still gain."""
    ends = sorted(((flow.price_of(path), path) for path in paths), reverse=True)
    used = sorted((flow.last_price_of(path), path) for path in paths if flow.in_use(path))
    for best_price, best in ends:
        for worst_price, worst in used:
            if best_price <= worst_price * (1 + LEAST_GAP):
                break
            gap = best_price / worst_price - 1
            if gap > 1.5 * spent.get((best, worst), 0.0) and (flow.in_use(best) or not flow.closes_cycle(best)):
                return gap, best, worst
    return None


def _try_move(flow: Flow, worst: Path, best: Path, least: float) -> bool:
    """Move as much from one path to another as makes their prices equal; False when that gains less than `least`.

    The first step is Newton's, by the slopes of the prices. Bins make prices jump: where a step goes too far, the next
    is shorter, in proportion to how far the prices have crossed.
    """
    shared = frozenset(worst).intersection(best)
    low, high = flow.last_price_of(worst), flow.price_of(best)
    gap = high - low
    fall = low * flow.slope_of(worst, shared) + high * flow.slope_of(best, shared)
    step = limit = flow.removable(worst)
    if fall * limit > gap:
        step = gap / fall
    saved = flow.save(frozenset(worst).union(best))
    for trial in range(1, MAX_TRIALS + 1):
        lost = flow.pull(worst, step)
        gain = flow.push(best, step) - lost
        rest = flow.price_of(best) - flow.price_of(worst)
        if gain > least and (rest > -0.5 * gap or trial == MAX_TRIALS):
            return True
        flow.restore(saved)
        if rest >= 0.0:
            return False
        step *= max(gap / (gap - rest), 0.1)
    return False
