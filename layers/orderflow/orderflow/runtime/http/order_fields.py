"""The fields that orders are made of, as Pydantic reads them: JSON or a query's text in, what the engine counts in out.

Amounts become atoms, slippages basis points, times milliseconds; prices stay as they are written. What a field of
another one's (the token that an amount is of) has to say is in the data that was validated before it.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, PlainValidator, ValidationInfo, WithJsonSchema

from orderflow.domain.tokens import TOKENS, Token, find_token
from orderflow.runtime import clock
from orderflow.runtime.http.number_input import (
    is_query,
    read_amount,
    read_least_amount,
    read_price,
    read_seconds,
    read_slippage,
    whole_number,
)

MAX_CLIENT_ORDER_ID_LENGTH = 64
MAX_AHEAD_S = 366 * 24 * 60 * 60
"""A year: long enough for the same day of the next one."""
LEAST_TRAIL_BPS, MOST_TRAIL_BPS = 50, 9_000
MOST_TRIGGER_SLOTS = 150
LEAST_SLICES, MOST_SLICES = 2, 1_000
MOST_INTERVAL_S = 7 * 24 * 60 * 60

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,20})?(?P<offset>[Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
IN_THE_FUTURE = "must be in the future"
MAY_BE_OVER = "may_be_over"
"""The key of the validation context that is true for an order whose time may be over, since it may come once more."""
_TIME_RULE = "must be a time of RFC 3339 with its offset, such as 2026-12-01T12:00:00Z"
_START = datetime(1970, 1, 1, tzinfo=UTC)
_FLAGS = {"true": True, "false": False}


def read_client_order_id(value: object) -> str:
    """Return a client's own name for an order. Raises ValueError with the rule that it breaks."""
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    if not 1 <= len(value) <= MAX_CLIENT_ORDER_ID_LENGTH:
        raise ValueError(f"must have 1 to {MAX_CLIENT_ORDER_ID_LENGTH} characters")
    if not (value.isascii() and value.isprintable() and " " not in value):
        raise ValueError("must be printable ASCII without spaces")
    return value


def read_expiry(value: object, *, may_be_over: bool = False) -> int:
    """Return a time of RFC 3339 with its offset in milliseconds since 1970, rounded down.

    Raises ValueError with the rule that it breaks: also when it is more than a year ahead, or not in the future, unless
    it `may_be_over`.
    """
    if not isinstance(value, str):
        raise ValueError(_TIME_RULE)  # noqa: TRY004 - Pydantic collects ValueErrors only
    found = _TIME.fullmatch(value)
    if found is None:
        raise ValueError(_TIME_RULE)
    if found["offset"] is None:
        raise ValueError("must have an offset, such as Z or +02:00")
    try:
        at = datetime.fromisoformat(value.upper())
    except ValueError as error:
        raise ValueError(f"must be a time that there is: {error}") from error
    at_ms, now_ms = (at - _START) // timedelta(milliseconds=1), clock.now_ms()
    if at_ms <= now_ms and not may_be_over:
        raise ValueError(IN_THE_FUTURE)
    if at_ms > now_ms + MAX_AHEAD_S * 1000:
        raise ValueError("must be at most a year ahead")
    return at_ms


def _known_token(value: str) -> str:
    token = find_token(value)
    if token is None:
        raise ValueError(f"must be one of {', '.join(TOKENS)}, or the mint of one")
    return token.symbol


def _token(info: ValidationInfo, field: str) -> Token | None:
    """Return the token that a field before this one names; None where that one was refused."""
    return TOKENS.get(info.data.get(field, ""))


def _amount_in(value: Any, info: ValidationInfo) -> int:
    return read_amount(value, info, _token(info, "token_in"))


def _least_out(value: Any, info: ValidationInfo) -> int:
    return read_least_amount(value, info, _token(info, "token_out"))


def _expires_at(value: Any, info: ValidationInfo) -> int:
    return read_expiry(value, may_be_over=bool((info.context or {}).get(MAY_BE_OVER)))


def _expires_in(value: Any, info: ValidationInfo) -> int:
    return read_seconds(value, info, MAX_AHEAD_S)


def _flag(value: Any, info: ValidationInfo) -> bool:
    flag = _FLAGS.get(value) if isinstance(value, str) and is_query(info) else value
    if not isinstance(flag, bool):
        raise ValueError("must be true or false")  # noqa: TRY004 - Pydantic collects ValueErrors only
    return flag


def _number(nullable: bool = False) -> WithJsonSchema:
    forms: list[dict[str, str]] = [{"type": "number"}, {"type": "string", "pattern": r"^\d+(\.\d+)?$"}]
    return WithJsonSchema({"anyOf": [*forms, {"type": "null"}] if nullable else forms})


def _whole(least: int, most: int, nullable: bool = False) -> WithJsonSchema:
    kind = ["integer", "null"] if nullable else "integer"
    return WithJsonSchema({"type": kind, "minimum": least, "maximum": most})


_NAME = {"type": ["string", "null"], "pattern": f"^[!-~]{{1,{MAX_CLIENT_ORDER_ID_LENGTH}}}$"}
_TIME_SCHEMA = {"type": "string", "format": "date-time"}

TokenName = Annotated[str, AfterValidator(_known_token)]
ClientOrderId = Annotated[str | None, BeforeValidator(read_client_order_id), WithJsonSchema(_NAME)]
Amount = Annotated[int, PlainValidator(_amount_in), _number()]
LeastOut = Annotated[int, PlainValidator(_least_out), _number()]
Slippage = Annotated[int, PlainValidator(read_slippage), _number(nullable=True)]
PriceValue = Annotated[Decimal, PlainValidator(read_price), _number()]
TrailBps = Annotated[
    int, PlainValidator(whole_number(LEAST_TRAIL_BPS, MOST_TRAIL_BPS)), _whole(LEAST_TRAIL_BPS, MOST_TRAIL_BPS)
]
TriggerSlots = Annotated[
    int, PlainValidator(whole_number(1, MOST_TRIGGER_SLOTS)), _whole(1, MOST_TRIGGER_SLOTS, nullable=True)
]
Slices = Annotated[int, PlainValidator(whole_number(LEAST_SLICES, MOST_SLICES)), _whole(LEAST_SLICES, MOST_SLICES)]
Interval = Annotated[int, PlainValidator(whole_number(1, MOST_INTERVAL_S)), _whole(1, MOST_INTERVAL_S)]
ExpiresAt = Annotated[int, PlainValidator(_expires_at), WithJsonSchema(_TIME_SCHEMA)]
ExpiresIn = Annotated[int, PlainValidator(_expires_in), _number()]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": ["boolean", "null"]})]
