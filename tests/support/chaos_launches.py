"""Builds the history of a run with launches, and orders that wait for them, in which all went well; tests change it."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec

from orderflow.domain.execution import Execution
from orderflow.domain.launches import Launch
from orderflow.domain.order import Signature
from orderflow.domain.routing import Leg
from orderflow.domain.tokens import Token
from tests.harness.chaos.history.contents import EventRow, FillRow, LedgerContents, OrderRow
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.sightings import Sightings
from tests.harness.chaos.mock_market import ChainContents, SeenTick
from tests.support.builders import nth_id
from tests.support.chaos_evidence import Doctor
from tests.support.chaos_waiting import JUDGED_UNTIL_S, NOW_S, SOL, STEP_S, USDC, sightings_of
from tests.support.launches import make_launch

FIRST, SECOND, LAST = (
    make_launch("APE0", token=Token("APE0", "mint of APE0", 6), lp_burned=False),
    make_launch("UFO25", token=Token("UFO25", "mint of UFO25", 6), lp_burned=True, open_slot=70),
    make_launch("YETI50", token=Token("YETI50", "mint of YETI50", 9), quote="SOL", open_slot=90),
)
LAUNCHES = (FIRST, SECOND, LAST)
OPENED_S = {launch.open_slot: NOW_S + launch.open_slot / 10 for launch in LAUNCHES}
"""When the tick was written that says the opening: before the orders, then ten slots a second."""

ANY, MINT, FILTERED, RESTED, LATE = (nth_id(number) for number in range(31, 36))
EXITS = nth_id(41)
"""One that took any launch whose liquidity is burned, at its second attempt, and its exits, of which one has fired; one
of a mint; one that failed by a filter; one that rested to the end; one that expired."""

FIRED = ("triggered", "routing", "building", "submitted")
BOUGHT = ("pending", "open", *FIRED, "confirmed")
TWICE = ("pending", "open", *FIRED, *FIRED, "confirmed")
EXPIRES_S = JUDGED_UNTIL_S - 30

_ROWS: dict[str, tuple[Sequence[str], str, int, dict[str, Any]]] = {
    ANY: (TWICE, "USDC>UFO25", 100 * USDC, {"amount_out": 80_000_000_000, "slots_from_open": 3, "tx_hash": "tx-any"}),
    MINT: (BOUGHT, "USDC>APE0", 50 * USDC, {"amount_out": 40_000_000_000, "slots_from_open": 1, "tx_hash": "tx-mint"}),
    FILTERED: (("pending", "open", "failed"), "USDC>", 30 * USDC, {"reason": "filter lp_burned: required true"}),
    RESTED: (("pending", "open", "cancelled"), "SOL>", 2 * SOL, {}),
    LATE: (("pending", "open", "expired"), "SOL>", 3 * SOL, {"expires_at_s": EXPIRES_S}),
}
_CONDITIONS: dict[str, dict[str, object]] = {
    ANY: {
        "target": {"any": True},
        "filters": {"lp_burned": True, "max_top10_bps": 2500, "min_liquidity": "10000", "venue": "raydium"},
        "then": {"take_profit": {"gain_bps": 5000}, "stop_loss": {"loss_bps": 3000}},
    },
    MINT: {"target": {"mint": FIRST.token.mint}, "max_slippage": "0.1"},
    FILTERED: {"target": {"mint": FIRST.token.mint}, "filters": {"lp_burned": True}},
    RESTED: {"target": {"any": True}, "filters": {"freezable": True}},
    LATE: {"target": {"mint": "of a token that nobody launches"}},
}
_BOUGHT: dict[str, tuple[Launch, int]] = {ANY: (SECOND, 73), MINT: (FIRST, 41)}
"""What was bought by whom, and in which slot."""
_SOLD_IN = 80


def launching_run() -> LedgerContents:
    """Return the ledger after the run."""
    rows, events, fills = [], [], []
    for order_id, (statuses, pair, amount_in, more) in _ROWS.items():
        token_in, token_out = pair.split(">")
        row = OrderRow(order_id, len(statuses), statuses[-1], token_in, token_out, amount_in, 2_500)
        row = msgspec.structs.replace(row, order_type="sniper", priority="turbo", **more)
        if bought := row.amount_out:
            row = msgspec.structs.replace(row, amount_filled=amount_in)
            pool, tx_hash = _BOUGHT[order_id][0].pool, row.tx_hash or ""
            fills.append(FillRow(order_id, 1, pool, token_in, amount_in, token_out, bought, tx_hash))
        rows.append(row)
        events += _events(row, statuses)
    exits = OrderRow(EXITS, 3, "confirmed", "UFO25", "USDC", 80_000_000_000, 500, amount_out=160 * USDC)
    fired = {"order_type": "oco", "rule": "take_profit", "fired_price": Decimal("0.002"), "tx_hash": "tx-exits"}
    rows.append(msgspec.structs.replace(exits, parent_id=ANY, amount_filled=80_000_000_000, **fired))
    fills.append(FillRow(EXITS, 1, SECOND.pool, "UFO25", 80_000_000_000, "USDC", 160 * USDC, "tx-exits"))
    return LedgerContents(rows, events, fills)


def chain() -> ChainContents:
    """Return the chain after the run: its launches, and the swaps of those who bought."""
    executions = {}
    for fill in launching_run().fills:
        slot = _BOUGHT[fill.order_id][1] if fill.order_id in _BOUGHT else _SOLD_IN
        leg = Leg(
            "raydium", fill.pool, 10_000, fill.token_in, fill.token_out, fill.amount_in, fill.amount_out, 0, "USDC"
        )
        executions[fill.tx_hash] = Execution(Signature(fill.tx_hash), slot, fill.amount_out, (leg,))
    return ChainContents(executions, {}, {}, {}, LAUNCHES)


def posts() -> list[Post]:
    """Return what was posted, in the order of the ledger's orders."""
    made = []
    for order_id, conditions in _CONDITIONS.items():
        _, pair, amount_in, more = _ROWS[order_id]
        asked = {"order_type": "sniper", **conditions}
        if "expires_at_s" in more:
            asked["expires_in"] = 30
        made.append(Post(Identity(pair.split(">")[0], "", amount_in), "k", NOW_S, {order_id}, conditions=asked))
    return made


def seen() -> list[Sightings]:
    """Return what watchers saw of all orders that were posted, each on one connection."""
    return sightings_of({order_id: statuses for order_id, (statuses, *_) in _ROWS.items()})


def ticks(*launches: Launch) -> list[SeenTick]:
    """Return the ticks in which launches opened: those of the run, unless others are given."""
    opened = launches or LAUNCHES
    return [SeenTick(OPENED_S[launch.open_slot], launch.open_slot, {}, (launch,)) for launch in opened]


def with_event(order_id: str, status: str, **changes: Any) -> Doctor:
    """Return what changes the last event of a status of an order."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        found = [
            number for number, event in enumerate(ledger.events) if (event.order_id, event.status) == (order_id, status)
        ]
        events = list(ledger.events)
        events[found[-1]] = msgspec.structs.replace(events[found[-1]], **changes)
        return msgspec.structs.replace(ledger, events=events)

    return doctor


def _events(row: OrderRow, statuses: Sequence[str]) -> list[EventRow]:
    """Return an order's events; where it was executed its routes were expected to yield what it has received."""
    slippage = Decimal(str(_CONDITIONS[row.order_id].get("max_slippage", "0.25")))
    expected = row.amount_out
    least = None if expected is None else int(expected * (1 - slippage))
    return [
        EventRow(
            row.order_id,
            number,
            status,
            NOW_S + number * STEP_S,
            expected if status == "routing" else None,
            least if status == "building" else None,
        )
        for number, status in enumerate(statuses, start=1)
    ]
