"""The limits of accounts, counted in Redis for all gateways: what a call costs in, what is left of each limit out."""

import time
from collections.abc import Sequence
from functools import lru_cache
from math import ceil
from typing import NamedTuple

from redis.asyncio import Redis, RedisCluster

from orderflow.adapters import scripts
from orderflow.adapters.call_batcher import CallBatcher
from orderflow.adapters.keys import SHARED, key
from orderflow.adapters.prepaid import Prepaid
from orderflow.domain.access import Cost, Left, LimitName, Rate

MOST_EMPTY = 10_000
"""Of so many limits a process remembers that nothing is left, before it forgets them all."""


class Meter(NamedTuple):
    """A rate as it is counted: how many µs a unit takes to come back, and the whole burst."""

    unit_us: int
    whole_us: int


class Refused(NamedTuple):
    """Why nothing was spent: of `left` there is too little; the same call may pass in `retry_after_ms`."""

    left: Left
    retry_after_ms: int


class _Call(NamedTuple):
    account: str
    costs: Sequence[Cost]


@lru_cache(4096)
def meter(rate: Rate) -> Meter:
    """Return how a rate is counted, in whole µs, rounded so that never more comes back than the rate says."""
    unit_us = max(1, ceil(round(1_000_000 / rate.per_second, 3)))
    return Meter(unit_us, unit_us * rate.burst)


class RateLimits:
    """Where calls are counted. Concurrent ones share a trip; `now_us` replaces Redis' clock, in tests."""

    def __init__(self, client: Redis | RedisCluster, now_us: int | None = None) -> None:
        self.now_us = now_us
        self._spend = client.register_script(scripts.source("limit"))
        self._batcher = CallBatcher(self._spend_all, "limits of accounts")
        self._prepaid = Prepaid()
        self._empty_until: dict[tuple[str, LimitName, Rate], float] = {}

    async def spend(self, account: str, costs: Sequence[Cost]) -> list[Left] | Refused:
        """Spend all that a call costs, each limit named once, or nothing, and return what is left then.

        A cost above a rate's burst is refused for ever. Raises OverloadedError when too many wait to be counted, and
        redis' errors.
        """
        if prepaid := self._prepaid.take(account, costs):
            return prepaid
        if known := self.refused_already(account, costs):
            return known
        more, started = self._prepaid.ahead(account, costs), time.monotonic()
        outcome = await self._spend_with(account, costs, more)
        if isinstance(outcome, Refused) and any(more):
            started = time.monotonic()
            outcome = await self._spend_with(account, costs, [0] * len(costs))
        if isinstance(outcome, Refused) and not outcome.left.units and self.now_us is None:
            self._note_empty(account, outcome, costs, started)
        return outcome

    async def _spend_with(self, account: str, costs: Sequence[Cost], more: Sequence[int]) -> list[Left] | Refused:
        """Spend what a call costs and `more` units of each limit, for the calls that follow."""
        whole = [cost._replace(units=cost.units + units) for cost, units in zip(costs, more, strict=True)]
        outcome: list[Left] | Refused | None = None
        try:
            outcome = await self._batcher.add(_Call(account, whole))
        finally:
            if not isinstance(outcome, list):
                self._prepaid.done(account, costs, more)
        return self._prepaid.put(account, more, outcome) if isinstance(outcome, list) else outcome

    def refused_already(self, account: str, costs: Sequence[Cost]) -> Refused | None:
        """Return why a call can't pass if this process knows it without asking, which costs next to nothing.

        A limit that is empty stays so until its next unit comes back. With another rate, which another key of the
        account may have, it need not be.
        """
        if self._empty_until and self._prepaid.has(account, costs):
            return None
        for cost in costs:
            until = self._empty_until.get((account, cost.limit, cost.rate))
            if until is None:
                continue
            wait_us = (until - time.monotonic()) * 1_000_000
            if wait_us > 0:
                unit_us, whole_us = meter(cost.rate)
                left = Left(cost.limit, cost.rate, 0, _ms(whole_us - unit_us + wait_us))
                return Refused(left, _ms(wait_us + (cost.units - 1) * unit_us))
            del self._empty_until[account, cost.limit, cost.rate]
        return None

    def _note_empty(self, account: str, refused: Refused, costs: Sequence[Cost], started: float) -> None:
        units = next(cost.units for cost in costs if cost.limit == refused.left.limit)
        wait_ms = refused.retry_after_ms - (units - 1) * meter(refused.left.rate).unit_us / 1000
        if len(self._empty_until) >= MOST_EMPTY:
            self._empty_until.clear()
        # A ms less, since it was rounded up.
        self._empty_until[account, refused.left.limit, refused.left.rate] = started + (wait_ms - 1) / 1000

    async def _spend_all(self, calls: Sequence[_Call]) -> list[list[Left] | Refused]:
        keys: list[str] = []
        arguments: list[str | int] = ["" if self.now_us is None else self.now_us]
        for account, costs in calls:
            arguments.append(len(costs))
            for limit, rate, units in costs:
                unit_us, whole_us = meter(rate)
                keys.append(key(SHARED, f"limit:{limit}:{account}"))
                arguments += [units * unit_us, whole_us]
        outcome = iter(await self._spend(keys, arguments))
        return [_outcome(bool(next(outcome)), [(cost, next(outcome)) for cost in call.costs]) for call in calls]


def _outcome(spent: bool, found: Sequence[tuple[Cost, int]]) -> list[Left] | Refused:
    left = [_left(cost, left_us) for cost, left_us in found]
    if spent:
        return left
    waits = [cost.units * meter(cost.rate).unit_us - left_us for cost, left_us in found]
    longest = max(range(len(waits)), key=waits.__getitem__)
    return Refused(left[longest], _ms(waits[longest]))


def _left(cost: Cost, left_us: int) -> Left:
    unit_us, whole_us = meter(cost.rate)
    return Left(cost.limit, cost.rate, max(0, left_us // unit_us), _ms(whole_us - left_us))


def _ms(us: float) -> int:
    return ceil(us / 1000)
