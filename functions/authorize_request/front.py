"""CloudFront in front of the APIs: an event that came through it in, the same with its caller's own address out.

The APIs see CloudFront's address. CloudFront adds the viewer's, and a secret without which a request came past it, and
past its web ACL.
"""

import asyncio
import hmac
from collections.abc import Mapping
from functools import cache
from typing import Any

from orderflow.runtime.settings import FrontSettings, read_settings

SECRET, VIEWER = "x-orderflow-front", "x-orderflow-viewer"
Event = Mapping[str, Any]


@cache
def front_settings() -> FrontSettings:
    """Return what is in front of the APIs."""
    return read_settings(FrontSettings)


async def seen_in_front(event: Event) -> Event | None:
    """Return a question of either API as it would be without CloudFront; None where it should be there and is not.

    Raises RetryableError when the secret can't be read.
    """
    secret_id = front_settings().front_secret_id
    if not secret_id:
        return event
    from orderflow.adapters.secrets import read_secret  # loads boto3, which takes longer than all else here

    held = await asyncio.to_thread(read_secret, secret_id)
    # The WebSocket API has the names as they were sent.
    headers = {name.lower(): str(value) for name, value in (event.get("headers") or {}).items()}
    if not hmac.compare_digest(headers.get(SECRET, "").encode(), str(held["secret"]).encode()):
        return None
    context = event["requestContext"]
    seen_by = "http" if "http" in context else "identity"
    own = {**context.get(seen_by, {}), "sourceIp": headers.get(VIEWER, "")}
    return {**event, "requestContext": {**context, seen_by: own}}
