"""How long the mock market takes, and that nothing but the clock follows from its speed."""

from statistics import mean, median

import pytest

from orderflow.market.latency import SLOT_MS, Latency
from orderflow.market.universe import VENUES
from tests.builders import NOW_MS, nth_id

IDS = [nth_id(number) for number in range(2_000)]
REAL_TIME = Latency(seed=1, speed=1)


def percentile(values: list[int], percent: int) -> int:
    return sorted(values)[len(values) * percent // 100]


def test_a_venue_quotes_in_150_ms_at_the_median_and_800_ms_at_the_99th_percentile() -> None:
    taken = [REAL_TIME.quote_ms(each, ("meteora",)) for each in IDS]

    assert 135 < median(taken) < 165
    assert 600 < percentile(taken, 99) < 1_000
    assert min(taken) > 0


def test_venues_are_asked_at_the_same_time_so_the_slowest_counts() -> None:
    for each in IDS[:100]:
        alone = [REAL_TIME.quote_ms(each, (venue,)) for venue in VENUES]

        assert REAL_TIME.quote_ms(each, VENUES) == max(alone)
        assert alone[0] != alone[1]


def test_a_transaction_lands_at_the_end_of_the_first_to_fourth_slot_from_now() -> None:
    for number, each in enumerate(IDS):
        now_ms = NOW_MS + 37 * number

        landing_ms = REAL_TIME.landing_ms(each, now_ms)

        assert (now_ms + landing_ms) % SLOT_MS == 0
        assert SLOT_MS < landing_ms <= 5 * SLOT_MS


def test_it_lands_one_to_four_slots_later_in_35_40_15_and_10_of_a_hundred_cases() -> None:
    at_the_end_of_a_slot = NOW_MS - NOW_MS % SLOT_MS
    slots = [REAL_TIME.landing_ms(each, at_the_end_of_a_slot) // SLOT_MS - 1 for each in IDS]

    shares = [slots.count(number) / len(slots) for number in (1, 2, 3, 4)]

    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([0.35, 0.40, 0.15, 0.10], abs=0.04)


def test_a_whole_order_typically_takes_two_to_three_seconds() -> None:
    whole = [
        REAL_TIME.quote_ms(each, VENUES)
        + REAL_TIME.build_ms(each)
        + REAL_TIME.landing_ms(each, NOW_MS + 37 * number)
        + REAL_TIME.confirmation_ms()
        for number, each in enumerate(IDS)
    ]

    assert 2_000 < median(whole) < 3_000
    assert 2_000 < mean(whole) < 3_000
    assert percentile(whole, 2) > 1_500
    assert percentile(whole, 98) < 4_000


def test_delays_follow_from_the_seed_and_the_order_alone() -> None:
    def delays(latency: Latency) -> list[int]:
        return [
            delay
            for each in IDS[:50]
            for delay in (latency.quote_ms(each, VENUES), latency.build_ms(each), latency.landing_ms(each, NOW_MS))
        ]

    assert delays(Latency(1, 1)) == delays(Latency(1, 1))
    assert delays(Latency(1, 1)) != delays(Latency(2, 1))


def test_at_speed_zero_nothing_waits() -> None:
    latency = Latency(seed=1, speed=0)

    for each in IDS[:50]:
        assert latency.quote_ms(each, VENUES) == 0
        assert latency.build_ms(each) == 0
        assert latency.landing_ms(each, NOW_MS) == 0
    assert latency.confirmation_ms() == 0


@pytest.mark.parametrize("speed", [0.1, 0.5, 2, 10])
def test_every_delay_is_scaled_by_the_speed(speed: float) -> None:
    latency = Latency(seed=1, speed=speed)

    for each in IDS[:200]:
        assert latency.quote_ms(each, VENUES) == pytest.approx(speed * REAL_TIME.quote_ms(each, VENUES), abs=1 + speed)
        assert latency.build_ms(each) == pytest.approx(speed * REAL_TIME.build_ms(each), abs=1 + speed)
        # Seen from the beginning of a slot at either speed.
        assert latency.landing_ms(each, 0) == pytest.approx(speed * REAL_TIME.landing_ms(each, 0), abs=1 + speed)
    assert latency.confirmation_ms() == 800 * speed


def test_a_transaction_stays_valid_for_a_minute_of_the_market_but_never_less_than_a_real_one() -> None:
    valid_ms = {speed: Latency(1, speed).blockhash_valid_ms() for speed in (0, 0.1, 1, 2)}

    assert valid_ms == {0: 60_000, 0.1: 60_000, 1: 60_000, 2: 120_000}
