"""Builds API keys: what their users have, and what is kept of them."""

from typing import Any

import msgspec

from orderflow.domain.access import ApiKey
from orderflow.domain.key_text import make_key_text
from tests.support.builders import NOW_MS


def make_key(**differs: Any) -> tuple[str, ApiKey]:
    """Return a key of the account `alice` as its user has it, and as it is kept."""
    text, said = make_key_text("test")
    key = ApiKey(said.id, "alice", said.digest, ("read", "trade"), created_at_ms=NOW_MS)
    return text, msgspec.structs.replace(key, **differs)


def changed(key: ApiKey, **differs: Any) -> ApiKey:
    """Return the next version of a key."""
    return msgspec.structs.replace(key, version=key.version + 1, **differs)
