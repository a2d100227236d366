"""The exits of a bracket: what sells what a confirmed order has received."""

from decimal import Decimal
from fractions import Fraction

import msgspec
import pytest

from orderflow.domain.brackets import exits_request
from orderflow.domain.conditions import Price, Trigger
from orderflow.domain.order import Order, OrderRequest
from orderflow.domain.status import Status
from tests.support.builders import make_order, make_request, make_waiting_order, make_waiting_request
from tests.support.launches import make_launch, make_sniper, make_sniper_request

TAKE_PROFIT = Trigger("take_profit", 500, price=Price(Decimal(250)))
STOP_LOSS = Trigger("stop_loss", 2_000, price=Price(Decimal(200)))
TRAILING = Trigger("trailing_stop", 2_000, trail_bps=100)


def bought(*exits: Trigger) -> Order:
    """Return a confirmed purchase of SOL."""
    request = msgspec.structs.replace(make_request("USDC", "SOL", "1000"), exits=exits)
    return make_order(Status.CONFIRMED, request)


def test_two_exits_are_one_order_over_what_was_really_received() -> None:
    order = bought(TAKE_PROFIT, STOP_LOSS)

    request = exits_request(order)

    assert request == OrderRequest("SOL", "USDC", order.amount_out or 0, "oco", 500, triggers=(TAKE_PROFIT, STOP_LOSS))
    assert request.amount_in > 4 * 10**9


@pytest.mark.parametrize("exit_", [TAKE_PROFIT, STOP_LOSS, TRAILING], ids=lambda trigger: trigger.rule)
def test_one_exit_is_an_order_of_its_own_rule(exit_: Trigger) -> None:
    request = exits_request(bought(exit_))

    assert (request.order_type, request.triggers, request.slippage_bps) == (exit_.rule, (exit_,), exit_.slippage_bps)


def test_of_an_order_that_was_filled_in_parts_all_parts_are_sold() -> None:
    request = make_waiting_request("limit", exits=(STOP_LOSS,), allow_partial=True)
    part = make_waiting_order(Status.PARTIALLY_FILLED, request=request)
    received = part.amount_out or 0

    order = part.fill(part.amount_remaining, (), 1_000, part.updated_at_ms)

    assert order.status is Status.CONFIRMED
    assert exits_request(order).amount_in == received + 1_000


def test_exits_may_be_as_far_from_what_was_paid_as_their_client_says() -> None:
    double = Trigger("take_profit", 500, entry_bps=10_000)
    less = Trigger("stop_loss", 2_000, entry_bps=3_000, slots=2)
    order = bought(double, less)

    request = exits_request(order)

    assert order.execution_price is not None
    paid = Fraction(1) / Fraction(order.execution_price)  # USDC for each SOL that was received
    assert [trigger.entry_bps for trigger in request.triggers] == [None, None]
    prices = [trigger.price.exact for trigger in request.triggers if trigger.price]
    assert prices == [pytest.approx(paid * 2, rel=1e-9), pytest.approx(paid * Fraction(7, 10), rel=1e-9)]
    assert [trigger.slots for trigger in request.triggers] == [1, 2]


def test_exits_know_the_token_that_was_launched_and_sell_it() -> None:
    request = make_sniper_request(exits=(Trigger("stop_loss", 2_000, entry_bps=5_000),))
    order = make_sniper(Status.TRIGGERED, request)
    confirmed = msgspec.structs.replace(order, amount_filled=100_000_000, amount_out=80_000_000_000)

    exits = exits_request(confirmed)

    # 100 USDC for 80,000 MOON0, which has six decimals: half of 0.00125.
    assert exits.sells == make_launch().token
    assert exits.triggers == (Trigger("stop_loss", 2_000, price=Price(Decimal("0.000625"))),)
