"""How many frames a socket may send, by the clock that is handed in."""

import json

from local.gateway.frame_rate_limit import BURST, FRAMES_PER_S, MAX_REFUSALS, REFUSALS_WITHIN_S, FrameRateLimit


def passed(rate: FrameRateLimit, frames: int, now_s: float) -> int:
    return sum(not rate.count(now_s) for _ in range(frames))


def test_a_burst_passes_and_then_so_many_a_second() -> None:
    rate = FrameRateLimit()

    assert passed(rate, 2 * BURST, 100.0) == BURST
    assert passed(rate, 2 * BURST, 101.0) == FRAMES_PER_S
    assert passed(rate, 2 * BURST, 101.5) == FRAMES_PER_S // 2


def test_rest_fills_the_burst_up_and_not_beyond_it() -> None:
    rate = FrameRateLimit()
    passed(rate, BURST, 100.0)

    assert passed(rate, 2 * BURST, 10_000.0) == BURST


def test_a_sender_that_waits_as_long_as_the_refusal_says_is_served() -> None:
    rate = FrameRateLimit()
    passed(rate, BURST, 100.0)

    wait_ms = json.loads(rate.count(100.0))["retry_after_ms"]

    assert rate.count(100.0 + wait_ms / 1000) == ""


def test_refusals_that_come_slowly_are_never_too_many() -> None:
    rate = FrameRateLimit()
    passed(rate, BURST, 100.0)

    for number in range(5 * MAX_REFUSALS):
        now_s = 100.0 + number * (REFUSALS_WITHIN_S / MAX_REFUSALS) * 1.1
        while not rate.count(now_s):
            pass  # up to the first refusal
        assert not rate.too_many_refusals


def test_refusals_that_come_quickly_are_too_many_at_the_hundredth() -> None:
    quick = FrameRateLimit()
    passed(quick, BURST + MAX_REFUSALS - 1, 100.0)
    assert not quick.too_many_refusals
    quick.count(100.0 + REFUSALS_WITHIN_S / 1_000)
    assert quick.too_many_refusals
