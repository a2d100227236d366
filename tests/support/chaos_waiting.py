"""Builds the history of a run with orders that wait in which all went well, for tests to change."""

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.contents import EventRow, FillRow, LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.mock_market import SeenTick
from tests.support.builders import NOW_MS, nth_id
from tests.support.chaos_evidence import Doctor

NOW_S = NOW_MS / 1000
STEP_S = 0.1
SOL, USDC = 10**9, 10**6

LIMIT, STOP, OCO, TWAP, BRACKET, EXITS, EXPIRED = (nth_id(number) for number in range(11, 18))
FIRST_SLICE, LOST_SLICE, LAST_SLICE = (nth_id(number) for number in range(21, 24))
"""A limit that was filled in two parts and amended in between; a stop and a bracket's exits that rested to the end; an
oco, a bracket and a twap that were executed, the latter though its second slice failed; a limit that expired."""

FIRED = ("triggered", "routing", "building", "submitted")
EXECUTED = ("pending", "open", *FIRED, "confirmed")
IN_PARTS = ("pending", "open", *FIRED, "partially_filled", "open", *FIRED, "confirmed")
AMENDED_AT = IN_PARTS.index("partially_filled") + 2
RESTED = ("pending", "open", "cancelled")
SLICED = ("pending", "open", "open", *["partially_filled"] * 4, "confirmed")
BOUGHT = ("pending", *FIRED[1:], "confirmed")

EXPIRES_S = NOW_S + 5
JUDGED_UNTIL_S = NOW_S + 60
"""When the run was over: after it what rested was cancelled."""

_ROWS: dict[str, tuple[Sequence[str], str, int, str, dict[str, Any]]] = {
    LIMIT: (IN_PARTS, "SOL>USDC", 10 * SOL, "limit", {"amount_filled": 10 * SOL, "amount_out": 2_100 * USDC}),
    STOP: (RESTED, "SOL>USDC", 2 * SOL, "stop_loss", {}),
    OCO: (
        EXECUTED,
        "SOL>USDC",
        3 * SOL,
        "oco",
        {"amount_filled": 3 * SOL, "amount_out": 660 * USDC, "rule": "take_profit", "fired_price": Decimal("220.5")},
    ),
    TWAP: (SLICED, "SOL>USDC", 9 * SOL, "twap", {"amount_filled": 9 * SOL, "amount_out": 1_950 * USDC}),
    FIRST_SLICE: (BOUGHT, "SOL>USDC", 3 * SOL, "market", {"amount_out": 650 * USDC, "parent_id": TWAP, "slice": 1}),
    LOST_SLICE: (("pending", "failed"), "SOL>USDC", 3 * SOL, "market", {"parent_id": TWAP, "slice": 2}),
    LAST_SLICE: (BOUGHT, "SOL>USDC", 6 * SOL, "market", {"amount_out": 1_300 * USDC, "parent_id": TWAP, "slice": 3}),
    BRACKET: (BOUGHT, "USDC>SOL", 220 * USDC, "market", {"amount_out": SOL}),
    EXITS: (RESTED, "SOL>USDC", SOL, "oco", {"parent_id": BRACKET}),
    EXPIRED: (("pending", "open", "expired"), "SOL>USDC", 4 * SOL, "limit", {"expires_at_s": EXPIRES_S}),
}
_FILLS: tuple[tuple[str, int, int, str], ...] = (
    (LIMIT, 4 * SOL, 820 * USDC, "tx-1"),
    (LIMIT, 6 * SOL, 1_280 * USDC, "tx-2"),
    (OCO, 3 * SOL, 660 * USDC, "tx-3"),
    (FIRST_SLICE, 3 * SOL, 650 * USDC, "tx-4"),
    (LAST_SLICE, 6 * SOL, 1_300 * USDC, "tx-5"),
    (BRACKET, 220 * USDC, SOL, "tx-6"),
)
_CONDITIONS: dict[str, dict[str, object]] = {
    LIMIT: {"order_type": "limit", "limit_price": "200", "allow_partial": True},
    STOP: {"order_type": "stop_loss", "trigger_price": "210"},
    OCO: {"order_type": "oco", "take_profit": {"trigger_price": "220"}, "stop_loss": {"trigger_price": "190"}},
    TWAP: {"order_type": "twap", "slices": 3, "interval": 1, "limit_price": "205"},
    BRACKET: {
        "order_type": "market",
        "then": {"take_profit": {"trigger_price": "300"}, "stop_loss": {"trigger_price": "100"}},
    },
    EXPIRED: {"order_type": "limit", "limit_price": "400", "expires_at": "2026-11-22T20:14:06.123+02:00"},
}


def waiting_run() -> LedgerContents:
    """Return the ledger after the run."""
    signatures = {order_id: tx_hash for order_id, _, _, tx_hash in _FILLS}
    rows = []
    for order_id, (statuses, pair, amount_in, order_type, more) in _ROWS.items():
        token_in, token_out = pair.split(">")
        row = OrderRow(order_id, len(statuses), statuses[-1], token_in, token_out, amount_in, 500)
        tx_hash = signatures.get(order_id)
        rows.append(msgspec.structs.replace(row, order_type=order_type, tx_hash=tx_hash, **more))
    return LedgerContents(rows, list(_events()), list(_fills()))


def posts() -> list[Post]:
    """Return what was posted, in the order of the ledger's orders."""
    made = []
    for order_id, conditions in _CONDITIONS.items():
        _, pair, amount_in, _, _ = _ROWS[order_id]
        token_in, token_out = pair.split(">")
        made.append(Post(Identity(token_in, token_out, amount_in), "k", NOW_S, {order_id}, conditions=conditions))
    return made


def changes() -> list[Change]:
    """Return what was changed: the limit's price was raised, and at the end what rested was cancelled."""
    amended = ChangeAnswer(200, {"sequence": AMENDED_AT}, NOW_S + 1)
    return [Change(LIMIT, {"limit_price": "210"}, NOW_S + 0.9, [amended]), cancel(STOP), cancel(EXITS)]


def cancel(order_id: str, answered: int = 200, **document: object) -> Change:
    """Return a cancel of the end of the run, as answered: with 200, unless given otherwise."""
    done = {"order_id": order_id, "status": "cancelled", "sequence": 3, "amount_filled": "0", "amount_remaining": "2"}
    answer = ChangeAnswer(answered, document or done, JUDGED_UNTIL_S + 1)
    return Change(order_id, {}, JUDGED_UNTIL_S + 0.5, [answer])


def seen() -> list[Sightings]:
    """Return what watchers saw of all orders, each on one connection."""
    return sightings_of({order_id: statuses for order_id, (statuses, *_) in _ROWS.items()})


def sightings_of(histories: Mapping[str, Sequence[str]]) -> list[Sightings]:
    """Return what watchers saw of orders by their ids, each on one connection, a status every so many seconds."""
    made = []
    for order_id, statuses in histories.items():
        sightings = Sightings(order_id, [[]])
        for number, status in enumerate(statuses, start=1):
            sightings.note(number, status, NOW_S + number * STEP_S)
        made.append(sightings)
    return made


def ticks(*references: float) -> list[SeenTick]:
    """Return ticks with these reference prices of SOL, one a second from the tenth on."""
    return [
        SeenTick(NOW_S + 10 + number, 100 + number, {"SOL>USDC": price, "USDC>SOL": 1 / price})
        for number, price in enumerate(references)
    ]


def with_fill(order_id: str, *, now_of: str | None = None, **changes: int) -> Doctor:
    """Return what changes the last fill of an order, and makes it one of the order `now_of` where that is given."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        *_, last = [number for number, fill in enumerate(ledger.fills) if fill.order_id == order_id]
        fills = list(ledger.fills)
        fills[last] = msgspec.structs.replace(fills[last], order_id=now_of or order_id, **changes)
        return msgspec.structs.replace(ledger, fills=fills)

    return doctor


def _events() -> Iterator[EventRow]:
    for order_id, (statuses, *_) in _ROWS.items():
        for number, status in enumerate(statuses, start=1):
            at_s = EXPIRES_S if status == "expired" else NOW_S + number * STEP_S
            yield EventRow(order_id, number, status, at_s)


def _fills() -> Iterator[FillRow]:
    legs: dict[str, int] = {}
    for order_id, amount_in, amount_out, tx_hash in _FILLS:
        token_in, token_out = _ROWS[order_id][1].split(">")
        legs[order_id] = legs.get(order_id, 0) + 1
        yield FillRow(order_id, legs[order_id], "pool", token_in, amount_in, token_out, amount_out, tx_hash)
