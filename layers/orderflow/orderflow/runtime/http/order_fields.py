"""The fields that orders are made of, as Pydantic reads them: JSON or a query's text in, what the engine counts in out.

Amounts become atoms, slippages basis points, times milliseconds; prices stay as they are written. What a field of
another one's (the token that an amount is of) has to say is in the data that was validated before it.
"""

import re
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainValidator, ValidationInfo, WithJsonSchema

from orderflow.domain import base58
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import TOKENS, Token, find_token
from orderflow.errors import PoolClosedError
from orderflow.runtime import clock
from orderflow.runtime.http.launched_tokens import NONE_LAUNCHED, Launched
from orderflow.runtime.http.number_input import (
    Number,
    is_query,
    read_amount,
    read_least_amount,
    read_number,
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
MOST_GAIN_BPS, MOST_LOSS_BPS = 10_000_000, 9_999
"""A gain of a thousand times what was paid, and a loss of nearly all of it."""
LEAST_SLICES, MOST_SLICES = 2, 1_000
MOST_INTERVAL_S = 7 * 24 * 60 * 60

_TIME = re.compile(
    r"\d{4}-\d\d-\d\d[Tt ]([01]\d|2[0-3]):\d\d:\d\d(\.\d{1,20})?(?P<offset>[Zz]|[+-]([01]\d|2[0-3]):[0-5]\d)?", re.ASCII
)
UNICODE = "must be Unicode, without half of a surrogate pair"
MINT_BYTES = 32
NO_TOKEN = f"must be one of {', '.join(TOKENS)}, or the mint of one, or a token that was launched"
IN_THE_FUTURE = "must be in the future"
HAS_CLOSED = f"can't be traded: {PoolClosedError.reason}"
MAY_BE_OVER = "may_be_over"
"""The key of the validation context that is true for an order whose time, launch or token may be over, since it may
come once more."""
LAUNCHED = "launched"
"""The key of the validation context that has what is known of launched tokens, a `Launched`."""
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


def _known_token(value: Any, info: ValidationInfo) -> Token:
    name = _text(value)
    token: Token | None = find_token(name) or launched_in(info).tokens.get(name)
    if token is None:
        raise ValueError(NO_TOKEN)
    if token.symbol in launched_in(info).closed and not _may_be_over(info):
        raise ValueError(HAS_CLOSED)
    return token


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError("must be a string")  # noqa: TRY004 - Pydantic collects ValueErrors only
    if any("\ud800" <= character <= "\udfff" for character in value):
        raise ValueError(UNICODE)
    return value


def launched_in(info: ValidationInfo) -> Launched:
    """Return what is known of launched tokens."""
    known: Launched = (info.context or {}).get(LAUNCHED, NONE_LAUNCHED)
    return known


def _mint(value: Any, info: ValidationInfo) -> str:
    mint = _text(value)
    decoded = base58.decode(mint)
    if decoded is None or len(decoded) != MINT_BYTES:
        raise ValueError(f"must be a mint: {MINT_BYTES} bytes in base58")
    if (known := find_token(mint)) is not None:
        raise ValueError(no_target(f"{known.symbol} trades already"))
    past = launched_in(info).past.get(mint)
    if past is not None and not _may_be_over(info):
        raise ValueError(no_target(past))
    return mint


def no_target(why: str) -> str:
    """Return the rule that the mint of a token breaks whose launch is over, with why that is so."""
    return f"must be that of a token to come: {why}"


def _may_be_over(info: ValidationInfo) -> bool:
    return bool((info.context or {}).get(MAY_BE_OVER))


def _amount_in(value: Any, info: ValidationInfo) -> int:
    return read_amount(value, info, info.data.get("token_in"))


def _least_out(value: Any, info: ValidationInfo) -> int:
    return read_least_amount(value, info, info.data.get("token_out"))


def _expires_at(value: Any, info: ValidationInfo) -> int:
    return read_expiry(value, may_be_over=_may_be_over(info))


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

TokenName = Annotated[Token, PlainValidator(_known_token), WithJsonSchema({"type": "string"})]
Mint = Annotated[str, PlainValidator(_mint), WithJsonSchema({"type": ["string", "null"]})]
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
GainBps = Annotated[int, PlainValidator(whole_number(1, MOST_GAIN_BPS)), _whole(1, MOST_GAIN_BPS, nullable=True)]
LossBps = Annotated[int, PlainValidator(whole_number(1, MOST_LOSS_BPS)), _whole(1, MOST_LOSS_BPS, nullable=True)]
Top10Bps = Annotated[int, PlainValidator(whole_number(0, BPS)), _whole(0, BPS, nullable=True)]
Quantity = Annotated[Number, PlainValidator(read_number), _number(nullable=True)]
Interval = Annotated[int, PlainValidator(whole_number(1, MOST_INTERVAL_S)), _whole(1, MOST_INTERVAL_S)]
ExpiresAt = Annotated[int, PlainValidator(_expires_at), WithJsonSchema(_TIME_SCHEMA)]
ExpiresIn = Annotated[int, PlainValidator(_expires_in), _number()]
Flag = Annotated[bool, PlainValidator(_flag), WithJsonSchema({"type": ["boolean", "null"]})]
