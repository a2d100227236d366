"""How the API writes what it answers: JSON, amounts in units, slippages as fractions."""

from decimal import Decimal
from typing import Any

from fastapi import Response

from orderflow.adapters.public import public_json
from orderflow.domain.amounts import to_units
from orderflow.domain.slippage import BPS
from orderflow.domain.tokens import Token


def json_response(document: Any, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """Return a document as a response, atoms as decimal strings and decimals with every digit."""
    return Response(public_json(document), status, headers, "application/json")


def units(atoms: int, token: Token) -> str:
    """Return atoms of a token in units, as a decimal string without zeros at its end."""
    return f"{to_units(atoms, token).normalize():f}"


def fraction(bps: int) -> Decimal:
    """Return basis points as the fraction that they are of 1."""
    return Decimal(bps) / BPS
