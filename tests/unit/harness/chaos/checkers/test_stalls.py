"""chaos/checkers/stalls.py: an order that stands still is found; delays that are meant are not."""

from collections.abc import Callable

import msgspec

from tests.harness.chaos.checkers.stalls import BOUND_S, expired_in_time, no_stalls
from tests.harness.chaos.history.contents import LedgerContents, OrderRow
from tests.harness.chaos.history.fault_record import Window
from tests.support import chaos_waiting
from tests.support.builders import NOW_MS
from tests.support.chaos_evidence import FIRST, STEP_S, good_run

NOW_S = NOW_MS / 1000


def no_delay(_order: OrderRow, _status: str) -> float:
    return 0.0


def later(order_id: str, sequence: int, by_s: float) -> Callable[[LedgerContents], LedgerContents]:
    """Return what puts off an order's events from one on."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        events = [
            msgspec.structs.replace(event, at_s=event.at_s + by_s)
            if event.order_id == order_id and event.sequence >= sequence
            else event
            for event in ledger.events
        ]
        return msgspec.structs.replace(ledger, events=events)

    return doctor


def test_an_order_that_stood_still_is_found() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])

    found = no_stalls(ledger, no_delay, [], [])

    assert found.violations == [f"{FIRST} went from routing to building {BOUND_S + STEP_S:.1f} s later than it should"]
    assert found.checked == len(ledger.events) - len(ledger.orders)


def test_a_simulated_delay_is_no_standing_still() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])

    assert no_stalls(ledger, lambda _, status: 1.0 if status == "routing" else 0.0, [], []).violations == []
    assert no_stalls(ledger, lambda _, status: 1.0 if status == "building" else 0.0, [], []).violations != []


def test_time_in_which_everything_stood_does_not_count() -> None:
    ledger = later(FIRST, 3, BOUND_S)(good_run()[0])
    within, before = Window(NOW_S + 2, NOW_S + 3), Window(NOW_S - 5, NOW_S)

    assert no_stalls(ledger, no_delay, [within], []).violations == []
    assert no_stalls(ledger, no_delay, [before], []).violations != []


def test_orders_under_way_while_a_clock_was_wrong_are_left_out() -> None:
    ledger = later(FIRST, 3, 3600)(good_run()[0])
    while_under_way, afterwards = Window(NOW_S + 1, NOW_S + 2), Window(NOW_S + 4000, NOW_S + 4001)

    assert no_stalls(ledger, no_delay, [], [while_under_way]).violations == []
    assert no_stalls(ledger, no_delay, [], [afterwards]).violations != []


def test_an_order_that_rests_stands_still_as_long_as_it_likes() -> None:
    ledger = later(chaos_waiting.OCO, 3, 3600)(chaos_waiting.waiting_run())

    assert no_stalls(ledger, no_delay, [], []).violations == []
    assert no_stalls(later(chaos_waiting.OCO, 4, 3600)(ledger), no_delay, [], []).violations != []


def test_an_order_that_expires_too_early_or_too_late_is_found() -> None:
    ledger, expired = chaos_waiting.waiting_run(), chaos_waiting.EXPIRED
    early, late = later(expired, 3, -0.5)(ledger), later(expired, 3, BOUND_S + 0.5)(ledger)

    assert (expired_in_time(ledger, [], []).checked, expired_in_time(ledger, [], []).violations) == (1, [])
    assert expired_in_time(early, [], []).violations == [f"{expired} is expired 0.500 s too early"]
    assert expired_in_time(late, [], []).violations == [
        f"{expired} is expired {BOUND_S + 0.5:.1f} s after its time was over, and rested until then"
    ]
    down = Window(chaos_waiting.EXPIRES_S + 1, chaos_waiting.EXPIRES_S + 2)
    assert expired_in_time(late, [down], []).violations == []
    assert expired_in_time(late, [], [down]).violations == []
