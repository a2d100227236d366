"""Reads which orders a request names: a body in, what it lists out."""

from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.problems import FieldError, refused, shown

ORDER_IDS = "order_ids"
MAX_ORDERS = 100


def read_order_list(body: bytes) -> list[object]:
    """Return what a request body has for ids of orders, not yet checked. Raises ProblemError when it has no list."""
    fields = read_json_object(body)
    named: object = fields.pop(ORDER_IDS, None)
    errors = [FieldError(shown(name) or "body", "is not a field of a list of orders") for name in fields]
    if not isinstance(named, list) or not 1 <= len(named) <= MAX_ORDERS:
        raise refused([FieldError(ORDER_IDS, f"must be an array of 1 to {MAX_ORDERS} ids"), *errors])
    if errors:
        raise refused(errors)
    return named
