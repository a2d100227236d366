"""How many frames a socket may send, by the clock that is handed in."""

import json

from local.gateway.frame_rate import BURST, FRAMES_PER_S, MOST_REFUSALS, WITHIN_S, FrameRate


def passed(rate: FrameRate, frames: int, now_s: float) -> int:
    return sum(not rate.refuse(now_s) for _ in range(frames))


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    rate = FrameRate()

    assert passed(rate, 2 * BURST, 100.0) == BURST
    assert passed(rate, 2 * BURST, 101.0) == FRAMES_PER_S
    assert passed(rate, 2 * BURST, 101.5) == FRAMES_PER_S // 2


def test_rest_fills_the_burst_up_and_not_beyond_it() -> None:
    rate = FrameRate()
    passed(rate, BURST, 100.0)

    assert passed(rate, 2 * BURST, 10_000.0) == BURST


def test_whoever_waits_as_long_as_it_is_told_is_served() -> None:
    rate = FrameRate()
    passed(rate, BURST, 100.0)

    wait_ms = json.loads(rate.refuse(100.0))["retry_after_ms"]

    assert rate.refuse(100.0 + wait_ms / 1000) == ""


def test_refusals_that_come_slowly_are_never_too_many() -> None:
    rate = FrameRate()
    passed(rate, BURST, 100.0)

    for number in range(5 * MOST_REFUSALS):
        now_s = 100.0 + number * (WITHIN_S / MOST_REFUSALS) * 1.1
        while not rate.refuse(now_s):
            pass  # up to the first refusal
        assert not rate.is_hopeless


def test_refusals_that_come_quickly_are_too_many_at_the_hundredth() -> None:
    quick = FrameRate()
    passed(quick, BURST + MOST_REFUSALS - 1, 100.0)
    assert not quick.is_hopeless
    quick.refuse(100.0 + WITHIN_S / 1_000)
    assert quick.is_hopeless
