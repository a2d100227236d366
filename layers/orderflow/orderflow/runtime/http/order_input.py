"""Validates what a client asks for: JSON or a query string in, an order request in atoms out."""

import json
from collections.abc import Mapping
from decimal import Decimal
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
    model_validator,
)

from orderflow.domain.amounts import to_atoms
from orderflow.domain.order import OrderRequest
from orderflow.domain.slippage import BPS, DEFAULT_SLIPPAGE_BPS, LEAST_SLIPPAGE, MOST_SLIPPAGE, to_bps
from orderflow.domain.tokens import TOKENS, find_token
from orderflow.runtime.http.number_input import (
    TEXT_IS_A_NUMBER,
    Number,
    NumberField,
    OptionalNumberField,
    exact_json_number,
)
from orderflow.runtime.http.problems import FieldError, ProblemError, refused, shown

MAX_BODY_BYTES = 64 * 1024
MAX_MEMBERS = 32
"""How many members a JSON object, or a query, may have: an order has fewer, and each one more costs processor time."""
MAX_CLIENT_ORDER_ID_LENGTH = 64


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


_CLIENT_ORDER_ID_SCHEMA = {"type": ["string", "null"], "pattern": f"^[!-~]{{1,{MAX_CLIENT_ORDER_ID_LENGTH}}}$"}
ClientOrderId = Annotated[str | None, BeforeValidator(read_client_order_id), WithJsonSchema(_CLIENT_ORDER_ID_SCHEMA)]
TokenName = Annotated[str, AfterValidator(_known_token)]


class ExecuteOrder(BaseModel):
    """An order to execute. Fields are validated in this order, and the later ones see the earlier."""

    # Once validated, the amount is in atoms and the slippage in basis points, rounded down where they may be.
    model_config = ConfigDict(extra="forbid", frozen=True)

    token_in: TokenName = Field(description="what to sell: a symbol, in any case, or a mint", examples=["SOL"])
    token_out: TokenName = Field(description="what to buy", examples=["USDC"])
    amount: NumberField = Field(
        description="units of token_in. A number with more decimals than the token has is taken down to whole atoms; a"
        " string must have no more",
        examples=[12.5],
    )
    order_type: Literal["market"]
    max_slippage: OptionalNumberField = Field(
        default=DEFAULT_SLIPPAGE_BPS,
        description=f"how much less than quoted is acceptable, from {LEAST_SLIPPAGE} to {MOST_SLIPPAGE}. A number with"
        " more than 4 decimals is taken down to 4; a string must have no more",
        examples=[0.05],
        json_schema_extra={"default": float(Decimal(DEFAULT_SLIPPAGE_BPS) / BPS)},
    )
    client_order_id: ClientOrderId = Field(
        default=None,
        description="your own name for the order; sent again within 24 hours, the same order makes no second one."
        " Not together with an Idempotency-Key",
        examples=["desk-7.42"],
    )

    @model_validator(mode="before")
    @classmethod
    def _without_nulls(cls, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Take null for an optional field as not given: clients with types of their own send it."""
        if None not in fields.values():
            return dict(fields)
        optional = (name for name, field in cls.model_fields.items() if not field.is_required())
        nulls = {name for name in optional if fields.get(name, "") is None}
        return {name: value for name, value in fields.items() if name not in nulls}

    @field_validator("token_out")
    @classmethod
    def _is_traded(cls, token_out: str, info: ValidationInfo) -> str:
        token_in = info.data.get("token_in")
        if token_in == token_out:
            raise ValueError("must not be the same token as token_in")
        return token_out

    @field_validator("amount")
    @classmethod
    def _in_atoms(cls, amount: Number, info: ValidationInfo) -> int:
        if "token_in" in info.data:
            return to_atoms(amount.value, TOKENS[info.data["token_in"]], exact=amount.exact)
        if amount.value <= 0:
            raise ValueError("must be greater than zero")
        return 0  # of no token that is known: the order is refused

    @field_validator("max_slippage")
    @classmethod
    def _in_bps(cls, slippage: Number) -> int:
        return to_bps(slippage.value, exact=slippage.exact)

    def request(self) -> OrderRequest:
        """Return the request as the pipeline takes it."""
        return OrderRequest(self.token_in, self.token_out, self.amount, self.order_type, self.max_slippage)


def read_json_order(body: bytes) -> ExecuteOrder:
    """Return the order that a request body asks for. Raises ProblemError that names every field at fault."""
    return read_order(read_json_object(body))


def read_json_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object in a request body, its numbers exact. Raises ProblemError when it is none."""
    try:
        text = body.decode("utf-8-sig")  # a byte order mark is no part of the text
        if text.startswith("\ufeff"):
            raise json.JSONDecodeError("Unexpected UTF-8 BOM (decode using utf-8-sig)", text, 0)  # as json.loads
        fields = _json.decode(text)
    except UnicodeDecodeError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body is nested too deeply") from error
    except ValueError as error:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "the body must be a JSON object")
    return fields


def read_order(fields: Mapping[str, Any], *, text_is_a_number: bool = False) -> ExecuteOrder:
    """Return the order that `fields` ask for; in a query, `text_is_a_number`, and is taken as a JSON number is.

    Raises ProblemError that names the fields at fault.
    """
    try:
        return ExecuteOrder.model_validate(fields, context={TEXT_IS_A_NUMBER: text_is_a_number})
    except ValidationError as error:
        raise refused(
            FieldError(shown(".".join(str(part) for part in found["loc"])) or "body", _rule(found))
            for found in error.errors(include_url=False, include_input=False)
        ) from error


def _rule(found: Any) -> str:
    """Word one of Pydantic's errors as a rule: what the field must be."""
    match found["type"]:
        case "missing":
            return "is required"
        case "extra_forbidden":
            return "is not a field of an order"
        case "string_type":
            return "must be a string"
        case "string_unicode":
            return "must be Unicode, without half of a surrogate pair"
        case "literal_error":
            return f"must be {found['ctx']['expected']}"
        case "value_error":
            return str(found["ctx"]["error"])
    return str(found["msg"])


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Refuse an object with too many members, or that names a field twice: which of the two amounts was meant?"""
    if len(pairs) > MAX_MEMBERS:
        raise ProblemError(HTTPStatus.BAD_REQUEST, f"a JSON object here has at most {MAX_MEMBERS} members")
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a field is named twice")
    return fields


_json = json.JSONDecoder(
    parse_int=exact_json_number,
    parse_float=exact_json_number,
    parse_constant=_refuse_constant,
    object_pairs_hook=_members,
)
