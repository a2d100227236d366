"""Units that are spent ahead: how many, for how long, and what is said to be left."""

import pytest

from orderflow.adapters import prepaid
from orderflow.adapters.prepaid import KEEP_S, Prepaid, most_ahead
from orderflow.domain.access import Cost, Left, Limits, Rate

LARGE = Rate(500, 1_000)
SMALL = Rate(50, 100)


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(prepaid, "time", clock)
    return clock


def cost(units: int = 1, rate: Rate = LARGE) -> Cost:
    return Cost("orders", rate, units)


def after_asking(clock: Clock, times: int) -> Prepaid:
    """Return the stocks of a process that was asked so often in the while that is just over."""
    stocks = Prepaid()
    for _ in range(times):
        assert stocks.take("a", [cost()]) is None
    clock.now += KEEP_S
    assert stocks.take("a", [cost()]) is None
    return stocks


@pytest.mark.parametrize(
    ("rate", "most"),
    [(LARGE, 10), (Rate(1_000_000, 2_000_000), 100), (SMALL, 0), (Rate(20, 10_000), 2), (Rate(2, 10_000), 0)],
)
def test_so_much_is_spent_ahead_that_comes_back_soon_and_nothing_of_what_is_small(rate: Rate, most: int) -> None:
    assert most_ahead(rate) == most


def test_of_the_usual_limits_nothing_is_spent_ahead() -> None:
    usual = Limits()
    named = Rate(usual.named_orders_a_day / 86_400, usual.named_orders_a_day)
    assert [most_ahead(rate) for rate in (usual.orders, usual.changes, usual.reads, named)] == [0, 2, 0, 0]


@pytest.mark.parametrize(("asked", "ahead"), [(1, 1), (7, 7), (50, 10)])
def test_a_process_spends_as_much_ahead_as_it_was_asked_for(clock: Clock, asked: int, ahead: int) -> None:
    assert after_asking(clock, asked).ahead("a", [cost()]) == [ahead]


def test_a_process_that_was_not_asked_for_a_while_spends_nothing_ahead(clock: Clock) -> None:
    stocks = after_asking(clock, 5)
    clock.now += 2 * KEEP_S
    stocks.take("a", [cost()])

    assert stocks.ahead("a", [cost()]) == [0]


def test_what_was_spent_ahead_pays_for_as_many_calls_and_is_said_to_be_left(clock: Clock) -> None:
    stocks = after_asking(clock, 3)
    more = stocks.ahead("a", [cost()])
    left = stocks.put("a", more, [Left("orders", LARGE, 900, 200)])

    assert left == [Left("orders", LARGE, 903, 200)]
    assert stocks.take("b", [cost()]) is None, "another account's"
    assert stocks.take("a", [cost(4)]) is None, "more than there is"
    assert stocks.take("a", [cost(2)]) == [Left("orders", LARGE, 901, 200)]
    assert stocks.take("a", [cost()]) == [Left("orders", LARGE, 900, 200)]
    assert stocks.take("a", [cost()]) is None


def test_what_is_not_asked_for_in_time_is_given_up(clock: Clock) -> None:
    stocks = after_asking(clock, 3)
    stocks.put("a", stocks.ahead("a", [cost()]), [Left("orders", LARGE, 900, 200)])
    clock.now += KEEP_S

    assert not stocks.has("a", [cost()])
    assert stocks.take("a", [cost()]) is None


def test_one_trip_at_a_time_takes_units_along_and_none_does_for_a_while_after_a_refusal(clock: Clock) -> None:
    stocks = after_asking(clock, 3)
    more = stocks.ahead("a", [cost()])
    assert (more, stocks.ahead("a", [cost()])) == ([3], [0])

    stocks.done("a", [cost()], more)
    assert stocks.ahead("a", [cost()]) == [0]

    clock.now += KEEP_S
    for _ in range(3):
        stocks.take("a", [cost()])
    assert stocks.ahead("a", [cost()]) != [0]


def test_a_call_is_paid_for_whole_or_not_at_all(clock: Clock) -> None:
    stocks = after_asking(clock, 3)
    stocks.put("a", stocks.ahead("a", [cost()]), [Left("orders", LARGE, 900, 200)])

    assert stocks.take("a", [cost(), Cost("named", Rate(2, 200_000), 1)]) is None
    assert stocks.take("a", [cost(3)]) is not None


def test_nothing_is_spent_ahead_for_calls_that_cost_a_limit_without_units_here(clock: Clock) -> None:
    named = [cost(), Cost("named", Rate(2, 200_000), 1)]
    stocks = after_asking(clock, 3)
    for _ in range(7):
        stocks.take("a", named)
    assert stocks.ahead("a", named) == [0, 0], "it would be given up"

    clock.now += KEEP_S
    stocks.take("a", [cost()])
    assert stocks.ahead("a", [cost()]) == [1], "what named orders cost can't be paid from here, however many come"


def test_units_that_are_here_already_are_not_spent_ahead_again(clock: Clock) -> None:
    rare = Rate(20, 10_000)
    both = [cost(), Cost("reads", rare, 1)]
    stocks = Prepaid()
    for _ in range(2):
        for _ in range(8):
            stocks.take("a", both)
        clock.now += KEEP_S
    stocks.take("a", both)
    more = stocks.ahead("a", both)
    assert more == [8, 2]

    stocks.put("a", more, [Left("orders", LARGE, 900, 200), Left("reads", rare, 900, 200)])
    while stocks.take("a", both):
        pass
    assert stocks.ahead("a", both) == [2, 2], "six of the eight are here still"
