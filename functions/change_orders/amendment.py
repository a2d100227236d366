"""What a client wants to be otherwise about an order: a request's body and an order in, its new request out."""

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, NamedTuple

import msgspec

from orderflow.domain.order import OrderRequest
from orderflow.runtime import clock
from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.launched_tokens import Launched
from orderflow.runtime.http.order_conditions import conditions_of
from orderflow.runtime.http.order_input import read_order
from orderflow.runtime.http.order_models import MODELS
from orderflow.runtime.http.problems import FieldError, invalid, refused
from orderflow.runtime.http.responses import fraction, units
from orderflow.runtime.http.trigger_models import TakeProfit

SEQUENCE, MOST_SEQUENCE = "sequence", 2**15 - 1
AMOUNT = "amount"
LEGS = ("take_profit", "stop_loss")
OF_A_LEG = ("trigger_price", "limit_price")
AMENDABLE = (
    *("limit_price", "min_amount_out", "price_in", "trigger_price", "trail_bps", AMOUNT, "expires_at", "expires_in"),
    *LEGS,
)
OF_A_SNIPER = ("filters", "priority", "max_slippage", "then", AMOUNT, "expires_at", "expires_in")
"""What can be amended of an order that waits for a launch; its filters and exits each as a whole."""
_PRICES = ("limit_price", "trigger_price", "activation_price")
_LIMITS = ("limit_price", "min_amount_out")
_ENDS = ("expires_at", "expires_in")
_FIXED = "can't be changed"


class Amendment(NamedTuple):
    """The fields that are to be otherwise, and the sequence that the order has to have, if any."""

    fields: Mapping[str, Any]
    sequence: int | None

    def request(self, request: OrderRequest) -> OrderRequest:
        """Return what an order that asked for `request` asks for from now on.

        Its type, its tokens and all that is not among the fields stay as they are. Raises ProblemError that names the
        fields at fault.
        """
        given = _given(request)
        refusals = [*_fixed(request, self.fields), *(() if request.snipe else _lacking(given, self.fields))]
        if refusals:
            raise refused(refusals)
        launched = Launched({token.symbol: token for token in request.tokens})
        wanted = read_order(_merged(given, self.fields), launched=launched).request(clock.now_ms())
        amended = msgspec.structs.replace(
            request, amount_in=wanted.amount_in, limit=wanted.limit, triggers=wanted.triggers, snipe=wanted.snipe
        )
        if request.snipe is not None:
            exits = wanted.exits if "then" in self.fields else request.exits
            amended = msgspec.structs.replace(amended, slippage_bps=wanted.slippage_bps, exits=exits)
        if not any(name in self.fields for name in _ENDS):
            return amended
        ends = {"expires_at_ms": wanted.expires_at_ms, "time_in_force": wanted.time_in_force}
        return msgspec.structs.replace(amended, **ends)


def read_amendment(body: bytes) -> Amendment:
    """Return the amendment in a request's body; null stands for a field that is not given. Raises ProblemError."""
    fields = _without_nulls(read_json_object(body))
    sequence = fields.pop(SEQUENCE, None)
    if not fields:
        raise invalid("body", f"must have one of {', '.join(dict.fromkeys((*AMENDABLE, *OF_A_SNIPER)))}")
    if sequence is None:
        return Amendment(fields, None)
    if not isinstance(sequence, Decimal) or not 1 <= sequence <= MOST_SEQUENCE or sequence % 1:
        raise invalid(SEQUENCE, f"must be a whole number from 1 to {MOST_SEQUENCE}")
    return Amendment(fields, int(sequence))


def _given(request: OrderRequest) -> dict[str, Any]:
    """Return the fields in which a client asks for an order, but for its end, which may be over by now, and its exits.

    These can't be amended, and need not meet the rules that there are by now.
    """
    conditions: dict[str, Any] = msgspec.to_builtins(conditions_of(request))
    for name in ("expires_at", "then"):
        conditions.pop(name, None)
    if conditions.get("time_in_force") == "gtd":
        conditions["time_in_force"] = "gtc"
    if "max_slippage" in MODELS[request.order_type].model_fields:
        slippage_bps = request.triggers[0].slippage_bps if request.triggers else request.slippage_bps
        conditions["max_slippage"] = f"{fraction(slippage_bps):f}"
    return {
        "token_in": request.token_in,
        **({} if request.snipe else {"token_out": request.token_out}),
        AMOUNT: units(request.amount_in, request.sells),
        "order_type": request.order_type,
        **conditions,
    }


def _fixed(request: OrderRequest, fields: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield the fields that an order has and keeps; those that it does not have are found when the order is read."""
    amendable = OF_A_SNIPER if request.snipe else AMENDABLE
    for name, value in fields.items():
        if name in MODELS[request.order_type].model_fields and name not in amendable:
            yield FieldError(name, _FIXED)
        elif name in LEGS and isinstance(value, Mapping):
            kept = [each for each in value if each in TakeProfit.model_fields and each not in OF_A_LEG]
            yield from (FieldError(f"{name}.{each}", _FIXED) for each in kept)


def _lacking(given: Mapping[str, Any], fields: Mapping[str, Any]) -> Iterator[FieldError]:
    """Yield what has to come together: a limit for the whole amount with that, what prices count with all of them."""
    if AMOUNT in fields and "min_amount_out" in given and not any(name in fields for name in _LIMITS):
        yield FieldError("min_amount_out", "is required with amount: it is for the whole of it")
    if fields.get("price_in", given.get("price_in")) == given.get("price_in"):
        return
    lacking = sorted(set(_prices(given)) - set(_prices(fields)))
    if lacking or not list(_prices(fields)):
        needed = f"without {', '.join(lacking)}" if lacking else "without a price"
        yield FieldError("price_in", f"{_FIXED} {needed}")


def _prices(fields: Mapping[str, Any]) -> Iterator[str]:
    for name in _PRICES:
        if name in fields:
            yield name
    for leg in LEGS:
        if isinstance(fields.get(leg), Mapping):
            yield from (f"{leg}.{name}" for name in _prices(fields[leg]))


def _merged(given: Mapping[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**given, **fields}
    for leg in LEGS:
        if isinstance(given.get(leg), Mapping) and isinstance(fields.get(leg), Mapping):
            merged[leg] = {**given[leg], **fields[leg]}
    for one, other in (_LIMITS, _LIMITS[::-1]):
        if one in fields and other not in fields:
            merged.pop(other, None)
    return merged


def _without_nulls(fields: Mapping[str, Any]) -> dict[str, Any]:
    kept = {name: value for name, value in fields.items() if value is not None}
    legs = {name: _without_nulls(kept[name]) for name in LEGS if isinstance(kept.get(name), Mapping)}
    return kept | legs
