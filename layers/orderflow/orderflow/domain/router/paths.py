"""Single paths, one pool for each hop, and the best plan so far, which every other plan is compared with.

The value of a plan is what it pays, less what its legs cost. Plans are compared in the integers that venues would pay.
Curves only say which paths need not be tried, for no venue pays more than its curve (decision 0070).
"""

from collections.abc import Sequence
from math import floor
from typing import Self

from orderflow.domain.router.execute import check_held
from orderflow.domain.router.network import Network, Pair
from orderflow.domain.router.swapper import PoolSwap, Swapper
from orderflow.errors import NoRouteError, RejectedError

LEAST_HOPS = 2
_FLOAT_MARGIN = 1 + 1e-12


class BestPlan:
    """The best of the plans that were offered; each leg costs `leg_cost` atoms of what is paid out.

    Of equally good plans the one with fewer legs is kept, then the one that was offered first. The `known` plans are
    offered first of all, and a plan that pays less than one of them is not accepted. All swaps are run by `swapper`.
    """

    __slots__ = ("_least_out", "_needed", "_refusal", "leg_cost", "paid", "swapper", "swaps")

    def __init__(self, leg_cost: float, swapper: Swapper, known: Sequence["BestPlan"] = ()) -> None:
        self.leg_cost = leg_cost
        self.swapper = swapper
        self.paid = 0
        self.swaps: Sequence[PoolSwap] = ()
        self._least_out = max((plan.paid for plan in known), default=0)
        self._needed: dict[int, int] = {}
        self._refusal: RejectedError | None = None
        for plan in known:
            self.offer(plan.swaps, plan.paid)

    def can_reach(self, bound: float, legs: int) -> bool:
        """Whether a single path of so many legs that pays no more than `bound` may be better."""
        needed = self._needed.get(legs)
        if needed is None:
            needed = self._needed[legs] = self._least(legs)
        return bound * _FLOAT_MARGIN >= needed

    def offer(self, swaps: Sequence[PoolSwap], paid: int) -> None:
        """Keep a plan if it is better."""
        if paid >= self._least(len(swaps)):
            self.swaps, self.paid = swaps, paid
            self._needed = {}

    def _least(self, legs: int) -> int:
        """Return the least output that makes a plan of so many legs better, exactly."""
        if not self.swaps:
            return self._least_out
        more_cost = self.leg_cost * (legs - len(self.swaps))
        whole = floor(more_cost)
        equal_is_enough = legs < len(self.swaps) and whole == more_cost
        return max(self.paid + whole + (0 if equal_is_enough else 1), self._least_out)

    def refuse(self, refusal: RejectedError) -> None:
        """Note why a plan can't be executed; if there is no plan in the end, the first reason counts."""
        self._refusal = self._refusal or refusal

    def checked(self) -> Self:
        """Return this when there is a plan; raise the first refusal when none was accepted."""
        if not self.swaps:
            raise self._refusal or NoRouteError("no pool takes the amount")
        return self


def offer_path(best: BestPlan, path: Sequence[Pair], amount_in: int) -> None:
    """Offer the best of the single paths over these pairs."""
    _extend(best, path, [], amount_in)


def offer_paths(best: BestPlan, network: Network, amount_in: int) -> None:
    """Offer the best of all single paths of several hops; try only those that may be better than the best plan."""
    for price, path in network.hops_by_price:
        most = price * amount_in
        if not best.can_reach(most, LEAST_HOPS):
            break
        if best.can_reach(most, len(path)):
            pairs = [network.pairs[number] for number in path]
            if best.can_reach(_most_at_end(pairs, amount_in), len(path)):
                _extend(best, pairs, [], amount_in)


def _extend(best: BestPlan, path: Sequence[Pair], done: list[PoolSwap], amount: int) -> None:
    """Offer the single paths that begin with the swaps `done` and go on with `amount` atoms, the best pools first."""
    pair, rest = path[len(done)], path[len(done) + 1 :]
    outs = sorted([(-curve.out(amount), number) for number, curve in enumerate(pair.curves)])
    for place, (most, number) in enumerate(outs):
        # A pool that pays less here does not pay more at the end. Of the first, the caller knows that it may.
        if place and not best.can_reach(_most_at_end(rest, -most), len(path)):
            break
        try:
            swapped = best.swapper.run(pair.pools[number], pair.token_in, amount)
            paid = swapped[2].amount_out
            check_held(paid, pair.token_out)
        except RejectedError as refusal:
            best.refuse(refusal)
            continue
        swaps = [*done, swapped]
        if rest:
            _extend(best, path, swaps, paid)
        else:
            best.offer(swaps, paid)


def _most_at_end(path: Sequence[Pair], amount: float) -> float:
    """Return a bound on what single paths over these pairs make of an amount."""
    for pair in path:
        amount = pair.most_alone(amount)
    return amount
