"""Counts requests against the limits of their accounts: what a request costs in, what is left in its answer's headers.

Most costs are known before a request is served. What depends on its body is spent by its endpoint, with `spend`, before
that does anything.
"""

import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from functools import lru_cache
from http import HTTPStatus
from math import ceil
from typing import Any, NamedTuple

from fastapi import Request
from redis import RedisError
from starlette.types import Scope, Send

from orderflow.adapters.rate_limits import RateLimits, Refused
from orderflow.domain.access import Caller, Cost, Left, LimitName, Rate
from orderflow.errors import OrderflowError, OverloadedError
from orderflow.runtime import async_clients
from orderflow.runtime.http.problems import ProblemError
from orderflow.runtime.refusals import Refusals

PAUSE_S = 1.0
"""After Redis did not count a request, so long none is counted, lest each one waits for it in vain."""
_KEY = "spending"
_refused = Refusals("limits", "too many requests")
_uncounted = Refusals("limits", "not counted")


class Charge(NamedTuple):
    """What a request costs: `units` of a limit. With `in_body` its endpoint spends what the body says.

    One that is refused before its endpoint knows costs the units that are here.
    """

    limit: LimitName
    units: int = 1
    in_body: bool = False


ONE_READ = Charge("reads")
Charges = Callable[[Scope], Charge]


class Counting:
    """Where this loop's requests are counted, but for a pause after that has failed: then they are served uncounted."""

    def __init__(self) -> None:
        self._again_at = 0.0

    def refused_already(self, account: str, costs: Sequence[Cost]) -> Refused | None:
        """Return why a request can't pass if that is known without counting it."""
        limits = self._limits()
        return None if limits is None else limits.refused_already(account, costs)

    async def spend(self, account: str, costs: Sequence[Cost]) -> list[Left] | Refused:
        """Spend what a request costs; nothing is known to be left when that can't be counted.

        Raises OverloadedError when more requests wait to be counted than can be.
        """
        try:
            limits = self._limits()
            return [] if limits is None else await limits.spend(account, costs)
        except OverloadedError:
            raise
        except (OrderflowError, RedisError, OSError) as error:
            # An account that is let past its limits does less harm than every account refused. What is asked for
            # needs the same Redis in most cases, and is answered by what becomes of that.
            self._again_at = time.monotonic() + PAUSE_S
            _uncounted.note("unavailable", str(error) or type(error).__name__)
            return []

    def _limits(self) -> RateLimits | None:
        return None if time.monotonic() < self._again_at else async_clients.rate_limits()


counting = async_clients.once_per_loop(Counting)


class Spending:
    """What one request spends of its account's limits, and what its answer says about that."""

    def __init__(self, caller: Caller, charge: Charge) -> None:
        self._caller = caller
        self._charge = charge
        self._is_spent = False
        self._left: dict[LimitName, Left] = {}
        self._retry_after_s: int | None = None

    async def begin(self) -> None:
        """Spend what is known before the request is served. Raises ProblemError when there is too little left."""
        if not self._charge.in_body:
            await self.spend({self._charge.limit: self._charge.units})
        elif refused := counting().refused_already(self._caller.account, self._first_costs()):
            raise self._refusal(refused)  # rather than read its body in vain

    async def spend(self, units: Mapping[LimitName, int]) -> None:
        """Spend so many units of limits, all or none. Raises ProblemError when there is too little left of one."""
        costs = self._costs(units)
        for cost in costs:
            if cost.units > cost.rate.burst:
                raise _never(cost)
        self._is_spent = True
        outcome = await counting().spend(self._caller.account, costs)
        if isinstance(outcome, Refused):
            raise self._refusal(outcome)
        self._left |= {left.limit: left for left in outcome}

    def answering(self, send: Send) -> Send:
        """Return `send` with the headers of the limits, for the answer of the request."""

        async def with_headers(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                await self._spend_the_least()
                message["headers"] = [*message.get("headers", ()), *self.headers()]
            await send(message)

        return with_headers

    def headers(self) -> list[tuple[bytes, bytes]]:
        """Return the headers of an answer (draft-ietf-httpapi-ratelimit-headers-11).

        The effective window is until all is back; with Retry-After, which must not be before its end, until then.
        """
        left = self._left.values()
        limits = self._caller.limits
        if limits is None:
            return []
        policies = [_policy(each.limit, each.rate) for each in left]
        if not left:
            return [(b"ratelimit-policy", _policy(self._charge.limit, getattr(limits, self._charge.limit)))]
        return [(b"ratelimit-policy", b", ".join(policies)), (b"ratelimit", b", ".join(map(self._state, left)))]

    def _state(self, left: Left) -> bytes:
        window_s = ceil(left.whole_in_ms / 1000) if self._retry_after_s is None else self._retry_after_s
        return b'"%b";r=%d;t=%d' % (left.limit.encode(), left.units, window_s)

    async def _spend_the_least(self) -> None:
        """Spend the least that a request costs that was refused for what its body is, before it was counted."""
        if self._is_spent or self._retry_after_s is not None:
            return
        self._is_spent = True
        costs = [cost._replace(units=min(cost.units, cost.rate.burst)) for cost in self._first_costs()]
        try:
            outcome = await counting().spend(self._caller.account, costs)
        except OverloadedError:
            return
        left = [outcome.left] if isinstance(outcome, Refused) else outcome
        self._left = {each.limit: each for each in left}

    def _first_costs(self) -> list[Cost]:
        return self._costs({self._charge.limit: self._charge.units})

    def _costs(self, units: Mapping[LimitName, int]) -> list[Cost]:
        limits = self._caller.limits
        return [Cost(name, getattr(limits, name), count) for name, count in units.items() if count]

    def _refusal(self, refused: Refused) -> ProblemError:
        left = refused.left
        self._left, self._retry_after_s = {left.limit: left}, ceil(refused.retry_after_ms / 1000)
        _refused.note(left.limit, self._caller.account)
        return ProblemError(
            HTTPStatus.TOO_MANY_REQUESTS,
            f"this account's limit of {left.limit} is used up; try again in {refused.retry_after_ms} ms",
            headers={"retry-after": str(self._retry_after_s)},
            limit=left.limit,
            retry_after_ms=refused.retry_after_ms,
        )


def begin_spending(scope: Scope, caller: Caller, charge: Charge) -> Spending:
    """Return what a request spends, for `spend` to find."""
    spending = scope[_KEY] = Spending(caller, charge)
    return spending


async def spend(request: Request, units: Mapping[LimitName, int]) -> None:
    """Spend what a request's body says that it costs: units by limit, all or none, before anything else is done.

    Without limits that is nothing. Raises ProblemError when there is too little left, or can never be enough.
    """
    spending: Spending | None = request.scope.get(_KEY)
    if spending is not None:
        await spending.spend(units)


def _never(cost: Cost) -> ProblemError:
    detail = (
        f"this request costs {cost.units} of {cost.limit}, of which this account can spend {cost.rate.burst} at once"
    )
    return ProblemError(HTTPStatus.BAD_REQUEST, detail, limit=cost.limit)


@lru_cache(4096)
def _policy(limit: str, rate: Rate) -> bytes:
    return b'"%b";q=%d;w=%d' % (limit.encode(), rate.burst, max(1, ceil(round(rate.burst / rate.per_second, 6))))
