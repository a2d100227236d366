"""Runs the swaps of a launch's pool again: its opening, the trades of others and our fills in, what does not fit out.

The record has a fill's slot, not its place there. But a pool pays an amount out exactly at one state of it, so the fill
that comes next is the one whose swap pays, to the atom, what was recorded. If none does, then what is recorded is not
what the pool did: a price is wrong, something was executed that is not recorded, or the other way round.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from orderflow.domain.pools import Pool
from orderflow.domain.pools.swap import swap
from orderflow.errors import RejectedError


class Fill(NamedTuple):
    """What an order paid into the pool in a slot, and what it received, in atoms."""

    slot: int
    amount_in: int
    amount_out: int


@dataclass(frozen=True, slots=True)
class Replay:
    """The pool after all that fitted, and the fills that did not: those of the first slot at fault, and all later."""

    pool: Pool
    unexplained: tuple[Fill, ...]


def run_again(
    opening: Pool, token_in: str, fills: Iterable[Fill], others: Callable[[int, Pool], Pool], slots: range
) -> Replay:
    """Run a pool from its opening through `slots`: in each first what `others` do, then the fills that were recorded.

    A fill of a slot that is not among these is unexplained.
    """
    by_slot: dict[int, list[Fill]] = {}
    for fill in fills:
        by_slot.setdefault(fill.slot, []).append(fill)
    pool = opening
    for slot in slots:
        pool, left = _run_slot(others(slot, pool), token_in, by_slot.get(slot, ()))
        if left:
            return Replay(pool, (*left, *_later(by_slot, slot)))
        by_slot.pop(slot, None)
    return Replay(pool, tuple(_later(by_slot, -1)))


def _run_slot(pool: Pool, token_in: str, fills: Sequence[Fill]) -> tuple[Pool, Sequence[Fill]]:
    """Run the fills of a slot, each when the pool pays what it received; return the pool, and those never paid."""
    left = list(fills)
    while left:
        for place, fill in enumerate(left):
            if (after := _if_paid(pool, token_in, fill)) is not None:
                pool = after
                del left[place]
                break
        else:
            break
    return pool, left


def _if_paid(pool: Pool, token_in: str, fill: Fill) -> Pool | None:
    """Return the pool after a fill, or None where it would pay another amount for it."""
    try:
        result, after = swap(pool, token_in, fill.amount_in, now_s=0)
    except RejectedError:
        return None
    return after if result.amount_out == fill.amount_out else None


def _later(by_slot: dict[int, list[Fill]], slot: int) -> Iterable[Fill]:
    return (fill for at, fills in sorted(by_slot.items()) if at > slot for fill in fills)
