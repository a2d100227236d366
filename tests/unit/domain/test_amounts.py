"""Amounts of the edge, in units, against the atoms inside."""

import time
from decimal import ROUND_CEILING, Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS, least_worth, price, to_atoms, to_units
from orderflow.domain.tokens import TOKENS, Token

SOL, USDC, BONK = TOKENS["SOL"], TOKENS["USDC"], TOKENS["BONK"]

tokens = st.sampled_from(list(TOKENS.values()))


@given(tokens, st.integers(1, MAX_ATOMS))
def test_atoms_become_units_and_the_same_atoms_again(token: Token, atoms: int) -> None:
    units = to_units(atoms, token)

    assert units * 10**token.decimals == atoms
    assert to_atoms(units, token) == atoms


@pytest.mark.parametrize(
    ("amount", "atoms"),
    [
        ("0.1", 100_000_000),
        ("12.5", 12_500_000_000),
        ("12.123456789", 12_123_456_789),
        ("0.000000001", 1),
        ("1e-9", 1),
        ("1.5E+3", 1_500_000_000_000),
        ("1.000000000000000", 1_000_000_000),
        ("18446744073.709551615", 2**64 - 1),
        ("1" + "." + "0" * 1000, 1_000_000_000),
    ],
)
def test_an_amount_of_sol_is_taken_exactly(amount: str, atoms: int) -> None:
    assert to_atoms(Decimal(amount), SOL) == atoms


@pytest.mark.parametrize(
    ("amount", "rule"),
    [
        ("NaN", "must be a finite number"),
        ("sNaN", "must be a finite number"),
        ("Infinity", "must be a finite number"),
        ("-Infinity", "must be a finite number"),
        ("0", "must be greater than zero"),
        ("0E+400", "must be greater than zero"),
        ("-0", "must be greater than zero"),
        ("-0.5", "must be greater than zero"),
        ("-1E+400", "must be greater than zero"),
        ("1E+400", "must be at most 18446744073.709551615 SOL"),
        ("18446744073.709551616", "must be at most 18446744073.709551615 SOL"),
        ("1E-400", "must have at most 9 decimals for SOL"),
        ("0.0000000001", "must have at most 9 decimals for SOL"),
        ("1.0000000001", "must have at most 9 decimals for SOL"),
        # Beyond the digits that a decimal context usually keeps: rounded, these would pass as other amounts.
        ("1." + "0" * 70 + "1", "must have at most 9 decimals for SOL"),
        ("0." + "9" * 70, "must have at most 9 decimals for SOL"),
        ("1E-999999999", "must have at most 9 decimals for SOL"),
    ],
)
def test_an_amount_that_no_one_can_pay_is_refused_with_the_rule(amount: str, rule: str) -> None:
    with pytest.raises(ValueError) as refusal:
        to_atoms(Decimal(amount), SOL)

    assert str(refusal.value) == rule


@given(tokens, st.floats(min_value=1e-12, max_value=1e9))
def test_a_double_is_taken_down_to_the_atoms_that_are_whole_in_it(token: Token, amount: float) -> None:
    digits = Decimal(repr(amount))
    assume(digits >= to_units(1, token))

    atoms = to_atoms(digits, token, exact=False)

    assert to_units(atoms, token) <= digits < to_units(atoms + 1, token)


@pytest.mark.parametrize(
    ("amount", "atoms"),
    [("1.9999999999", 1_999_999_999), ("1E-9", 1), ("0." + "9" * 60_000, 999_999_999), ("12.5", 12_500_000_000)],
)
def test_what_is_finer_than_an_atom_may_be_left_out(amount: str, atoms: int) -> None:
    assert to_atoms(Decimal(amount), SOL, exact=False) == atoms


@pytest.mark.parametrize("amount", ["0.9E-9", "5E-324", "1E-999999999", "1E-1000000000000000025"])
def test_what_comes_to_no_atom_is_refused(amount: str) -> None:
    with pytest.raises(ValueError, match=r"^must be at least 0\.000000001 SOL$"):
        to_atoms(Decimal(amount), SOL, exact=False)


@pytest.mark.parametrize(("token", "decimals"), [(SOL, 9), (USDC, 6), (BONK, 5)])
def test_each_token_has_its_own_decimals(token: Token, decimals: int) -> None:
    finest = Decimal(1).scaleb(-decimals)

    assert to_atoms(finest, token) == 1
    with pytest.raises(ValueError, match=f"^must have at most {decimals} decimals for {token.symbol}$"):
        to_atoms(finest / 10, token)


@pytest.mark.parametrize("amount", ["1E+999999999", "-1E+999999999", "1E-999999999", "0E+999999999", "9" * 60_000])
def test_an_absurd_amount_is_refused_at_once(amount: str) -> None:
    started = time.process_time()

    with pytest.raises(ValueError, match="^must "):
        to_atoms(Decimal(amount), SOL)

    assert time.process_time() - started < 0.5


def test_a_price_is_units_out_per_unit_in() -> None:
    # 2,743.036278 USDC for 12.5 SOL: 2743.036278 / 12.5 = 219.44290224.
    assert price(12_500_000_000, SOL, 2_743_036_278, USDC) == Decimal("219.44290224")


def test_a_price_has_twelve_significant_digits() -> None:
    assert price(3_000_000_000, SOL, 1_000_000, USDC) == Decimal("0.333333333333")
    assert price(3_000_000, USDC, 200_000_000_000, BONK) == Decimal("666666.666667")


@pytest.mark.parametrize(
    ("token", "least"),
    [
        (SOL, 4_545_455),  # at 220 US dollars, one dollar is 4,545,454.54… lamports
        (USDC, 1_000_000),
        (BONK, 5_000_000_000),  # at 0.00002 dollars, 50,000 of 5 decimals
    ],
)
def test_what_is_worth_a_dollar_is_known_to_the_atom(token: Token, least: int) -> None:
    assert least_worth(token, {"SOL": Decimal(220), "USDC": Decimal(1), "BONK": Decimal("0.00002")}) == least


def test_any_number_of_dollars_may_be_asked_for() -> None:
    assert least_worth(USDC, {"USDC": Decimal(1)}, Decimal("2.5")) == 2_500_000


def test_without_a_price_any_amount_is_worth_enough() -> None:
    assert least_worth(BONK, {"USDC": Decimal(1)}) == 1


def test_worth_is_not_rounded_whatever_a_price_has_for_digits() -> None:
    assert least_worth(USDC, {"USDC": Decimal("0." + "9" * 60)}) == 1_000_001


@given(tokens, st.decimals(min_value="1e-12", max_value="1e6", places=12))
def test_the_least_that_is_wanted_is_never_rounded_down(token: Token, amount: Decimal) -> None:
    atoms = to_atoms(amount, token, exact=False, rounding=ROUND_CEILING)

    assert to_units(atoms - 1, token) < amount <= to_units(atoms, token)
