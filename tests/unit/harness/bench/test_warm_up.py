"""When a system counts as warm."""

from tests.harness.bench.load import Load, Observations
from tests.harness.bench.warm_up import WarmUp, steady


def test_a_rate_that_still_grows_is_not_steady() -> None:
    assert not steady([100, 200, 300, 400, 500, 600])


def test_one_that_stays_about_the_same_has() -> None:
    assert steady([100, 500, 1000, 1030, 970, 1010, 980, 1020])


def test_a_few_seconds_say_nothing() -> None:
    assert not steady([1000, 1000, 1000, 1000, 1000])


def test_nothing_at_all_is_steady() -> None:
    assert steady([0, 0, 0, 0, 0, 0])


def test_its_turns_end_when_the_rate_is_steady() -> None:
    warm_up = WarmUp(Observations())
    turns = warm_up.turns(Load(seconds=60))

    next(turns)
    warm_up.steady = True

    assert list(turns) == []


def test_it_says_from_which_rate_to_which() -> None:
    warm_up = WarmUp(Observations(), [200.0, 900.0, 1000.0, 1100.0])

    assert str(warm_up) == "warm-up: NOT steady after 4 s, 200 → 1,000 orders a second"
    assert str(WarmUp(Observations())) == "no warm-up"
