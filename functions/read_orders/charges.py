"""What it costs of an account's limits to read: a request in, its charge out."""

from urllib.parse import parse_qsl

from starlette.types import Scope

from orderflow.runtime.http.json_input import MAX_MEMBERS
from orderflow.runtime.http.limits import ONE_READ, Charge

LIST, LIST_BY_TOKENS, PRICES, QUOTE, DEPTH = 2, 10, 5, 10, 30
"""Units of `reads`. A list by tokens may look through all of an account's orders, and a quote takes a processor.

Past prices may be 2,000. A depth is some twenty quotes, which are made once for all who ask in the same slot."""
_BY_PATH = {"/api/quote": QUOTE, "/api/market/prices": PRICES, "/api/market/pools": DEPTH}
_BY_TOKENS = {"token_in", "token_out"}


def charge_of(scope: Scope) -> Charge:
    """Return what a request costs."""
    path = scope["path"]
    if (units := _BY_PATH.get(path)) is not None:
        return Charge("reads", units)
    if path == "/api/orders":
        return Charge("reads", LIST_BY_TOKENS if _is_by_tokens(scope["query_string"]) else LIST)
    return ONE_READ


def _is_by_tokens(query: bytes) -> bool:
    if not query:
        return False
    try:
        pairs = parse_qsl(query.decode("latin-1"), keep_blank_values=True, max_num_fields=MAX_MEMBERS)
    except ValueError:
        return False  # it is refused
    return any(name in _BY_TOKENS for name, _ in pairs)
