"""What orders of all types have in common, as clients write it, and how long an order that rests is good."""

from abc import abstractmethod
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator

from orderflow.domain.order import OrderRequest, OrderType, TimeInForce
from orderflow.domain.ticks import HUBS
from orderflow.domain.tokens import TOKENS, Token
from orderflow.runtime.http.order_fields import Amount, ClientOrderId, ExpiresAt, ExpiresIn, TokenName
from orderflow.runtime.http.strict_model import StrictModel
from orderflow.runtime.http.trigger_models import PriceIn, price_in_field


class Sells(StrictModel):
    """What an order sells."""

    token_in: TokenName = Field(description="what to sell: a symbol, in any case, or a mint", examples=["SOL"])


class Buys(Sells):
    """What an order buys that says so itself."""

    token_out: TokenName = Field(description="what to buy", examples=["USDC"])

    @field_validator("token_out")
    @classmethod
    def _is_another(cls, token_out: Token, info: ValidationInfo) -> Token:
        if info.data.get("token_in") == token_out:
            raise ValueError("must not be the same token as token_in")
        return token_out


class OrderInput(Sells):
    """What every order has."""

    amount: Amount = Field(
        description="units of token_in. A number with more decimals than the token has is taken down to whole atoms; a"
        " string must have no more",
        examples=[12.5],
    )
    order_type: str
    client_order_id: ClientOrderId = Field(
        default=None,
        description="your own name for the order; sent again within 24 hours, the same order makes no second one."
        " Not together with an Idempotency-Key",
        examples=["desk-7.42"],
    )

    @property
    def expires_in_ms(self) -> int | None:
        """For how long the order is good from when it was made, if that was asked for rather than a time."""
        return None

    @abstractmethod
    def request(self, made_at_ms: int) -> OrderRequest:
        """Return the request of an order that was made at a time, in milliseconds since 1970."""


class PairOrder(OrderInput, Buys):
    """What every order has that trades two tokens which it names."""

    def _asked(self, order_type: OrderType, slippage_bps: int, **conditions: Any) -> OrderRequest:
        sold, bought = self.token_in, self.token_out
        launched = tuple(token for token in (sold, bought) if token.symbol not in TOKENS)
        return OrderRequest(
            sold.symbol, bought.symbol, self.amount, order_type, slippage_bps, **conditions, tokens=launched
        )


class ExpiringOrder(OrderInput):
    """What every order that waits has."""

    expires_at: ExpiresAt | None = Field(
        default=None,
        description="until when it is good: nothing is filled at or after that. RFC 3339 with its offset, at most a"
        " year ahead",
        examples=["2026-12-01T12:00:00Z"],
    )
    expires_in: ExpiresIn | None = Field(
        default=None, description="for how many seconds it is good, at most a year of them", examples=[86400]
    )

    @field_validator("expires_in")
    @classmethod
    def _is_the_only_one(cls, expires_in: int | None, info: ValidationInfo) -> int | None:
        if expires_in is not None and info.data.get("expires_at") is not None:
            raise ValueError("must not come with expires_at")
        return expires_in

    @field_validator("time_in_force", check_fields=False)
    @classmethod
    def _has_an_end(cls, time_in_force: TimeInForce, info: ValidationInfo) -> TimeInForce:
        # A field that was refused is not among the data; the order then has an end, though none that can be used.
        given = [info.data.get(name, "refused") for name in ("expires_at", "expires_in")]
        if time_in_force == "gtd" and given == [None, None]:
            raise ValueError("gtd needs expires_at or expires_in")
        return time_in_force

    @property
    def expires_in_ms(self) -> int | None:
        return self.expires_in

    def _good(self, time_in_force: TimeInForce, made_at_ms: int) -> dict[str, Any]:
        """Return how long the order is good; one without an end of its own is, when it has one, good till then."""
        ends_at_ms = self.expires_at if self.expires_in is None else made_at_ms + self.expires_in
        if time_in_force in ("gtc", "gtd"):
            time_in_force = "gtc" if ends_at_ms is None else "gtd"
        return {"time_in_force": time_in_force, "expires_at_ms": ends_at_ms}


class RestingOrder(ExpiringOrder, PairOrder):
    """What every order has that waits for prices."""

    price_in: PriceIn = price_in_field()

    @field_validator("token_out")
    @classmethod
    def _has_prices(cls, token_out: Token, info: ValidationInfo) -> Token:
        check_prices(info.data.get("token_in"), token_out)
        return token_out


class Patient(ExpiringOrder):
    """What every order that waits has which is not a limit order."""

    time_in_force: Literal["gtc", "gtd"] = Field(
        default="gtc",
        description="`gtc`: until it is cancelled; `gtd`: until it expires; with an expiry, gtc is gtd",
    )


class PatientOrder(RestingOrder, Patient):
    """What every order has that waits for prices and is not a limit order."""


def check_prices(sold: Token | None, bought: Token | None) -> None:
    """Check that two tokens have prices which orders can wait for: one that was launched has some against HUBS only.

    None is one that was refused. Raises ValueError with the rule.
    """
    if sold is None or bought is None:
        return
    for launched, other in ((sold, bought), (bought, sold)):
        if launched.symbol not in TOKENS and other.symbol not in HUBS:
            raise ValueError(
                f"must make a pair that has prices to wait for: {launched.symbol}, which was launched, has some against"
                f" {' and '.join(HUBS)} only"
            )
