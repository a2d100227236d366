"""chaos/nemesis/schedule.py: which fault is injected when follows from the seed, the time and the faults alone."""

from collections import Counter
from itertools import pairwise

import pytest

from tests.harness.chaos.command import make_plan
from tests.harness.chaos.nemesis.faults import kinds
from tests.harness.chaos.nemesis.schedule import FIRST_S, PAUSE_S, Planned, schedule

LASTS_S = {"kill-poller": 0.0, "stop-gateway": 6.0, "clock": 3.0}


def names(planned: tuple[Planned, ...]) -> list[str]:
    return [each.name for each in planned]


def test_the_same_seed_makes_the_same_schedule() -> None:
    first, again = schedule(7, 300, LASTS_S), schedule(7, 300, dict(reversed(LASTS_S.items())))

    assert first == again
    assert len(first) > 20


def test_another_seed_makes_another() -> None:
    schedules = {schedule(seed, 300, LASTS_S) for seed in range(10)}

    assert len(schedules) == 10


def test_a_longer_time_goes_on_where_the_shorter_one_ended() -> None:
    short, long = schedule(7, 60, LASTS_S), schedule(7, 300, LASTS_S)

    assert long[: len(short)] == short
    assert len(long) > len(short)


@pytest.mark.parametrize("seed", range(20))
def test_every_fault_happens_once_before_any_happens_again(seed: int) -> None:
    dealt = names(schedule(seed, 300, LASTS_S))

    for start in range(0, len(dealt) - len(LASTS_S), len(LASTS_S)):
        assert Counter(dealt[start : start + len(LASTS_S)]) == Counter(LASTS_S.keys())


@pytest.mark.parametrize("seed", range(20))
def test_faults_end_within_the_time_and_leave_room_to_recover(seed: int) -> None:
    planned = schedule(seed, 100, LASTS_S)

    assert planned[0].at_s == FIRST_S
    assert all(each.at_s + LASTS_S[each.name] <= 100 + 0.1 for each in planned)
    for before, after in pairwise(planned):
        pause_s = after.at_s - before.at_s - LASTS_S[before.name]
        assert PAUSE_S[0] - 0.1 <= pause_s <= PAUSE_S[1] + 0.1


def test_nothing_is_planned_where_there_is_no_time() -> None:
    assert schedule(7, 1, LASTS_S) == ()


def test_a_plan_knows_the_faults_that_it_schedules() -> None:
    plan = make_plan(sorted(kinds()), seconds=250, rate=50, seed=1, speed=0.2)

    assert set(names(tuple(plan.schedule))) == set(plan.kinds) == set(kinds())
