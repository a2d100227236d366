"""Validates what a client asks for: JSON or a query string in, an order request in atoms out."""

import json
import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from http import HTTPStatus
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    ValidationError,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
)

from functions.accept_order.problems import FieldError, ProblemError
from orderflow.domain.amounts import to_atoms
from orderflow.domain.order import OrderRequest
from orderflow.domain.slippage import BPS, DEFAULT_SLIPPAGE_BPS, MAX_SLIPPAGE_BPS, MIN_SLIPPAGE_BPS
from orderflow.domain.tokens import TOKENS, find_token

MAX_BODY_BYTES = 64 * 1024
LEAST_SLIPPAGE, MOST_SLIPPAGE = Decimal(MIN_SLIPPAGE_BPS) / BPS, Decimal(MAX_SLIPPAGE_BPS) / BPS
MAX_CLIENT_ORDER_ID_LENGTH = 64
_DECIMAL = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,9})?", re.ASCII)


def _exact_decimal(value: object) -> Decimal:
    """Return a JSON number (read as int or Decimal) or a decimal string, exactly. Raises ValueError."""
    if isinstance(value, str):
        if len(value) > 100 or not _DECIMAL.fullmatch(value.strip()):
            raise ValueError("must be a decimal number")
        return Decimal(value.strip())
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        raise ValueError("must be a number or a decimal string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    return Decimal(value)


def _known_token(value: str) -> str:
    token = find_token(value)
    if token is None:
        raise ValueError(f"must be one of {', '.join(TOKENS)}, or the mint of one")
    return token.symbol


def read_client_order_id(value: object) -> str:
    """Return a client's own name for an order. Raises ValueError with the rule that it breaks."""
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    if not 1 <= len(value) <= MAX_CLIENT_ORDER_ID_LENGTH:
        raise ValueError(f"must have 1 to {MAX_CLIENT_ORDER_ID_LENGTH} characters")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must be printable ASCII without spaces")
    return value


_NUMBER_SCHEMA = {"anyOf": [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]}
ExactDecimal = Annotated[Decimal, BeforeValidator(_exact_decimal), WithJsonSchema(_NUMBER_SCHEMA)]
_CLIENT_ORDER_ID_SCHEMA = {"type": "string", "pattern": f"^[!-~]{{1,{MAX_CLIENT_ORDER_ID_LENGTH}}}$"}
ClientOrderId = Annotated[str | None, BeforeValidator(read_client_order_id), WithJsonSchema(_CLIENT_ORDER_ID_SCHEMA)]
TokenName = Annotated[str, AfterValidator(_known_token)]


class ExecuteOrder(BaseModel):
    """An order to execute. Fields are validated in this order, and the later ones see the earlier."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    token_in: TokenName = Field(description="what to sell: a symbol, in any case, or a mint", examples=["SOL"])
    token_out: TokenName = Field(description="what to buy", examples=["USDC"])
    amount: ExactDecimal = Field(description="units of token_in, no more decimals than it has", examples=[12.5])
    order_type: Literal["market"]
    max_slippage: ExactDecimal = Field(
        default=Decimal(DEFAULT_SLIPPAGE_BPS) / BPS,
        description=f"how much less than quoted is acceptable, from {LEAST_SLIPPAGE} to {MOST_SLIPPAGE}",
        examples=[0.05],
    )
    client_order_id: ClientOrderId = Field(
        default=None,
        description="your own name for the order; sent again within 24 hours, the same order makes no second one."
        " Not together with an Idempotency-Key",
        examples=["desk-7.42"],
    )

    @field_validator("token_out")
    @classmethod
    def _is_traded(cls, token_out: str, info: ValidationInfo) -> str:
        token_in = info.data.get("token_in")
        if token_in == token_out:
            raise ValueError("must not be the same token as token_in")
        return token_out

    @field_validator("amount")
    @classmethod
    def _fits_the_token(cls, amount: Decimal, info: ValidationInfo) -> Decimal:
        if not amount.is_finite() or amount <= 0:
            raise ValueError("must be greater than zero")
        if "token_in" in info.data:
            to_atoms(amount, TOKENS[info.data["token_in"]])
        return amount

    @field_validator("max_slippage")
    @classmethod
    def _is_allowed(cls, slippage: Decimal) -> Decimal:
        if not LEAST_SLIPPAGE <= slippage <= MOST_SLIPPAGE:
            raise ValueError(f"must be from {LEAST_SLIPPAGE} to {MOST_SLIPPAGE}")
        if slippage != round(slippage, 4):
            raise ValueError("must have at most 4 decimals")
        return slippage

    def request(self) -> OrderRequest:
        """Return the request as the pipeline takes it."""
        return OrderRequest(
            token_in=self.token_in,
            token_out=self.token_out,
            amount_in=to_atoms(self.amount, TOKENS[self.token_in]),
            order_type=self.order_type,
            slippage_bps=int(self.max_slippage * BPS),
        )


def read_json_order(body: bytes) -> ExecuteOrder:
    """Return the order that a request body asks for. Raises ProblemError that names every field at fault."""
    try:
        fields = json.loads(
            body.decode(),
            parse_int=_exact_number,
            parse_float=_exact_number,
            parse_constant=_refuse_constant,
            object_pairs_hook=_unique,
        )
    except UnicodeDecodeError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is nested too deeply") from error
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return read_order(fields)


def read_order(fields: Mapping[str, Any]) -> ExecuteOrder:
    """Return the order that `fields` ask for. Raises ProblemError that names every field at fault."""
    try:
        return ExecuteOrder.model_validate(fields)
    except ValidationError as error:
        errors = tuple(
            FieldError(".".join(str(part) for part in found["loc"]) or "body", _rule(found))
            for found in error.errors(include_url=False, include_input=False)
        )
        detail = "; ".join(f"{found.field} {found.rule}" for found in errors)
        raise ProblemError(HTTPStatus.BAD_REQUEST, detail, errors) from error


def _rule(found: Any) -> str:
    """Word one of Pydantic's errors as a rule: what the field must be."""
    match found["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of an order"
        case "string_type":
            return "must be a string"
        case "literal_error":
            return f"must be {found['ctx']['expected']}"
        case "value_error":
            return str(found["ctx"]["error"])
    return str(found["msg"])


def _exact_number(text: str) -> Decimal | str:
    """Return a JSON number; one whose exponent not even a Decimal can hold stays text, for its field to refuse."""
    try:
        return Decimal(text)
    except InvalidOperation:
        return text


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object that names a field twice: which of the two amounts was meant?"""
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields
