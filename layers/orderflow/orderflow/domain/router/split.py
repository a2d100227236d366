"""Splits an input over all pools of a pair, exactly: a pair's curve and an amount in, each pool's atoms out."""

from typing import NamedTuple

from orderflow.domain.router.pair import PairCurve
from orderflow.errors import InsufficientLiquidityError


class Split(NamedTuple):
    """What each pool takes, by its number, and the marginal price at which all of them end."""

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
        price, parts = _without_unprofitable(curve, amount_in, leg_cost, price, parts)
    return Split(price, _in_atoms(curve, parts, amount_in))


def upper_bound(curve: PairCurve, amount_in: float, price: float) -> float:
    """Return a bound on what any split of `amount_in` pays: U = λ·A + Σ max(f(x) − λ·x), for any price λ.

    At the marginal price of the best split, U is what that split pays, which proves that it is the best.
    """
    return price * amount_in + sum(pool.surplus(price) for pool in curve.curves.values())


def _without_unprofitable(
    curve: PairCurve, amount_in: int, leg_cost: float, price: float, parts: list[tuple[int, float]]
) -> tuple[float, list[tuple[int, float]]]:
    """Leave out pools one by one, the one with the least surplus first, while each costs less than `leg_cost`."""
    paid = curve.at(amount_in)[0]
    while len(parts) > 1:
        # A pool adds its surplus at least; only a pool with little of it can be left out.
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
    """Round the parts down, give the atoms left over to the pool with most room, and leave out pools without any."""
    if len(parts) == 1:
        return [(parts[0][0], amount_in)]
    whole = {pool: int(part) for pool, part in parts}
    # A pool of bins that are all full takes no atom more.
    roomiest = max(whole, key=lambda pool: (curve.curves[pool].capacity - whole[pool], whole[pool], -pool))
    whole[roomiest] += amount_in - sum(whole.values())
    if whole[roomiest] < 0:
        # The amount is too small beside these pools: their parts are errors of floats.
        return [(roomiest, amount_in)]
    return [(pool, part) for pool, part in whole.items() if part > 0]
