"""Validates what a client asks for: JSON or a query string in, the model of its type of order out."""

from collections.abc import Mapping, Sequence
from typing import Any

from pydantic import ValidationError

from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.launched_tokens import NONE_LAUNCHED, Launched
from orderflow.runtime.http.number_input import TEXT_IS_A_NUMBER
from orderflow.runtime.http.order_base import OrderInput, PairOrder
from orderflow.runtime.http.order_fields import LAUNCHED, MAY_BE_OVER, UNICODE
from orderflow.runtime.http.order_models import MODELS, UntypedOrder
from orderflow.runtime.http.problems import FieldError, refused, shown
from orderflow.runtime.http.strict_model import FieldRuleError

_ALL_FIELDS = frozenset(name for model in MODELS.values() for name in model.model_fields)


def read_json_order(body: bytes) -> OrderInput:
    """Return the order that a request body asks for. Raises ProblemError that names every field at fault."""
    return read_order(read_json_object(body))


def read_order(
    fields: Mapping[str, Any],
    *,
    text_is_a_number: bool = False,
    may_be_over: bool = False,
    launched: Launched = NONE_LAUNCHED,
) -> OrderInput:
    """Return the order that `fields` ask for; in a query, `text_is_a_number`, and is taken as a JSON number is.

    The time, the launch or a token of one that may repeat an earlier one `may_be_over`. Its tokens are in the list of
    those that can always be traded, or among those `launched`. Raises ProblemError that names the fields at fault.
    """
    order_type = fields.get("order_type")
    model = MODELS.get(order_type) if isinstance(order_type, str) else None
    context = {TEXT_IS_A_NUMBER: text_is_a_number, MAY_BE_OVER: may_be_over, LAUNCHED: launched}
    try:
        return (model or UntypedOrder).model_validate(fields, context=context)
    except ValidationError as error:
        found = error.errors(include_url=False, include_input=False)
        raise refused(refusals(found, str(order_type) if model else None)) from error


def refusals(found: Sequence[Any], order_type: str | None) -> list[FieldError]:
    """Return the fields at fault, and the rule that each breaks, by Pydantic's errors; None is no type of order.

    What another type of order has is no fault of one whose type is not known.
    """
    return [
        FieldError(_field(each), _rule(each, order_type))
        for each in found
        if order_type or each["type"] != "extra_forbidden" or each["loc"] not in {(name,) for name in _ALL_FIELDS}
    ]


def _field(found: Any) -> str:
    path = [str(part) for part in found["loc"]]
    error = found.get("ctx", {}).get("error")
    if isinstance(error, FieldRuleError):
        path.append(error.field)
    return shown(".".join(path)) or "body"


def _rule(found: Any, order_type: str | None) -> str:
    """Word one of Pydantic's errors as a rule: what the field must be."""
    match found["type"]:
        case "missing":
            return _required(found["loc"], order_type)
        case "extra_forbidden":
            return f"is not a field of {_owner(found['loc'], order_type)}"
        case "string_unicode":
            return UNICODE
        case "model_type":
            return "must be a JSON object"
        case "literal_error":
            return f"must be {found['ctx']['expected']}"
        case "value_error":
            return str(found["ctx"]["error"])
    return str(found["msg"])


def _required(path: tuple[Any, ...], order_type: str | None) -> str:
    if len(path) > 1 or order_type is None or path[0] in PairOrder.model_fields:
        return "is required"
    return f"is required for {_named(order_type)}"


def _owner(path: tuple[Any, ...], order_type: str | None) -> str:
    """Name what a field was given to that does not have it."""
    if len(path) > 1:
        return str(path[-2])
    return _named(order_type) if order_type and path[0] in _ALL_FIELDS else "an order"


def _named(order_type: str) -> str:
    return f"{'an' if order_type[0] in 'aeiou' else 'a'} {order_type} order"
