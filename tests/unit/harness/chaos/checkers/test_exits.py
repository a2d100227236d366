"""chaos/checkers/exits.py: exits of what was launched that fire elsewhere than asked, or sell too much, are found."""

from decimal import Decimal

import pytest

from tests.harness.chaos.checkers import exits
from tests.harness.chaos.checkers.amounts import exits_sell_what_was_received
from tests.harness.chaos.history.changes import Change
from tests.support.chaos_evidence import with_order
from tests.support.chaos_launches import ANY, EXITS, chain, launching_run, posts
from tests.support.chaos_waiting import NOW_S, USDC, with_fill


def test_nothing_is_found_where_all_is_well() -> None:
    ledger = launching_run()
    fired = exits.exits_fired_as_asked(posts(), [], ledger, chain())
    sold = exits.sold_within_bought(ledger, chain())

    assert (fired.checked, fired.violations) == (1, [])
    assert (sold.checked, sold.violations) == (2, [])
    assert exits_sell_what_was_received(posts(), ledger).violations == []


@pytest.mark.parametrize(
    ("rule", "price", "count"),
    [
        # 0.00125 USDC were paid for each, so the exits are at 0.001875 and at 0.000875.
        ("take_profit", "0.001875", 0),
        ("take_profit", "0.0018749999999", 0),
        ("take_profit", "0.001874", 1),
        ("stop_loss", "0.000875", 0),
        ("stop_loss", "0.0008", 0),
        ("stop_loss", "0.000876", 1),
        ("trailing_stop", "0.0001", 1),
    ],
)
def test_exits_that_fire_elsewhere_than_asked_are_found(rule: str, price: str, count: int) -> None:
    ledger = with_order(EXITS, rule=rule, fired_price=Decimal(price))(launching_run())

    assert len(exits.exits_fired_as_asked(posts(), [], ledger, chain()).violations) == count


def test_exits_that_were_amended_may_fire_elsewhere() -> None:
    ledger = with_order(EXITS, fired_price=Decimal("0.001"))(launching_run())

    for order_id in (EXITS, ANY):
        amended = [Change(order_id, {"then": {}}, NOW_S)]
        assert exits.exits_fired_as_asked(posts(), amended, ledger, chain()).violations == []


def test_more_that_is_sold_of_a_token_than_was_bought_is_found() -> None:
    spoiled = with_fill(EXITS, amount_in=80_000_000_001)(launching_run())

    assert exits.sold_within_bought(spoiled, chain()).violations == ["1 atoms of UFO25 more were sold than bought"]
    assert exits.sold_within_bought(with_fill(EXITS, amount_out=USDC)(launching_run()), chain()).violations == []


def test_exits_over_more_than_was_bought_are_found() -> None:
    spoiled = with_order(EXITS, amount_in=80_000_000_001)(launching_run())

    assert len(exits_sell_what_was_received(posts(), spoiled).violations) == 1
