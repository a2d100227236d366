"""How far a price or an amount has to go, in basis points."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.distance import distance_bps

atoms = st.integers(1, MAX_ATOMS)
prices = st.fractions(min_value=Fraction(1, 10**18), max_value=10**18).filter(bool)


@pytest.mark.parametrize(
    ("at", "now", "rises", "bps"),
    [
        (2_737_500_000, 2_736_981_102, True, "1.90"),
        (2_737_500_000, 2_737_499_999, True, "0.01"),
        (2_737_500_000, 2_737_500_000, True, "0"),
        (2_737_500_000, 2_737_500_001, True, "0"),
        (1_000, 1_010, True, "-100"),
        (1_000, 0, True, "10000"),
        (200, 210, False, "500"),
        (200, 190, False, "-500"),
    ],
)
def test_a_distance_is_in_basis_points_of_where_it_leads(at: int, now: int, rises: bool, bps: str) -> None:
    assert distance_bps(at, now, rises=rises) == Decimal(bps)


@given(st.one_of(st.tuples(atoms, atoms), st.tuples(prices, prices)), st.booleans())
def test_it_is_above_zero_just_as_long_as_it_is_not_reached(pair: tuple[Fraction, Fraction], rises: bool) -> None:
    at, now = pair

    assert (distance_bps(at, now, rises=rises) > 0) == (now < at if rises else now > at)
