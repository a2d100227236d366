"""Conditions: prices as they are written, the least that an order may receive, and how both are shown."""

from decimal import Decimal
from fractions import Fraction
from itertools import permutations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.codec import encoder
from orderflow.domain.amounts import MAX_ATOMS, to_atoms, to_units
from orderflow.domain.conditions import Limit, Price, Trigger, minimum_of, shown_amount, shown_price
from orderflow.domain.tokens import TOKENS, Token

directions = st.sampled_from(list(permutations(TOKENS.values(), 2)))
prices = st.decimals("1e-9", "1e9", allow_nan=False, allow_infinity=False, places=9).filter(lambda price: price > 0)


def minimum_out(token_in: str, token_out: str, amount: str, price: str, *, inverted: bool = False) -> int:
    """Return the fewest atoms that an order over `amount` units may yield at a price."""
    amount_in = to_atoms(Decimal(amount), TOKENS[token_in])
    limit = Limit(Price(Decimal(price), inverted))
    return minimum_of(limit.least(amount_in, TOKENS[token_in], TOKENS[token_out]), amount_in)


def test_a_price_counts_atoms_of_what_is_bought_for_the_whole_amount() -> None:
    assert minimum_out("SOL", "USDC", "12.5", "221.37") == 2_767_125_000


def test_a_buyer_may_write_what_is_sold_for_a_unit_bought() -> None:
    assert minimum_out("USDC", "SOL", "100", "219.99", inverted=True) == 454_566_117


def test_the_minimum_is_rounded_up_for_the_user() -> None:
    # 6,390.0000639 USDC.
    assert minimum_out("BONK", "USDC", "300000003", "0.0000213") == 6_390_000_064


@given(prices, st.booleans(), st.integers(1, 2**64 - 1))
def test_an_order_that_yields_its_minimum_has_its_price_and_one_atom_less_has_not(
    price: Decimal, inverted: bool, amount_in: int
) -> None:
    least = Limit(Price(price, inverted)).least(amount_in, TOKENS["SOL"], TOKENS["USDC"])

    minimum = minimum_of(least, amount_in)

    assert Fraction(minimum, amount_in) >= least > Fraction(minimum - 1, amount_in)


@given(directions, prices, st.booleans(), st.integers(1, MAX_ATOMS))
def test_no_rounding_works_against_the_price_that_was_written(
    direction: tuple[Token, Token], price: Decimal, inverted: bool, amount_in: int
) -> None:
    token_in, token_out = direction
    least = minimum_of(Limit(Price(price, inverted)).least(amount_in, token_in, token_out), amount_in)

    sold, bought = Fraction(to_units(amount_in, token_in)), Fraction(to_units(least, token_out))
    if inverted:
        assert sold / bought <= Fraction(price)
    else:
        assert bought / sold >= Fraction(price)


def test_an_amount_asked_for_is_a_price_over_the_whole_of_an_order() -> None:
    limit = Limit(min_amount_out=1_000)

    assert limit.least(3, TOKENS["SOL"], TOKENS["USDC"]) == Fraction(1_000, 3)
    assert minimum_of(limit.least(3, TOKENS["SOL"], TOKENS["USDC"]), 3) == 1_000
    assert minimum_of(limit.least(3, TOKENS["SOL"], TOKENS["USDC"]), 1) == 334


@given(prices, st.booleans())
def test_a_price_is_shown_in_the_form_in_which_it_was_written(price: Decimal, inverted: bool) -> None:
    written = Price(price, inverted)

    assert written.as_written(written.exact) == Fraction(price)


def test_an_inverted_price_is_higher_where_it_is_written_lower() -> None:
    assert Price(Decimal(200), inverted=True).exact > Price(Decimal(201), inverted=True).exact
    assert Price(Decimal(200), inverted=True).exact == Fraction(1, 200)


@pytest.mark.parametrize(
    ("exact", "shown"),
    [
        (Fraction(221), "221"),
        (Fraction("219.660"), "219.66"),
        (Fraction(1, 3), "0.333333333333"),
        (219.66, "219.66"),
        (Fraction(213, 10**7), "0.0000213"),
    ],
)
def test_a_price_is_shown_to_twelve_digits_without_trailing_zeros(exact: Fraction | float, shown: str) -> None:
    assert shown_price(exact) == shown


@pytest.mark.parametrize(
    ("atoms", "token", "shown"),
    [
        (2_736_981_102, TOKENS["USDC"], "2736.981102 USDC"),
        (2_737_500_000, TOKENS["USDC"], "2737.5 USDC"),
        (10**9, TOKENS["SOL"], "1 SOL"),
        (100 * 10**6, TOKENS["USDC"], "100 USDC"),
        (1, TOKENS["SOL"], "0.000000001 SOL"),
        (0, TOKENS["USDC"], "0 USDC"),
    ],
)
def test_an_amount_is_shown_with_its_token_and_every_digit_that_counts(atoms: int, token: Token, shown: str) -> None:
    assert shown_amount(atoms, token) == shown


def test_what_a_condition_does_not_say_takes_no_room_where_it_is_kept() -> None:
    trigger = Trigger("stop_loss", 2_000, price=Price(Decimal("209.50")))

    written = encoder.encode(trigger)

    assert written == b'{"rule":"stop_loss","slippage_bps":2000,"price":{"value":209.50}}'
    assert msgspec.json.decode(written, type=Trigger) == trigger
    assert encoder.encode(Limit(min_amount_out=7)) == b'{"min_amount_out":7}'
