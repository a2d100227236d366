"""What clients may order, a model for each type of order: JSON or a query in, the request that the pipeline takes out.

Once validated, amounts are in atoms, slippages in basis points and times in milliseconds.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from orderflow.domain.conditions import Limit, Schedule
from orderflow.domain.order import OrderRequest
from orderflow.domain.slippage import DEFAULT_SLIPPAGE_BPS
from orderflow.runtime.http.order_base import OrderInput, PairOrder, PatientOrder, RestingOrder, check_prices
from orderflow.runtime.http.order_fields import Flag, Interval, LeastOut, PriceValue, Slices, Slippage
from orderflow.runtime.http.sniper_model import SniperOrder
from orderflow.runtime.http.trigger_models import (
    Exits,
    StopLoss,
    TakeProfit,
    TrailingStop,
    TriggerInput,
    check_above_stop,
    limit_of,
    slippage_field,
)

_THEN = "once it is confirmed, an order that sells what was received is made in the same step"
_LIMIT_PRICE = (
    "the least price at which it is executed: it receives at least amount · limit_price, rounded up to an atom"
)


class MarketOrder(PairOrder):
    """An order that is executed at once."""

    order_type: Literal["market"]
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)
    then: Exits | None = Field(default=None, description=_THEN)

    @field_validator("then")
    @classmethod
    def _has_prices(cls, then: Exits | None, info: ValidationInfo) -> Exits | None:
        if then is not None:
            check_prices(info.data.get("token_in"), info.data.get("token_out"))
        return then

    def request(self, made_at_ms: int) -> OrderRequest:
        return self._asked("market", self.max_slippage, exits=self.then.triggers() if self.then else ())


class LimitOrder(RestingOrder):
    """An order that is executed once its whole amount yields at least what its limit asks for."""

    order_type: Literal["limit"]
    min_amount_out: LeastOut | None = Field(
        default=None,
        description="in place of limit_price: the least units of token_out that the whole amount is to yield",
        examples=["2767.125"],
    )
    limit_price: PriceValue | None = Field(
        default=None, validate_default=True, description=_LIMIT_PRICE, examples=["221.37"]
    )
    time_in_force: Literal["gtc", "gtd", "fok", "ioc"] = Field(
        default="gtc",
        description="`gtc`: until it is cancelled; `gtd`: until it expires; with an expiry, gtc is gtd. `fok`: all at"
        " once when it comes in, or not at all; `ioc`: what the limit allows then, and the rest is cancelled",
    )
    allow_partial: Flag = Field(
        default=False, description="whether it may be filled in parts, of which each meets the limit; not with fok"
    )
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)
    then: Exits | None = Field(default=None, description=_THEN)

    @field_validator("limit_price")
    @classmethod
    def _is_the_only_limit(cls, limit_price: Any, info: ValidationInfo) -> Any:
        least = info.data.get("min_amount_out", "refused")
        if limit_price is None and least is None:
            raise ValueError("is required for a limit order")
        if limit_price is not None and least is not None:
            raise ValueError("must not come with min_amount_out")
        return limit_price

    @field_validator("allow_partial")
    @classmethod
    def _is_no_fok(cls, allow_partial: bool, info: ValidationInfo) -> bool:
        if allow_partial and info.data.get("time_in_force") == "fok":
            raise ValueError("must not be true with time_in_force fok")
        return allow_partial

    @field_validator("then")
    @classmethod
    def _follows_the_whole(cls, then: Exits | None, info: ValidationInfo) -> Exits | None:
        # Exits come when all of the order is executed: a part whose rest is cancelled would have none, unprotected.
        if then is not None and info.data.get("allow_partial"):
            raise ValueError("must not come with allow_partial")
        if then is not None and info.data.get("time_in_force") == "ioc":
            raise ValueError("must not come with time_in_force ioc")
        return then

    def request(self, made_at_ms: int) -> OrderRequest:
        limit = limit_of(self.limit_price, self.price_in) or Limit(min_amount_out=self.min_amount_out)
        return self._asked(
            "limit",
            self.max_slippage,
            limit=limit,
            allow_partial=self.allow_partial and self.time_in_force != "ioc",  # which is filled in parts anyway
            exits=self.then.triggers() if self.then else (),
            **self._good(self.time_in_force, made_at_ms),
        )


class TriggeredOrder(TriggerInput, PatientOrder):
    """What every order has that one trigger fires."""

    def request(self, made_at_ms: int) -> OrderRequest:
        trigger = self.trigger(self.price_in)
        good = self._good(self.time_in_force, made_at_ms)
        return self._asked(trigger.rule, trigger.slippage_bps, triggers=(trigger,), **good)


class TakeProfitOrder(TakeProfit, TriggeredOrder):
    """An order that is executed once the reference price has risen to its trigger price."""

    order_type: Literal["take_profit"]


class StopLossOrder(StopLoss, TriggeredOrder):
    """An order that is executed once the reference price has fallen to its trigger price."""

    order_type: Literal["stop_loss"]


class TrailingStopOrder(TrailingStop, TriggeredOrder):
    """An order that is executed once the reference price has fallen by its trail from the highest."""

    order_type: Literal["trailing_stop"]


class OcoOrder(PatientOrder):
    """An order that is executed by its take_profit or its stop_loss, whichever is met first."""

    order_type: Literal["oco"]
    stop_loss: StopLoss
    take_profit: TakeProfit

    @field_validator("take_profit")
    @classmethod
    def _is_above(cls, take_profit: TakeProfit, info: ValidationInfo) -> TakeProfit:
        check_above_stop(take_profit, info)
        return take_profit

    def request(self, made_at_ms: int) -> OrderRequest:
        triggers = tuple(each.trigger(self.price_in) for each in (self.take_profit, self.stop_loss))
        good = self._good(self.time_in_force, made_at_ms)
        return self._asked("oco", triggers[0].slippage_bps, triggers=triggers, **good)


class TwapOrder(PatientOrder):
    """An order that is executed in slices, one after the other; `dca` is another name for it."""

    order_type: Literal["twap", "dca"]
    slices: Slices = Field(description="in how many parts: each is what remains over the parts left", examples=[10])
    interval: Interval = Field(
        description="whole seconds of the market's time from one slice to the next", examples=[60]
    )
    limit_price: PriceValue | None = Field(
        default=None, description="the least price of a slice; one that would not get it is left out"
    )
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)

    def request(self, made_at_ms: int) -> OrderRequest:
        return self._asked(
            "twap",
            self.max_slippage,
            limit=limit_of(self.limit_price, self.price_in),
            schedule=Schedule(self.slices, self.interval * 1000),
            **self._good(self.time_in_force, made_at_ms),
        )


MODELS: Mapping[str, type[OrderInput]] = MappingProxyType(
    {
        "market": MarketOrder,
        "limit": LimitOrder,
        "take_profit": TakeProfitOrder,
        "stop_loss": StopLossOrder,
        "trailing_stop": TrailingStopOrder,
        "oco": OcoOrder,
        "twap": TwapOrder,
        "dca": TwapOrder,
        "sniper": SniperOrder,
    }
)
"""The models by the types that clients write."""


class UntypedOrder(PairOrder):
    """An order of a type that there is not: it is refused, and this finds what else is wrong with it."""

    order_type: Literal["market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "dca", "sniper"]
    max_slippage: Slippage = slippage_field(DEFAULT_SLIPPAGE_BPS)

    def request(self, made_at_ms: int) -> OrderRequest:
        raise TypeError(f"there is no order of the type {self.order_type}")
