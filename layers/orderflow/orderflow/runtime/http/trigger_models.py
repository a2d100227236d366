"""What triggers orders, as clients write it: a model for each rule, JSON in, the engine's triggers out."""

from abc import abstractmethod
from decimal import Decimal
from typing import Any, Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from orderflow.domain.conditions import Limit, Price, Rule, Trigger
from orderflow.domain.slippage import BPS, DEFAULT_SLIPPAGE_BPS, LEAST_SLIPPAGE, MOST_SLIPPAGE
from orderflow.runtime.http.order_fields import GainBps, LossBps, PriceValue, Slippage, TrailBps, TriggerSlots
from orderflow.runtime.http.strict_model import FieldRuleError, StrictModel

PriceIn = Literal["token_out", "token_in"]
_FIRES = "the reference price that fires it"
STOP_SLIPPAGE_BPS = 2_000
"""What a stop allows when its client does not say: it is there to get out."""


def slippage_field(default_bps: int) -> Any:
    """Return the field of how much less than quoted is acceptable."""
    return Field(
        default=default_bps,
        description=f"how much less than quoted is acceptable, from {LEAST_SLIPPAGE} to {MOST_SLIPPAGE}. A number with"
        " more than 4 decimals is taken down to 4; a string must have no more",
        examples=[0.05],
        json_schema_extra={"default": float(Decimal(default_bps) / BPS)},
    )


def price_in_field(of: str = "") -> Any:
    """Return the field that says what the order's prices count; `of` says whose tokens are meant."""
    return Field(
        default="token_out",
        description=f"what the prices count: units of token_out per unit of token_in{of}; with `token_in`, units of"
        " token_in per unit of token_out, and all comparisons are inverted",
    )


def limit_of(value: Decimal | None, price_in: PriceIn) -> Limit | None:
    """Return the limit at a price, if there is one."""
    return None if value is None else Limit(price=price_of(value, price_in))


def price_of(value: Decimal, price_in: PriceIn) -> Price:
    """Return a price as it is written."""
    return Price(value, inverted=price_in == "token_in")


class TriggerInput(StrictModel):
    """What all triggers have."""

    trigger_slots: TriggerSlots = Field(
        default=1, description="in how many slots in a row the condition must hold, so that no single one fires it"
    )
    limit_price: PriceValue | None = Field(
        default=None,
        description="once triggered, execute at this price or better, rather than as max_slippage allows",
        examples=["205"],
    )

    @abstractmethod
    def trigger(self, price_in: PriceIn) -> Trigger:
        """Return the trigger, its prices written as `price_in` says."""


class TakeProfit(TriggerInput):
    """Executed once the pair's reference price is at or above `trigger_price`."""

    trigger_price: PriceValue = Field(description=_FIRES, examples=["250"])
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)

    def trigger(self, price_in: PriceIn) -> Trigger:
        return _trigger("take_profit", self, self.max_slippage, self.trigger_price, price_in)


class StopLoss(TriggerInput):
    """Executed once the pair's reference price is at or below `trigger_price`."""

    trigger_price: PriceValue = Field(description=_FIRES, examples=["200"])
    max_slippage: Slippage = slippage_field(STOP_SLIPPAGE_BPS)

    def trigger(self, price_in: PriceIn) -> Trigger:
        return _trigger("stop_loss", self, self.max_slippage, self.trigger_price, price_in)


class TrailingStop(TriggerInput):
    """Executed once the reference price is `trail_bps` below its highest since the order rests, or is active."""

    trail_bps: TrailBps = Field(description="how far below the highest, in basis points", examples=[100])
    activation_price: PriceValue | None = Field(
        default=None, description="the highest is looked for only once the reference price was at or above this one"
    )
    max_slippage: Slippage = slippage_field(STOP_SLIPPAGE_BPS)

    def trigger(self, price_in: PriceIn) -> Trigger:
        activation = None if self.activation_price is None else price_of(self.activation_price, price_in)
        limit = limit_of(self.limit_price, price_in)
        return Trigger(
            "trailing_stop",
            self.max_slippage,
            trail_bps=self.trail_bps,
            activation_price=activation,
            slots=self.trigger_slots,
            limit=limit,
        )


class Exit(TriggerInput):
    """What all exits have: a reference price, or how far it is from the price that the order before them has paid."""

    @model_validator(mode="after")
    def _has_one_price(self) -> Self:
        names = [name for name in type(self).model_fields if name in ("trigger_price", "gain_bps", "loss_bps")]
        given = [name for name in names if getattr(self, name) is not None]
        if not given:
            raise ValueError(f"must have a {' or a '.join(sorted(names, reverse=True))}")
        if len(given) > 1:
            raise FieldRuleError(min(given), f"must not come with {max(given)}")
        return self


class TakeProfitExit(Exit):
    """Executed once the reference price is at or above `trigger_price`, or `gain_bps` above what was paid."""

    trigger_price: PriceValue | None = Field(default=None, description=_FIRES, examples=["250"])
    gain_bps: GainBps | None = Field(
        default=None,
        description="in place of trigger_price: how far above the price that was paid, in basis points",
        examples=[5000],
    )
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)

    def trigger(self, price_in: PriceIn) -> Trigger:
        return _trigger("take_profit", self, self.max_slippage, self.trigger_price, price_in, self.gain_bps)


class StopLossExit(Exit):
    """Executed once the reference price is at or below `trigger_price`, or `loss_bps` below what was paid."""

    trigger_price: PriceValue | None = Field(default=None, description=_FIRES, examples=["200"])
    loss_bps: LossBps | None = Field(
        default=None,
        description="in place of trigger_price: how far below the price that was paid, in basis points",
        examples=[3000],
    )
    max_slippage: Slippage = slippage_field(STOP_SLIPPAGE_BPS)

    def trigger(self, price_in: PriceIn) -> Trigger:
        return _trigger("stop_loss", self, self.max_slippage, self.trigger_price, price_in, self.loss_bps)


class Exits(StrictModel):
    """What sells the atoms that an order has received once it is confirmed, for the token that it has sold.

    Two exits are an oco. `token_in` and `token_out` are those of the exits: the other way round than the order's.
    """

    price_in: PriceIn = price_in_field(" of the exits, which sell what the order has bought")
    stop_loss: StopLossExit | None = None
    take_profit: TakeProfitExit | None = None

    @field_validator("take_profit")
    @classmethod
    def _is_above(cls, take_profit: TakeProfitExit | None, info: ValidationInfo) -> TakeProfitExit | None:
        check_above_stop(take_profit, info)
        return take_profit

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.stop_loss is None and self.take_profit is None:
            raise ValueError("must have a take_profit or a stop_loss")
        return self

    def triggers(self) -> tuple[Trigger, ...]:
        """Return the triggers of the exits."""
        exits = (self.take_profit, self.stop_loss)
        return tuple(each.trigger(self.price_in) for each in exits if each is not None)


def check_above_stop(take_profit: TakeProfit | TakeProfitExit | None, info: ValidationInfo) -> None:
    """Check that a take_profit can't be met together with the stop_loss before it. Raises FieldRuleError.

    A gain and a loss are always apart. With the price of another trigger they can't be compared before the order is
    executed: ValueError.
    """
    stop_loss, price_in = info.data.get("stop_loss"), info.data.get("price_in")
    if take_profit is None or stop_loss is None or price_in is None:
        return
    if (take_profit.trigger_price is None) is not (stop_loss.trigger_price is None):
        raise ValueError("must have a trigger_price where stop_loss has one, and gain_bps where that has loss_bps")
    if take_profit.trigger_price is None or stop_loss.trigger_price is None:
        return
    profit, stop = (price_of(price, price_in) for price in (take_profit.trigger_price, stop_loss.trigger_price))
    if profit.exact <= stop.exact:
        side, where = ("below", " with price_in token_in") if profit.inverted else ("above", "")
        raise FieldRuleError("trigger_price", f"must be {side} stop_loss.trigger_price{where}")


def _trigger(
    rule: Rule,
    given: TriggerInput,
    slippage_bps: int,
    price: Decimal | None,
    price_in: PriceIn,
    entry_bps: int | None = None,
) -> Trigger:
    return Trigger(
        rule,
        slippage_bps,
        price=None if price is None else price_of(price, price_in),
        slots=given.trigger_slots,
        limit=limit_of(given.limit_price, price_in),
        entry_bps=entry_bps,
    )
