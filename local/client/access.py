"""The key of this machine's clients: ORDERFLOW_KEY in, the header that a request has out."""

import os
from collections.abc import Mapping

KEY_SETTING = "ORDERFLOW_KEY"
AUTHORIZATION = "Authorization"


def key_header(key: str | None = None) -> Mapping[str, str]:
    """Return the header with a key, or with the one that the environment has; none without a key."""
    key = os.environ.get(KEY_SETTING, "").strip() if key is None else key
    return {AUTHORIZATION: f"Bearer {key}"} if key else {}


def key_head() -> str:
    """Return the same as a line of a request's head; empty without a key."""
    return "".join(f"{name}: {value}\r\n" for name, value in key_header().items())
