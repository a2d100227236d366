"""Shows documents to clients: what Redis, the ledger and the domain hold in, JSON with atoms as strings out.

Inside, atoms are JSON integers. JavaScript, and whatever else reads numbers as doubles, would take 10000000000000001
for …000; so whatever leaves for a client goes through here, on every path and socket. What is stored stays as it is,
so that code of the version before and after reads it alike.
"""

from decimal import Decimal
from typing import Any

import msgspec

from orderflow.adapters.codec import decode_event, encoder

ATOMS = frozenset({"amount_in", "amount_out", "expected_out", "minimum_out", "fee", "network_fee"})
"""The names of the fields that hold atoms (lamports are the atoms of SOL), in whatever document they are."""

_IN_JSON = tuple(f'"{name}":'.encode() for name in sorted(ATOMS))


def public_json(document: Any) -> bytes:
    """Return a document as JSON for clients: atoms as decimal strings, decimals with every digit."""
    written = encoder.encode(document)
    # What a POST is answered has no atoms, and need not be looked through.
    if not any(name in written for name in _IN_JSON):
        return written
    return encoder.encode(_shown(msgspec.to_builtins(document, builtin_types=(Decimal,))))


def public_event(kept: str) -> str:
    """Return a step, the JSON text that is stored of it, as the frame that its watchers get."""
    return public_json(decode_event(kept)).decode()


def _shown(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            name: str(each) if name in ATOMS and isinstance(each, int) else _shown(each) for name, each in value.items()
        }
    return [_shown(each) for each in value] if isinstance(value, list | tuple) else value
