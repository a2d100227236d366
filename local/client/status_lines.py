"""An order's statuses, and refusals, as lines that a person reads."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from local.client.api import Answer
from orderflow.domain.amounts import to_units
from orderflow.domain.tokens import Token, find_token

INDENT = " " * 26


def describe(
    frame: Mapping[str, Any], elapsed_ms: float, token_out: str | Token | None = None, token_in: str | None = None
) -> list[str]:
    """Return the lines for one status: its time and its details (quotes, price, transaction, reason).

    Amounts are in atoms of `token_out`, and what is filled of `token_in`; they stay so when that is not known.
    """
    status = str(frame.get("status"))
    notes: list[str] = []
    if frame.get("rule"):
        notes.append(f"{frame['rule']} at {frame['price']} in slot {frame['slot']}")
    if frame.get("launch"):
        notes.append(f"{frame['launch']['token']['symbol']} on {frame['launch']['venue']}")
    if frame.get("execution_price") is not None:
        notes.append(f"price {frame['execution_price']}")
    if frame.get("minimum_out") is not None:
        notes.append(f"at least {in_units(frame['minimum_out'], token_out)}")
    if frame.get("amount_filled") is not None:
        received = in_units(frame.get("amount_out") or 0, token_out)
        notes.append(f"{in_units(frame['amount_filled'], token_in)} filled for {received}")
    if frame.get("slots_from_open") is not None:
        late = frame["slots_from_open"]
        notes.append(f"{late} {'slot' if late == 1 else 'slots'} after its launch opened")
    if frame.get("expires_at"):
        notes.append(f"until {frame['expires_at']}")
    if frame.get("reason"):
        notes.append(str(frame["reason"]))
    if frame.get("tx_hash"):
        notes.append(f"tx {frame['tx_hash']}")
    if frame.get("child_id"):
        notes.append(f"order {frame['child_id']}")
    return [line(elapsed_ms, status, " · ".join(notes)), *_quotes(frame, token_out)]


def _quotes(frame: Mapping[str, Any], token_out: str | Token | None) -> list[str]:
    route = frame.get("route")
    if not route:
        return []
    lines = [
        f"{INDENT}{quote['venue']:<9} "
        + (quote.get("error") or f"{in_units(quote['amount_out'], token_out)}, at {quote['price']}")
        for quote in route["quotes"]
    ]
    return [*lines, *_legs(route)]


def _legs(route: Mapping[str, Any]) -> list[str]:
    lines = [
        f"{INDENT}{leg['share_bps'] / 100:6.2f} % {leg['token_in']} → {leg['token_out']} through {leg['pool']}"
        for leg in route["legs"]
    ]
    gain = f"{route['improvement_bps']} bp better than the best venue alone" if route.get("improvement_bps") else ""
    impact = f"price impact {float(route['price_impact']):.4%}"
    return [*lines, f"{INDENT}best: {', '.join(part for part in (route['venue'], impact, gain) if part)}"]


def in_units(atoms: str | int, named: str | Token | None) -> str:
    """Return an amount of atoms in units of its token, or as it is when the token is not known here."""
    token = find_token(named) if isinstance(named, str) else named
    return f"{to_units(int(atoms), token):,f} {token.symbol}" if token else f"{int(atoms):,} atoms"


def describe_problem(answer: Answer) -> str:
    """Return a refusal in a line: the fields and their rules where the answer names them."""
    try:
        problem = answer.json()
        errors = [f"{error['field']} {error['rule']}" for error in problem.get("errors") or []]
        return f"{answer.status} {'; '.join(errors) or problem.get('detail') or problem.get('title')}"
    except (ValueError, KeyError, AttributeError):
        return f"{answer.status} {answer.body[:200].decode(errors='replace')}"


def between_ms(first: Mapping[str, Any], later: Mapping[str, Any]) -> float:
    """Return how long after the first of an order's frames a later one was made."""
    times = [datetime.fromisoformat(str(frame["timestamp"])) for frame in (first, later)]
    return (times[1] - times[0]).total_seconds() * 1000


def line(elapsed_ms: float, status: str, note: str) -> str:
    """Return the line for a status: how long after the order was posted it came, and what it says."""
    return f"{elapsed_ms:10,.0f} ms  {status:<11} {note}".rstrip()
