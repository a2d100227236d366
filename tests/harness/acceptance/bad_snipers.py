"""A table of what a client can get wrong in an order that waits for a launch, with the field that must be named."""

from collections.abc import Iterator

from tests.harness.acceptance.bad_conditions import BadCondition
from tests.harness.acceptance.trial import Order

NO_TOKEN_YET = "11111111111111111111111111111112"
"""32 bytes in base58 that are the mint of no token."""
USDC_MINT = "EPjFWdd5AufqSSqeM2qN1xzybapC8G4wEGGkZwyTDt1v"

_VALUES: tuple[tuple[str, tuple[object, ...]], ...] = (
    ("token_in", ("BONK", "USDT", "DOGE", 5, None)),
    ("amount", (0, -1, "abc", "0.1", None)),
    ("max_slippage", ("0.001", 0.51, "abc", True)),
    ("priority", ("Turbo", "slow", 1, [])),
    ("time_in_force", ("fok", "ioc", "gtd")),
    ("expires_in", (0, -1, "1h", True)),
    ("expires_at", (1767225600, "2026-12-01T12:00:00")),
    ("target.mint", ("", "abc", 5, "0" * 32, "MOON200", "1" + NO_TOKEN_YET)),
    ("target.any", ("true", 1)),
    ("filters.mint_renounced", ("true", 1)),
    ("filters.freezable", ("no", 0)),
    ("filters.lp_burned", ("yes", [])),
    ("filters.max_top10_bps", (-1, 10_001, 0.5, "abc", True)),
    ("filters.min_liquidity", (-1, "abc", True)),
    ("filters.venue", ("orca", 1)),
    ("filters.colour", ("red",)),
    ("then.take_profit.gain_bps", (0, -1, 0.5, "abc")),
    ("then.stop_loss.loss_bps", (0, 10_000, -1, "abc")),
)
_NO_TARGETS: tuple[object, ...] = (1, "any", [], {})
_NOT_ITS_FIELDS = ("token_out", "limit_price", "trigger_price", "trail_bps", "slices", "allow_partial", "price_in")


def sniper(**fields: object) -> Order:
    """Return a valid order that waits for the next launch; `fields` add to it or change it, None leaves out."""
    order = {"token_in": "USDC", "amount": "5", "order_type": "sniper", "target": {"any": True}} | fields
    return {name: value for name, value in order.items() if value is not None}


def bad_snipers() -> Iterator[BadCondition]:
    """Yield every order for a launch that must be refused."""
    yield BadCondition(sniper(target=None), "target")
    yield from (BadCondition(sniper(target=target), "target") for target in _NO_TARGETS)
    yield BadCondition(sniper(target={"mint": NO_TOKEN_YET, "any": True}), "target.any")
    yield BadCondition(sniper(target={"any": False}), "target.any")
    yield BadCondition(sniper(target={"mint": USDC_MINT}), "target.mint")
    for field in _NOT_ITS_FIELDS:
        yield BadCondition(sniper(**{field: 1}), field, "is not a field of a sniper order")
    for field, values in _VALUES:
        for value in values:
            yield BadCondition(sniper(**_within(field, value)), field)
    yield BadCondition(sniper(filters=1), "filters")
    yield BadCondition(sniper(then={}), "then")
    yield BadCondition(sniper(then={"stop_loss": {}}), "then.stop_loss")
    both = {"trigger_price": "1", "gain_bps": 100}
    yield BadCondition(sniper(then={"take_profit": both}), "then.take_profit.gain_bps")


def _within(field: str, value: object) -> dict[str, object]:
    """Return a field with a value, inside those that its name says it stands in."""
    name, _, inner = field.partition(".")
    return {name: _within(inner, value) if inner else value}
