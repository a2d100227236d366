"""Shows documents to clients: what Redis, the ledger and the domain hold in, JSON with atoms as strings out.

Inside, atoms are JSON integers. JavaScript, and whatever else reads numbers as doubles, would take 10000000000000001
for …000; so whatever leaves for a client goes through here, on every path and socket. What is stored stays as it is,
so that code of the version before and after reads it alike.
"""

import re
from typing import Any

from orderflow.adapters.codec import decode_event, encoder

ATOMS = frozenset(
    {
        *("amount_in", "amount_out", "amount_filled", "expected_out", "minimum_out", "would_yield"),
        *("fee", "network_fee", "liquidity"),
    }
)
"""The names of the fields that hold atoms (lamports are the atoms of SOL), in whatever document they are."""

_INTEGERS = re.compile(rb'"(%b)":(-?[0-9]+)(?=[,}])' % b"|".join(sorted(name.encode() for name in ATOMS)))
"""Within a string a quotation mark has a backslash before it, so this finds members only."""


def public_json(document: Any) -> bytes:
    """Return a document as JSON for clients: atoms as decimal strings, decimals with every digit."""
    return _INTEGERS.sub(rb'"\1":"\2"', encoder.encode(document))


def public_event(kept: str) -> str:
    """Return a step, the JSON text that is stored of it, as the frame that its watchers get."""
    return public_json(decode_event(kept)).decode()
