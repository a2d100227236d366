"""How long the mock market takes and what gets lost, and that nothing but the clock follows from its speed."""

from statistics import mean, median

import msgspec
import pytest

from orderflow.domain.launches import Priority, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.ticks import SLOT_MS
from orderflow.venues.mock.latency import (
    BLOCKHASH_VALID_SLOTS,
    QUOTE_DEADLINE_MS,
    RESEND_SLOTS,
    SIGNATURE_FEE,
    SLOTS_TO_CONFIRM,
    Latency,
)
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES

REQUESTS = [OrderRequest("SOL", "USDC", 10**9 + number, "market", 500) for number in range(4_000)]
MARKET = Latency(seed=1, speed=1)
SLOT = 1_000
TWO = (METEORA, RAYDIUM)


def percentile(values: list[float], percent: int) -> float:
    return sorted(values)[len(values) * percent // 100]


def share(hits: int) -> float:
    return hits / len(REQUESTS)


@pytest.mark.parametrize("venue", VENUES)
def test_a_venue_quotes_in_150_ms_at_the_median_and_800_ms_at_the_99th_percentile(venue: str) -> None:
    taken = [MARKET.quotes(SLOT, each, (venue,)).wait_ms for each in REQUESTS]

    assert 140 < median(taken) < 160
    assert 650 < percentile(taken, 99) < 950
    assert min(taken) > 0


def test_venues_are_asked_at_the_same_time_so_the_slowest_counts_up_to_the_deadline() -> None:
    for each in REQUESTS:
        alone = {venue: MARKET.quotes(SLOT, each, (venue,)).wait_ms for venue in VENUES}

        quotes = MARKET.quotes(SLOT, each, VENUES)

        in_time = tuple(venue for venue in VENUES if alone[venue] <= QUOTE_DEADLINE_MS)
        assert alone[METEORA] != alone[RAYDIUM]
        assert quotes.venues == (in_time or (min(alone, key=alone.__getitem__),))
        assert quotes.wait_ms == (min(max(alone.values()), QUOTE_DEADLINE_MS) if in_time else min(alone.values()))


def test_about_one_order_in_fifty_goes_without_one_of_two_venues() -> None:
    missed = sum(len(MARKET.quotes(SLOT, each, TWO).venues) < 2 for each in REQUESTS)

    assert 0.01 < share(missed) < 0.03


def test_a_share_of_quotes_fails_as_set_and_fails_alike_for_two_venues() -> None:
    failing = Latency(seed=1, speed=1, failure_rate=0.3)

    answered = [failing.quotes(SLOT, each, TWO).venues for each in REQUESTS]

    # Both answer in 0.7 · 0.7 of the cases; where none does, the quicker one is waited for after all.
    assert share(sum(venues == TWO for venues in answered)) == pytest.approx(0.49, abs=0.04)
    assert share(sum(venues == (METEORA,) for venues in answered)) == pytest.approx(0.255, abs=0.03)
    assert share(sum(venues == (RAYDIUM,) for venues in answered)) == pytest.approx(0.255, abs=0.03)


def test_a_transaction_lands_one_to_four_slots_later_in_35_40_15_and_10_of_a_hundred_cases() -> None:
    undisturbed = Latency(seed=1, speed=1, drop_rate=0)
    slots = [undisturbed.landing(SLOT, each).slots for each in REQUESTS]

    shares = [share(slots.count(number)) for number in (1, 2, 3, 4)]

    assert sum(shares) == pytest.approx(1)
    assert shares == pytest.approx([0.35, 0.40, 0.15, 0.10], abs=0.03)
    assert {undisturbed.landing(SLOT, each).sends for each in REQUESTS} == {1}


@pytest.mark.parametrize("drop_rate", [0.01, 0.2, 0.5])
def test_what_is_dropped_is_sent_again_after_two_seconds_until_it_lands(drop_rate: float) -> None:
    dropping, undisturbed = (Latency(seed=1, speed=1, drop_rate=rate) for rate in (drop_rate, 0))

    landings = [dropping.landing(SLOT, each) for each in REQUESTS]

    assert RESEND_SLOTS * SLOT_MS == 2_000
    for each, landing in zip(REQUESTS, landings, strict=True):
        assert landing.slots == undisturbed.landing(SLOT, each).slots + RESEND_SLOTS * (landing.sends - 1)
    for sends in (1, 2, 3):
        expected = drop_rate ** (sends - 1) * (1 - drop_rate)
        assert share(sum(landing.sends == sends for landing in landings)) == pytest.approx(expected, abs=0.025)


def test_on_a_chain_that_drops_everything_a_transaction_is_not_sent_beyond_its_validity() -> None:
    (landing,) = {Latency(seed=1, speed=1, drop_rate=1).landing(SLOT, each).sends for each in REQUESTS[:50]}

    assert landing == BLOCKHASH_VALID_SLOTS // RESEND_SLOTS


def test_an_order_lands_in_the_slot_that_quote_building_and_sending_lead_to() -> None:
    for each in REQUESTS[:500]:
        waited_ms = MARKET.quotes(SLOT, each, VENUES).wait_ms + MARKET.build_ms(SLOT, each)

        slot = MARKET.landing_slot(SLOT, each, VENUES)

        assert slot == SLOT + int(waited_ms // SLOT_MS) + MARKET.landing(SLOT, each).slots
        assert slot > SLOT


def test_a_whole_order_typically_takes_two_to_three_seconds_and_hardly_ever_five() -> None:
    whole = [
        MARKET.quotes(SLOT, each, VENUES).wait_ms
        + MARKET.build_ms(SLOT, each)
        + (MARKET.landing(SLOT, each).slots + SLOTS_TO_CONFIRM) * SLOT_MS
        for each in REQUESTS
    ]

    assert 2_000 < median(whole) < 3_000
    assert 2_000 < mean(whole) < 3_000
    assert percentile(whole, 2) > 1_300
    assert percentile(whole, 99) < 5_000


def test_the_network_fee_is_a_signatures_and_a_priority_fee_around_ten_thousand_lamports() -> None:
    fees = [MARKET.network_fee(SLOT, each) - SIGNATURE_FEE for each in REQUESTS]

    assert min(fees) > 0
    assert 9_000 < median(fees) < 11_000


def draws(latency: Latency, slot: int, request: OrderRequest) -> tuple[object, ...]:
    return (
        latency.quotes(slot, request, VENUES),
        latency.build_ms(slot, request),
        latency.landing(slot, request),
        latency.landing_slot(slot, request, VENUES),
        latency.network_fee(slot, request),
    )


@pytest.mark.parametrize("speed", [0, 0.1, 0.5, 2, 10])
def test_what_happens_on_the_market_does_not_depend_on_the_speed(speed: float) -> None:
    for each in REQUESTS[:200]:
        assert draws(Latency(1, speed), SLOT, each) == draws(MARKET, SLOT, each)


def test_it_follows_from_the_seed_the_slot_and_what_is_traded() -> None:
    one, *others = (
        draws(MARKET, SLOT, REQUESTS[0]),
        draws(Latency(2, 1), SLOT, REQUESTS[0]),
        draws(MARKET, SLOT + 1, REQUESTS[0]),
        draws(MARKET, SLOT, REQUESTS[1]),
        draws(MARKET, SLOT, OrderRequest("USDC", "SOL", 10**9, "market", 500)),
    )

    assert one == draws(Latency(1, 1), SLOT, REQUESTS[0])
    assert one not in others
    # How much worse an execution may be has no bearing on when it comes.
    assert one == draws(MARKET, SLOT, OrderRequest("SOL", "USDC", 10**9, "market", 5_000))


@pytest.mark.parametrize("speed", [0, 0.1, 0.5, 1, 2, 10])
def test_only_the_waiting_is_scaled_by_the_speed(speed: float) -> None:
    latency = Latency(seed=1, speed=speed)

    for milliseconds in (0, 0.4, 150.5, 800, 60_000):
        assert latency.scaled(milliseconds) == round(speed * milliseconds)


def test_a_transaction_stays_valid_for_a_minute_of_the_market_but_never_less_than_a_real_one() -> None:
    valid_ms = {speed: Latency(1, speed).blockhash_valid_ms() for speed in (0, 0.1, 1, 2)}

    assert valid_ms == {0: 60_000, 0.1: 60_000, 1: 60_000, 2: 120_000}


def sniping(request: OrderRequest, priority: Priority) -> OrderRequest:
    return msgspec.structs.replace(request, order_type="sniper", snipe=Snipe(mint="a mint", priority=priority))


@pytest.mark.parametrize(
    ("priority", "odds", "tip"),
    [
        ("normal", [0.35, 0.40, 0.15, 0.10], 10_000),
        ("fast", [0.65, 0.25, 0.10, 0.0], 200_000),
        ("turbo", [0.90, 0.10, 0.0, 0.0], 2_000_000),
    ],
)
def test_who_pays_more_lands_earlier(priority: Priority, odds: list[float], tip: int) -> None:
    undisturbed = Latency(seed=1, speed=1, drop_rate=0)
    requests = [sniping(each, priority) for each in REQUESTS]

    slots = [undisturbed.landing(SLOT, each).slots for each in requests]

    assert [share(slots.count(number)) for number in (1, 2, 3, 4)] == pytest.approx(odds, abs=0.03)
    assert {undisturbed.network_fee(SLOT, each) for each in requests} == {SIGNATURE_FEE + tip}
    # It waits for no quote, nor for a transaction to be built.
    assert {undisturbed.build_ms(SLOT, each) for each in requests} == {0}
    assert [undisturbed.landing_slot(SLOT, each, VENUES) - SLOT for each in requests] == slots


@pytest.mark.parametrize(("priority", "dropped"), [("normal", 0.4), ("fast", 0.2), ("turbo", 0.0)])
def test_who_pays_more_loses_less(priority: Priority, dropped: float) -> None:
    dropping = Latency(seed=1, speed=1, drop_rate=0.4)

    sends = [dropping.landing(SLOT, sniping(each, priority)).sends for each in REQUESTS]

    assert share(sum(number > 1 for number in sends)) == pytest.approx(dropped, abs=0.03)
