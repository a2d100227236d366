"""What a batch of statuses says of the engine: what came and ended in each second, and how long it took."""

from functions.publish_status.tally import tally
from orderflow.adapters.watchers import StatusEntry
from orderflow.domain.tally import Tally, bucket_of

MADE_MS = 1_763_835_240_000
ORDER_ID = f"{MADE_MS:012x}"[:8] + "-" + f"{MADE_MS:012x}"[8:] + "-7d4b-9a3f-2b7c5d8e9f10"


def entry(sequence: int, status: str, after_ms: int, **more: str) -> StatusEntry:
    return StatusEntry(ORDER_ID, sequence, "{}", entry_id=f"{MADE_MS + after_ms}-0", status=status, **more)


def test_orders_are_counted_in_the_second_of_their_first_and_their_last_step() -> None:
    entries = [
        entry(1, "pending", 0),
        entry(1, "pending", 999),
        entry(2, "routing", 999),
        entry(3, "failed", 1_000),
        entry(4, "cancelled", 2_100),
        entry(7, "expired", 2_100),
    ]

    second = MADE_MS // 1000
    assert tally(entries) == {second: Tally(placed=2), second + 1: Tally(ended=1), second + 2: Tally(ended=2)}


def test_a_latency_is_that_of_an_order_that_was_executed_on_the_straight_way() -> None:
    straight, after_a_rest = entry(5, "confirmed", 250), entry(7, "confirmed", 400)

    [counted] = tally([straight, straight, after_a_rest]).values()

    assert counted == Tally(ended=3, latencies={bucket_of(250): 2})


def test_a_subscription_is_nothing_that_the_engine_did() -> None:
    assert tally([entry(0, "", 0, connection_id="one=", action="subscribe")]) == {}
