"""accept_order through its Lambda handler: numbers as JavaScript, and others with doubles, send them."""

from decimal import Decimal

import pytest

from orderflow.domain.status import Status
from tests.support.builders import ORDER_ID, make_order, make_request
from tests.support.fakes.outside import Outside
from tests.support.http_api import assert_refused, get, post, written

pytestmark = pytest.mark.usefixtures("_event_loop")


@pytest.mark.parametrize(
    ("token_in", "amount", "atoms", "shown"),
    [
        ("SOL", "7.123456789012345", 7_123_456_789, "7.123456789"),
        ("SOL", "0.30000000000000004", 300_000_000, "0.3"),
        ("SOL", "1.9999999999999998", 1_999_999_999, "1.999999999"),
        ("SOL", "1e-9", 1, "0.000000001"),
        ("SOL", "1.9e-9", 1, "0.000000001"),
        ("SOL", "1.23456789012e1", 12_345_678_901, "12.345678901"),
        ("SOL", "1E+2", 100_000_000_000, "100"),
        ("SOL", "1.0", 1_000_000_000, "1"),
        ("SOL", "3.00000000000000000000000001", 3_000_000_000, "3"),
        ("SOL", "1." + "9" * 60_000, 1_999_999_999, "1.999999999"),
        ("SOL", "18446744073.7095516159", 2**64 - 1, "18446744073.709551615"),
        ("USDC", "1.0000001", 1_000_000, "1"),
        ("USDC", "123456789.12345678", 123_456_789_123_456, "123456789.123456"),
        ("BONK", "1234567.8912345", 123_456_789_123, "1234567.89123"),
        ("BONK", "1e-5", 1, "0.00001"),
    ],
)
def test_a_number_that_is_finer_than_the_token_is_taken_down_to_whole_atoms(
    outside: Outside, token_in: str, amount: str, atoms: int, shown: str
) -> None:
    answer = post(written(token_in=f'"{token_in}"', token_out='"JUP"', amount=amount))

    (created,) = outside.intake.created
    assert answer.status == 202
    assert created.order.request.amount_in == atoms
    assert answer.document["amount"] == shown
    assert get_amount(outside, created.order.request.token_in, atoms) == shown


def get_amount(outside: Outside, token_in: str, atoms: int) -> str:
    """Return the amount of such an order as its record shows it."""
    order = make_order(Status.PENDING, make_request(token_in, "JUP", "1"))
    request = type(order.request)(token_in, "JUP", atoms, "market", 500)
    outside.orders.known[ORDER_ID] = (make_order(Status.PENDING, request), [])
    shown: str = get(f"/api/orders/{ORDER_ID}").document["amount"]
    return shown


@pytest.mark.parametrize("amount", ["9e-6", "1e-7", "0.000009999", "5e-324"])
def test_a_number_that_comes_to_no_atom_is_refused(outside: Outside, amount: str) -> None:
    answer = post(written(token_in='"BONK"', amount=amount))

    assert_refused(answer, "amount", "must be at least 0.00001 BONK")
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("slippage", "bps"),
    [
        ("0.0312345678901", 312),
        ("0.01009999", 100),
        ("0.49999999999999994", 4_999),
        ("0.050000000000000003", 500),
        ("5e-2", 500),
        ("0.10", 1_000),
        ("2.99e-2", 299),
    ],
)
def test_a_slippage_that_is_finer_than_a_basis_point_is_taken_to_the_stricter_side(
    outside: Outside, slippage: str, bps: int
) -> None:
    answer = post(written(max_slippage=slippage))

    (created,) = outside.intake.created
    assert answer.status == 202
    assert created.order.request.slippage_bps == bps
    assert answer.document["max_slippage"] == Decimal(bps) / 10_000


@pytest.mark.parametrize("slippage", ["0.50000000000000001", "0.50009", "0.0099999999", "-0.0", "5e-324", "1e400"])
def test_the_range_of_a_slippage_is_checked_on_what_was_sent(outside: Outside, slippage: str) -> None:
    assert_refused(post(written(max_slippage=slippage)), "max_slippage", "must be from 0.01 to 0.5")


def test_a_decimal_string_means_every_digit(outside: Outside) -> None:
    amount = post(written(amount='"7.123456789012345"'))
    slippage = post(written(max_slippage='"0.0312345678901"'))

    assert_refused(amount, "amount", "must have at most 9 decimals for SOL")
    assert_refused(slippage, "max_slippage", "must have at most 4 decimals")
    assert post(written(amount='"7.123456789000000"', max_slippage='"0.03120"')).status == 202


@pytest.mark.parametrize("missing", ["max_slippage", "client_order_id"])
def test_null_for_an_optional_field_means_not_given(outside: Outside, missing: str) -> None:
    for value in (None, "null"):
        assert post(written(**{missing: value})).status == 202

    without, with_null = (created.order for created in outside.intake.created)
    assert without.request == with_null.request
    assert without.client_order_id is with_null.client_order_id is None


def test_null_for_a_client_order_id_leaves_room_for_a_key(outside: Outside) -> None:
    assert post(written(client_order_id="null"), {"idempotency-key": "abc"}).status == 202


@pytest.mark.parametrize("sent", ["12.5", "12.50", "1.25e1", "12.5000000001"])
def test_the_same_atoms_are_the_same_order_whatever_the_digits(outside: Outside, sent: str) -> None:
    post(written(), {"idempotency-key": "abc"})
    post(written(amount=sent), {"idempotency-key": "abc"})

    first, again = outside.intake.created
    assert first.fingerprint == again.fingerprint
