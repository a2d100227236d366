"""Units of limits that a process has spent in Redis ahead of the requests that will cost them.

A trip for each request of a busy account would be a tenth of what its gateway does, and a wait before each order. So
a trip takes some more along: as many as were asked for here in the last KEEP_S, and no more than `most_ahead` says.
They are spent, so no two processes let the same units pass; what is not asked for in time is given up, and was back
by then. A process that is asked little takes little along, and small limits are kept to the unit.
"""

import time
from collections.abc import Sequence
from functools import lru_cache

from orderflow.domain.access import Cost, Left, LimitName, Rate

KEEP_S = 0.1
SHARE, MOST_UNITS = 100, 100
"""So many parts of a burst, and units at most, are taken along."""
MOST_STOCKS = 10_000


@lru_cache(4096)
def most_ahead(rate: Rate) -> int:
    """Return how many units of a limit may be spent ahead: a hundredth of the burst, and what comes back in KEEP_S.

    That is nothing for a burst below 200, and for what comes back slowly, which would be given up for long.
    """
    most = min(rate.burst // SHARE, MOST_UNITS, int(rate.per_second * KEEP_S))
    return most if most > 1 else 0


class _Stock:
    """The units of one limit of an account, as Redis had it last, and how many are asked for in a while of KEEP_S."""

    def __init__(self, now: float) -> None:
        self.units, self.good_until = 0, 0.0
        self.elsewhere, self.whole_in_ms = 0, 0
        self.is_asking, self.none_until = False, 0.0
        self._asked, self._before, self._since = 0, 0, now

    def has(self, units: int, now: float) -> bool:
        return units <= self.units and now < self.good_until

    def note(self, units: int, now: float) -> None:
        if now - self._since >= KEEP_S:
            self._before = self._asked if now - self._since < 2 * KEEP_S else 0
            self._asked, self._since = 0, now
        self._asked += units

    def ahead(self, rate: Rate, now: float) -> int:
        if self.is_asking or now < self.none_until:
            return 0
        here = self.units if now < self.good_until else 0
        return max(min(most_ahead(rate), self._before) - here, 0)


class Prepaid:
    """The stocks of all accounts."""

    def __init__(self) -> None:
        self._stocks: dict[tuple[str, LimitName, Rate], _Stock] = {}

    def has(self, account: str, costs: Sequence[Cost]) -> bool:
        """Return whether a call can be paid for from here."""
        now = time.monotonic()
        stocks = [self._stocks.get((account, cost.limit, cost.rate)) for cost in costs]
        return all(stock is not None and stock.has(cost.units, now) for stock, cost in zip(stocks, costs, strict=True))

    def take(self, account: str, costs: Sequence[Cost]) -> list[Left] | None:
        """Pay for a call, and return what is left then; None, with nothing paid, where there is too little here."""
        now = time.monotonic()
        stocks = self._all_of(account, costs, now)
        for stock, cost in zip(stocks, costs, strict=False):
            stock.note(cost.units, now)
        is_paid = stocks and all(stock.has(cost.units, now) for stock, cost in zip(stocks, costs, strict=True))
        if not is_paid:
            return None
        for stock, cost in zip(stocks, costs, strict=True):
            stock.units -= cost.units
        return [
            Left(cost.limit, cost.rate, stock.elsewhere + stock.units, stock.whole_in_ms)
            for stock, cost in zip(stocks, costs, strict=True)
        ]

    def ahead(self, account: str, costs: Sequence[Cost]) -> list[int]:
        """Return how many units more of each limit are to be spent with a call; `done` or `put` has to follow.

        None are where another limit that the call costs has no units here ever: such calls could not be paid from here.
        """
        now = time.monotonic()
        stocks = self._all_of(account, costs, now)
        more = [stock.ahead(cost.rate, now) for stock, cost in zip(stocks, costs, strict=False)]
        for stock, units in zip(stocks, more, strict=True):
            stock.is_asking = stock.is_asking or bool(units)
        return more or [0] * len(costs)

    def put(self, account: str, more: Sequence[int], left: Sequence[Left]) -> list[Left]:
        """Keep the units that were spent with a call, and return what is left with these."""
        now = time.monotonic()
        with_these = []
        for units, each in zip(more, left, strict=True):
            stock = self._stocks.get((account, each.limit, each.rate))
            if stock is None:
                with_these.append(each)
                continue
            kept = stock.units if now < stock.good_until else 0
            if units:
                stock.units, stock.good_until, stock.is_asking = kept + units, now + KEEP_S, False
            stock.elsewhere, stock.whole_in_ms = each.units, each.whole_in_ms
            with_these.append(each._replace(units=each.units + kept + units))
        return with_these

    def done(self, account: str, costs: Sequence[Cost], more: Sequence[int]) -> None:
        """Note that what was to be spent with a call was not, and that there is none for a while."""
        now = time.monotonic()
        for cost, units in zip(costs, more, strict=True):
            stock = self._stocks.get((account, cost.limit, cost.rate))
            if units and stock is not None:
                stock.is_asking, stock.none_until = False, now + KEEP_S

    def _all_of(self, account: str, costs: Sequence[Cost], now: float) -> list[_Stock]:
        """Return the stock of each limit that a call costs; none where one has none, for then it can't be paid here."""
        stocks = [stock for cost in costs if (stock := self._of(account, cost, now))]
        return stocks if len(stocks) == len(costs) else []

    def _of(self, account: str, cost: Cost, now: float) -> _Stock | None:
        if not most_ahead(cost.rate):
            return None
        key = (account, cost.limit, cost.rate)
        stock = self._stocks.get(key)
        if stock is None:
            if len(self._stocks) >= MOST_STOCKS:
                self._stocks.clear()
            stock = self._stocks[key] = _Stock(now)
        return stock
