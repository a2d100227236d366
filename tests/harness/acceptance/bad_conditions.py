"""A table of what a client can get wrong in an order that waits, with the field and the rule that it must be answered.

The words of a rule are part of what the API promises where they stand here; elsewhere the field is enough.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from tests.harness.acceptance.trial import Order, market_order

NEEDS: dict[str, Order] = {
    "limit": {"limit_price": "221.37"},
    "take_profit": {"trigger_price": "250"},
    "stop_loss": {"trigger_price": "200"},
    "trailing_stop": {"trail_bps": 100},
    "oco": {"take_profit": {"trigger_price": "250"}, "stop_loss": {"trigger_price": "200"}},
    "twap": {"slices": 10, "interval": 60},
}
"""What an order of each type needs beside its tokens and amount."""
DUST = "0.001"
"""So many SOL are worth less than a dollar, as long as one is worth less than a thousand."""


@dataclass(frozen=True, slots=True)
class BadCondition:
    """An order that must be refused with 400, naming `field`, and in the words of `rule` where they are given."""

    order: Order
    field: str
    rule: str | None = None

    @property
    def name(self) -> str:
        """What is wrong with the order, in its own words."""
        value = self.order.get(self.field.partition(".")[0], "missing")
        return f"{self.order['order_type']} with {self.field.partition('.')[0]} {value}"


def waiting_order(order_type: str, **more: object) -> Order:
    """Return a valid order of a type that waits; `more` adds to it or changes it, None leaves out."""
    fields = market_order(amount="5") | {"order_type": order_type} | NEEDS[order_type] | more
    return {name: value for name, value in fields.items() if value is not None}


def bad_conditions() -> Iterator[BadCondition]:
    """Yield every order that must be refused for what it waits for."""
    yield from _missing()
    yield from _of_other_types()
    for order_type, field, values in (*_VALUES, *_times()):
        for value in values:
            yield BadCondition(waiting_order(order_type, **{field: value}), field)
    yield from _combined()
    yield from _legs()
    yield from _dust()


_NO_PRICES: tuple[object, ...] = (
    0,
    -1,
    "-0.5",
    "abc",
    "221,37",
    True,
    [],
    {},
    "1e400",
    1e300,
    "NaN",
    "0.1234567890123456789",
)
_VALUES: tuple[tuple[str, str, tuple[object, ...]], ...] = (
    ("limit", "limit_price", _NO_PRICES),
    ("limit", "price_in", ("SOL", "TOKEN_IN", 1, [])),
    ("limit", "time_in_force", ("GTC", "day", 1, [], "gtd")),
    ("limit", "allow_partial", ("true", 1, [])),
    ("limit", "then", (1, [], {}, {"take_profit": None})),
    ("take_profit", "trigger_slots", (0, 151, 1.5, "abc", -1, True, [])),
    ("take_profit", "time_in_force", ("fok", "ioc", "gtd")),
    ("stop_loss", "trigger_price", _NO_PRICES),
    ("stop_loss", "max_slippage", ("0.001", 0.51)),
    ("trailing_stop", "trail_bps", (49, 9001, 99.5, "abc", -100, True, [])),
    ("trailing_stop", "activation_price", _NO_PRICES),
    ("oco", "take_profit", (1, "250", [])),
    ("oco", "time_in_force", ("fok", "ioc", "gtd")),
    ("twap", "slices", (0, 1, 1001, 2.5, "abc", True)),
    ("twap", "interval", (0, -1, 604_801, 0.5, "1m", True)),
    ("twap", "time_in_force", ("fok", "ioc", "gtd")),
)


def _missing() -> Iterator[BadCondition]:
    yield BadCondition(waiting_order("limit", limit_price=None), "limit_price", "is required for a limit order")
    for order_type, needs in NEEDS.items():
        for field in needs:
            yield BadCondition(waiting_order(order_type, **{field: None}), field)


def _of_other_types() -> Iterator[BadCondition]:
    for field in ("limit_price", "trigger_price", "trail_bps", "slices", "expires_in", "time_in_force", "price_in"):
        yield BadCondition(market_order() | {field: 1}, field, "is not a field of a market order")
    for order_type in NEEDS:
        yield BadCondition(waiting_order(order_type, colour="red"), "colour")
    yield BadCondition(waiting_order("limit", trail_bps=100), "trail_bps", "is not a field of a limit order")
    yield BadCondition(waiting_order("twap", min_amount_out=1), "min_amount_out", "is not a field of a twap order")


def _times() -> tuple[tuple[str, str, tuple[object, ...]], ...]:
    now = datetime.now(UTC)
    past, far = (now - timedelta(minutes=1)).isoformat(), (now + timedelta(days=400)).isoformat()
    no_time: tuple[object, ...] = (
        1767225600,
        "1767225600",
        "2026-12-01T12:00:00",
        "2026-12-01",
        "tomorrow",
        past,
        far,
        True,
        {},
    )
    return (("limit", "expires_at", no_time), ("oco", "expires_in", (0, -1, 40_000_000, "1h", True, [])))


def _combined() -> Iterator[BadCondition]:
    for amount in (0, -1, "0.0000001", 1e20, "abc", True):
        yield BadCondition(waiting_order("limit", limit_price=None, min_amount_out=amount), "min_amount_out")
    yield BadCondition(waiting_order("limit", min_amount_out="1100"), "limit_price")
    both = {"expires_at": (datetime.now(UTC) + timedelta(hours=1)).isoformat(), "expires_in": 60}
    yield BadCondition(waiting_order("twap", **both), "expires_in")
    yield BadCondition(waiting_order("limit", time_in_force="fok", allow_partial=True), "allow_partial")


def _legs() -> Iterator[BadCondition]:
    above = "must be above stop_loss.trigger_price"
    for profit in ("200", "150"):
        legs = {"take_profit": {"trigger_price": profit}, "stop_loss": {"trigger_price": "200"}}
        yield BadCondition(waiting_order("oco", **legs), "take_profit.trigger_price", above)
        yield BadCondition(market_order(then=legs), "then.take_profit.trigger_price", above)
    below = "must be below stop_loss.trigger_price with price_in token_in"
    yield BadCondition(waiting_order("oco", price_in="token_in"), "take_profit.trigger_price", below)
    yield BadCondition(waiting_order("oco", take_profit={}), "take_profit.trigger_price")
    # Exits may have a price that follows from what was paid.
    yield BadCondition(market_order(then={"take_profit": {}}), "then.take_profit")
    for field, leg in (
        ("trigger_price", {"trigger_price": -1}),
        ("trail_bps", {"trigger_price": "250", "trail_bps": 100}),
        ("trigger_slots", {"trigger_price": "250", "trigger_slots": 151}),
    ):
        yield BadCondition(waiting_order("oco", take_profit=leg), f"take_profit.{field}")
        yield BadCondition(market_order(then={"take_profit": leg}), f"then.take_profit.{field}")


def _dust() -> Iterator[BadCondition]:
    for order_type in ("limit", "take_profit", "stop_loss", "trailing_stop", "oco"):
        yield BadCondition(waiting_order(order_type, amount=DUST), "amount", "is worth less than 1 USD")
    yield BadCondition(waiting_order("twap", amount="0.01", slices=10), "amount", "is worth less than 1 USD a slice")
