"""Reads the ids of orders, as clients write them."""

import re
from uuid import UUID

_UUID = re.compile(
    r"(urn:uuid:)?\{?[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}\}?", re.IGNORECASE | re.ASCII
)


def read_order_id(text: str) -> str | None:
    """Return an order's id in the one form in which it is kept, or None when `text` is none."""
    return str(UUID(text)) if _UUID.fullmatch(text) else None
