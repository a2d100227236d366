"""The order that waits for a launch, as clients write it: JSON in, the request that the pipeline takes out."""

from typing import Literal, Self

from pydantic import Field, ValidationInfo, field_validator, model_validator

from orderflow.domain.launches import LaunchFilters, Priority, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.ticks import HUBS
from orderflow.domain.tokens import Token
from orderflow.runtime.http.number_input import least_atoms
from orderflow.runtime.http.order_base import Patient
from orderflow.runtime.http.order_fields import Flag, Mint, Quantity, Slippage, Top10Bps, launched_in
from orderflow.runtime.http.strict_model import FieldRuleError, StrictModel
from orderflow.runtime.http.trigger_models import Exits, slippage_field

SNIPE_SLIPPAGE_BPS = 2_500
"""What an order allows at a launch when its client does not say: others buy there too."""


class Target(StrictModel):
    """Which launch is bought: that of a token to come, or the next that passes the filters."""

    mint: Mint | None = Field(default=None, description="the mint of the token to come")
    any: Flag | None = Field(
        default=None, description="in place of mint, true: the first launch against token_in that passes the filters"
    )

    @model_validator(mode="after")
    def _is_one(self) -> Self:
        if self.any is False:
            raise FieldRuleError("any", "must be true, where it is given")
        if self.mint is None and self.any is None:
            raise ValueError("must have a mint, or any: true")
        if self.mint is not None and self.any is not None:
            raise FieldRuleError("any", "must not come with mint")
        return self


class Filters(StrictModel):
    """What a launch has to be; what is not given may be anything."""

    mint_renounced: Flag | None = Field(default=None, description="whether nobody can make more of the token")
    freezable: Flag | None = Field(default=None, description="whether holders may be stopped from selling it")
    lp_burned: Flag | None = Field(default=None, description="whether nobody can take the pool's liquidity out")
    max_top10_bps: Top10Bps | None = Field(
        default=None, description="the most that the ten largest holders have of it, in basis points", examples=[3000]
    )
    min_liquidity: Quantity | None = Field(
        default=None, description="the least units of token_in that the pool opens with", examples=["10000"]
    )
    venue: Literal["raydium", "meteora"] | None = Field(default=None, description="where its pool is")


class SniperOrder(Patient):
    """An order that buys a token as soon as it is launched; what that is, is known only then."""

    order_type: Literal["sniper"]
    target: Target
    filters: Filters = Field(default=Filters(), json_schema_extra={"default": {}})
    max_slippage: Slippage = slippage_field(SNIPE_SLIPPAGE_BPS)
    priority: Priority = Field(
        default="normal", description="how much is paid to land soon: 0.00001, 0.0002 or 0.002 SOL"
    )
    then: Exits | None = Field(
        default=None, description="once it is confirmed, an order that sells what was received is made in the same step"
    )

    @field_validator("token_in")
    @classmethod
    def _is_a_hub(cls, token_in: Token) -> Token:
        if token_in.symbol not in HUBS:
            raise ValueError(f"must be {' or '.join(HUBS)} for a sniper order")
        return token_in

    @field_validator("target")
    @classmethod
    def _takes_the_token(cls, target: Target, info: ValidationInfo) -> Target:
        token_in, launch = info.data.get("token_in"), launched_in(info).coming.get(target.mint or "")
        if launch is not None and token_in is not None and launch.quote != token_in.symbol:
            why = f"the pool of {launch.token.symbol} takes {launch.quote}"
            raise FieldRuleError("mint", f"must be that of a token whose pool takes {token_in.symbol}: {why}")
        return target

    @field_validator("filters")
    @classmethod
    def _has_a_least(cls, filters: Filters, info: ValidationInfo) -> Filters:
        _least(filters, info.data.get("token_in"))
        return filters

    def request(self, made_at_ms: int) -> OrderRequest:
        filters = LaunchFilters(
            mint_renounced=self.filters.mint_renounced,
            freezable=self.filters.freezable,
            lp_burned=self.filters.lp_burned,
            max_top10_bps=self.filters.max_top10_bps,
            min_liquidity=_least(self.filters, self.token_in),
            venue=self.filters.venue,
        )
        return OrderRequest(
            self.token_in.symbol,
            "",
            self.amount,
            "sniper",
            self.max_slippage,
            exits=self.then.triggers() if self.then else (),
            snipe=Snipe(self.target.mint, filters, self.priority),
            **self._good(self.time_in_force, made_at_ms),
        )


def _least(filters: Filters, token_in: Token | None) -> int | None:
    """Return the least liquidity in atoms; None without one. Raises FieldRuleError."""
    if filters.min_liquidity is None or token_in is None:
        return None
    try:
        return least_atoms(filters.min_liquidity, token_in)
    except ValueError as error:
        raise FieldRuleError("min_liquidity", str(error)) from error
