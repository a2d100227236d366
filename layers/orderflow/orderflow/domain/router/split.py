"""Splits an input over all pools of a pair, exactly: a pair's curve and an amount in, every pool's atoms out."""

from typing import NamedTuple

from orderflow.domain.router.pair import PairCurve
from orderflow.errors import InsufficientLiquidityError


class Split(NamedTuple):
    """What each pool takes, by its number, and the marginal price that all of them have come to."""

    price: float
    parts: list[tuple[int, int]]


def split(curve: PairCurve, amount_in: int, leg_cost: float = 0.0) -> Split:
    """Return the split of `amount_in` atoms that pays most, in atoms that sum to it exactly.

    A pool that pays less than `leg_cost` atoms more than the others would without it is left out. Raises
    InsufficientLiquidityError when all pools together can't take the amount.
    """
    if amount_in > curve.capacity:
        raise InsufficientLiquidityError(f"all pools of the pair together take {int(curve.capacity)} atoms")
    price, parts = curve.parts(amount_in)
    if len(parts) > 1:
        price, parts = _without_dust(curve, amount_in, leg_cost, price, parts)
    return Split(price, _in_atoms(curve, parts, amount_in))


def upper_bound(curve: PairCurve, amount_in: float, price: float) -> float:
    """Return a bound on what any split of `amount_in` pays: U = λ·A + Σ max(f(x) − λ·x), for any price λ.

    At the marginal price of the best split it is what that split pays, which proves it the best.
    """
    return price * amount_in + sum(pool.surplus(price) for pool in curve.curves.values())


def _without_dust(
    curve: PairCurve, amount_in: int, leg_cost: float, price: float, parts: list[tuple[int, float]]
) -> tuple[float, list[tuple[int, float]]]:
    """Leave out pools one by one, the one that seems to matter least first, while that costs less than `leg_cost`."""
    paid = curve.at(amount_in)[0]
    while len(parts) > 1:
        # A pool's surplus is the least that it adds; only one with little of that can be dust.
        surpluses = [(surplus, pool) for pool, _ in parts if (surplus := curve.curves[pool].surplus(price)) < leg_cost]
        for _, pool in sorted(surpluses):
            others = curve.without(pool)
            if amount_in <= others.capacity and paid - others.at(amount_in)[0] < leg_cost:
                curve, paid = others, others.at(amount_in)[0]
                price, parts = curve.parts(amount_in)
                break
        else:
            break
    return price, parts


def _in_atoms(curve: PairCurve, parts: list[tuple[int, float]], amount_in: int) -> list[tuple[int, int]]:
    """Round down, give the atoms left to the pool with most room for them, and leave out pools that take none."""
    if len(parts) == 1:
        return [(parts[0][0], amount_in)]
    whole = {pool: int(part) for pool, part in parts}
    # A pool of bins that are all full takes no atom more.
    roomiest = max(whole, key=lambda pool: (curve.curves[pool].capacity - whole[pool], whole[pool], -pool))
    whole[roomiest] += amount_in - sum(whole.values())
    if whole[roomiest] < 0:
        # The amount is nothing to pools of this size: their parts are errors of floats.
        return [(roomiest, amount_in)]
    return [(pool, part) for pool, part in whole.items() if part > 0]
