"""API keys as their users have them: `of_<environment>_<id>_<secret>_<checksum>`.

The prefix and the checksum are for scanners that look for secrets in the wrong places, and a typo is found without a
look-up. The secret has 256 random bits, so a plain digest of it can be kept: nobody finds it by trying.
"""

import re
import secrets
from hashlib import sha256
from typing import NamedTuple
from zlib import crc32

from orderflow.domain import base58

_ID_BYTES, _SECRET_BYTES = 8, 32
_TEXT = re.compile(
    r"of_(?P<environment>[a-z0-9]{1,12})_(?P<id>[1-9A-HJ-NP-Za-km-z]{11})_[1-9A-HJ-NP-Za-km-z]{44}"
    r"_(?P<checksum>[0-9a-f]{8})",
    re.ASCII,
)


class KeyText(NamedTuple):
    """A key's id, and the SHA-256 of its whole text in hex, which is kept of it."""

    id: str
    digest: str


def make_key_text(environment: str) -> tuple[str, KeyText]:
    """Return a new key: the text for its user, and what is kept of it."""
    key_id = base58.encode(secrets.token_bytes(_ID_BYTES)).rjust(11, "1")
    secret = base58.encode(secrets.token_bytes(_SECRET_BYTES)).rjust(44, "1")
    head = f"of_{environment}_{key_id}_{secret}"
    text = f"{head}_{_checksum(head)}"
    return text, KeyText(key_id, _digest(text))


def read_key_text(text: str) -> KeyText | None:
    """Return what a key says; None where it is none, or has a typo."""
    found = _TEXT.fullmatch(text)
    if found is None or _checksum(text[: found.start("checksum") - 1]) != found["checksum"]:
        return None
    return KeyText(found["id"], _digest(text))


def _checksum(head: str) -> str:
    return f"{crc32(head.encode()):08x}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()
