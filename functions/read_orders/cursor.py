"""The cursors of pages, as clients write them."""

import base64
import binascii
from datetime import UTC, datetime, timedelta

from orderflow.runtime.http.order_id import read_order_id
from orderflow.runtime.http.problems import invalid

MOST_OFFSET = timedelta(hours=14)
"""No clock on Earth is further from UTC."""


def encode_cursor(created_at: str, order_id: str) -> str:
    """Return the cursor of the page that begins behind this order."""
    return base64.urlsafe_b64encode(f"{created_at} {order_id}".encode()).decode()


def decode_cursor(cursor: str) -> tuple[str, str]:
    """Return the moment, in UTC, and the id of the order that a page begins behind. Raises ProblemError."""
    try:
        created_at, written_id = base64.urlsafe_b64decode(cursor.encode()).decode().split(" ")
        at = datetime.fromisoformat(created_at)
        # Written anew, in UTC: Python reads forms and offsets that Postgres does not. Without an offset it is UTC.
        utc = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
        order_id = read_order_id(written_id)
    except (binascii.Error, ValueError, OverflowError) as error:
        raise invalid("cursor", "must be the next_cursor of a page") from error
    if order_id is None or abs(at.utcoffset() or timedelta()) > MOST_OFFSET:
        raise invalid("cursor", "must be the next_cursor of a page")
    return utc.isoformat(), order_id
