"""What clients asked for, as numbers: the fields of an order in, its least price and its end out.

Written out here once more, and not taken from the system's code, since it is the system that is on trial.
"""

from collections.abc import Iterator, Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any, cast

from orderflow.domain.tokens import TOKENS
from tests.harness.chaos.history.posts import Identity

Conditions = Mapping[str, Any]


def exact_price(written: object, conditions: Conditions) -> Fraction:
    """Return a price as it is written in units of `token_out` per unit of `token_in`."""
    price = Fraction(str(written))
    return 1 / price if conditions.get("price_in") == "token_in" else price


def least_of(identity: Identity, conditions: Conditions) -> Fraction | None:
    """Return the fewest atoms of `token_out` for each atom of `token_in` that an order's limit asks for; None without.

    An order with two legs, of which each may have a limit, has the lower one, and none where one leg has none.
    """
    if conditions.get("min_amount_out") is not None:
        decimals = TOKENS[identity.token_out].decimals
        return Fraction(str(conditions["min_amount_out"])) * Fraction(10) ** decimals / identity.amount_in
    prices = [leg.get("limit_price") for leg in _legs(conditions)]
    if any(price is None for price in prices):
        return None
    least = min(exact_price(price, conditions) for price in prices)
    return least * Fraction(10) ** (TOKENS[identity.token_out].decimals - TOKENS[identity.token_in].decimals)


def triggers_of(conditions: Conditions) -> Iterator[tuple[str, Conditions]]:
    """Yield an order's triggers: the rule of each, and its fields."""
    if conditions["order_type"] == "oco":
        for rule in ("take_profit", "stop_loss"):
            yield rule, cast("Conditions", conditions[rule])
    elif conditions["order_type"] in ("take_profit", "stop_loss", "trailing_stop"):
        yield str(conditions["order_type"]), conditions


def target_mint(conditions: Conditions) -> str | None:
    """Return the mint of the token that an order waits for; None where any will do."""
    return cast("Conditions", conditions["target"]).get("mint")


def expires_at_s(conditions: Conditions) -> float | None:
    """Return when an order expires whose client has said the time, in seconds since 1970."""
    written = conditions.get("expires_at")
    return None if written is None else datetime.fromisoformat(str(written)).timestamp()


def _legs(conditions: Conditions) -> list[Conditions]:
    if conditions["order_type"] == "oco":
        return [leg for _, leg in triggers_of(conditions)]
    return [conditions]
