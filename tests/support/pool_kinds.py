"""Every type of constant-product pools: pools of it in, what they leave of a trade before rounding out."""

from collections.abc import Callable, Mapping
from fractions import Fraction
from typing import Any, NamedTuple

from hypothesis import strategies as st

from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool

Fees = st.SearchStrategy[dict[str, int]]


class Kind(NamedTuple):
    """What the tests know of a type: what its fee leaves of (the input, the output), and the fees to try.

    `any_fees` are the fields for every fee that the program allows, `fees` those for the ones that pools ask.
    """

    kept: Callable[[Any], tuple[Fraction, Fraction]]
    fees: Fees = st.just({})
    any_fees: Fees = st.just({})


def _rates(rates: st.SearchStrategy[int]) -> Fees:
    return st.fixed_dictionaries({"fee_rate": rates})


CPMM_FEES = _rates(st.sampled_from([100, 2_500, 10_000]))

CONSTANT_PRODUCT: Mapping[type[Pool], Kind] = {
    AmmV4: Kind(lambda _: (1 - Fraction(25, 10_000), Fraction(1))),
    Cpmm: Kind(lambda pool: (1 - Fraction(pool.fee_rate, 10**6), Fraction(1)), CPMM_FEES, CPMM_FEES),
    DammV2: Kind(
        lambda pool: (Fraction(1), 1 - Fraction(pool.fee_rate, 10**9)),
        _rates(st.integers(0, 20_000_000)),
        _rates(st.integers(0, 500_000_000)),
    ),
}
"""A line for each type. test_pool_types.py holds this to the table of types, so that none goes without its tests."""


def constant_product(
    kind: type[Pool],
    reserve_a: int,
    reserve_b: int,
    fees: Mapping[str, Any],
    *,
    name: str | None = None,
    tokens: tuple[str, str] = ("SOL", "USDC"),
) -> Pool:
    """Return a pool of a type, with the fields `fees`; where they are none, its own fee."""
    program = str(kind.__struct_config__.tag)
    fields: dict[str, Any] = {
        "pool": name or f"{program}:{tokens[0]}-{tokens[1]}",
        "venue": program.partition("_")[0],
        "token_a": tokens[0],
        "token_b": tokens[1],
        "reserve_a": reserve_a,
        "reserve_b": reserve_b,
    }
    return kind(**fields, **fees)


def any_constant_product(reserves: st.SearchStrategy[int]) -> st.SearchStrategy[Pool]:
    """Pools of every type, with any reserves of those given and any fee."""
    return st.one_of(
        [
            st.builds(constant_product, st.just(kind), reserves, reserves, known.any_fees)
            for kind, known in CONSTANT_PRODUCT.items()
        ]
    )
