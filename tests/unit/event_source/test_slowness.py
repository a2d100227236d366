"""Which calls are slow: those that wait, not those that compute."""

import time

import pytest

from orderflow.event_source.slowness import QUICK_AGAIN, SLOW_S, STUCK_S, Calls


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def call(calls: Calls, clock: Clock, seconds: float, error: Exception | None = None) -> None:
    with calls.timed():
        clock.now += seconds
        if error:
            raise error


def test_a_function_is_not_slow_before_it_was_called() -> None:
    assert not Calls(Clock()).are_slow


@pytest.mark.parametrize(("seconds", "are_slow"), [(SLOW_S / 2, False), (SLOW_S * 2, True)])
def test_a_call_is_slow_by_what_it_waits(seconds: float, are_slow: bool) -> None:
    clock = Clock()
    calls = Calls(clock)

    call(calls, clock, seconds)

    assert calls.are_slow == are_slow


def test_a_call_that_computes_is_not_slow(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock()
    calls = Calls(clock)
    monkeypatch.setattr(time, "thread_time", clock)

    call(calls, clock, SLOW_S * 2)

    assert not calls.are_slow


def test_a_call_that_raises_counts_too() -> None:
    clock = Clock()
    calls = Calls(clock)

    with pytest.raises(KeyError):
        call(calls, clock, SLOW_S * 2, KeyError())

    assert calls.are_slow


def test_a_call_is_slow_while_it_is_under_way_for_long() -> None:
    clock = Clock()
    calls = Calls(clock)

    with calls.timed():
        before = calls.are_slow
        clock.now += STUCK_S * 2
        during = calls.are_slow

    assert (before, during) == (False, True)


def test_after_many_quick_calls_in_a_row_a_function_is_not_slow_any_more() -> None:
    clock = Clock()
    calls = Calls(clock)
    call(calls, clock, SLOW_S * 2)

    slow = []
    for _ in range(QUICK_AGAIN):
        slow.append(calls.are_slow)
        call(calls, clock, 0)

    assert (set(slow), calls.are_slow) == ({True}, False)
