"""What is wrong with an order that waited for a launch: it buys once, for all that it sells, or ends with a reason."""

from dataclasses import replace

import pytest

from orderflow.domain.status import Status
from tests.harness.bench.pool_replay import Fill
from tests.harness.bench.sniped import Bought, Sniped, endings, faults, fills_of, landed

POOL = "raydium_cpmm:MOON0-USDC"
BOUGHT = Sniped("a", Status.CONFIRMED, None, 100, 1, 1, (Bought(POOL, 100, 7),))
FAILED = Sniped("b", Status.FAILED, "Price moved 31.2% (max allowed: 25.00%)", 100, None, 0)


@pytest.mark.parametrize("sniped", [BOUGHT, FAILED, replace(FAILED, status=Status.EXPIRED, reason="expired")])
def test_one_that_bought_once_or_ended_for_a_reason_is_well(sniped: Sniped) -> None:
    assert sniped.fault is None


@pytest.mark.parametrize(
    ("sniped", "fault"),
    [
        (replace(BOUGHT, status=Status.SUBMITTED), "a has not ended: submitted"),
        (replace(BOUGHT, confirmed=2), "a has bought 2 times, for [100] of 100"),
        (replace(BOUGHT, bought=BOUGHT.bought * 2), "a has bought 1 times, for [100, 100] of 100"),
        (replace(BOUGHT, bought=()), "a has bought 1 times, for [] of 100"),
        (replace(BOUGHT, amount_in=101), "a has bought 1 times, for [100] of 101"),
        (replace(BOUGHT, slots_from_open=None), "a has bought 1 times, for [100] of 100"),
        (replace(FAILED, reason=None), "b is failed without a reason"),
        (replace(FAILED, bought=BOUGHT.bought), "b is failed, but has bought for [100]"),
        (replace(FAILED, confirmed=1), "b is failed, but has bought for []"),
    ],
)
def test_any_other_is_named(sniped: Sniped, fault: str) -> None:
    assert sniped.fault == fault
    assert faults([sniped.order_id], [sniped], POOL) == [fault]


def test_one_that_the_ledger_lacks_is_named() -> None:
    assert faults(["a", "b"], [BOUGHT], POOL) == ["b is not in the ledger"]


def test_one_that_bought_elsewhere_is_named() -> None:
    assert faults(["a"], [BOUGHT], "another") == ["a has bought in another pool than another"]


def test_a_fill_counts_in_the_slot_of_its_execution() -> None:
    assert fills_of([BOUGHT, FAILED], open_slot=40) == [Fill(41, 100, 7)]


def test_orders_are_counted_by_priority_and_slot_and_by_how_they_ended() -> None:
    later = replace(BOUGHT, order_id="c", slots_from_open=3)
    other = replace(FAILED, order_id="d", reason="Price moved 40% (max allowed: 25.00%)")

    assert landed([BOUGHT, later, FAILED], {"a": "turbo", "b": "turbo", "c": "fast"}) == {
        "turbo": {1: 1},
        "fast": {3: 1},
    }
    assert endings([BOUGHT, FAILED, other]) == {"confirmed": 1, "failed: Price moved …% (max allowed: …%)": 2}
