"""Builds the history of a run in which all went well, for tests to change."""

from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from orderflow.domain.execution import apply_execution
from orderflow.domain.order import Order
from orderflow.domain.status import Status
from orderflow.venues.mock.signer import sign
from tests.harness.chaos.history.contents import (
    DeadLetterRow,
    EventRow,
    FillRow,
    LedgerContents,
    Leftovers,
    OrderRow,
)
from tests.harness.chaos.mock_market import ChainContents
from tests.support.builders import NOW_MS, land, make_order, make_request, market, market_state, nth_id

Doctor = Callable[[LedgerContents], LedgerContents]
"""What spoils a ledger."""

STEP_S = 0.5
FIRST, SECOND, REFUSED, REJECTED = (nth_id(number) for number in range(1, 5))
"""Two confirmed orders, one whose price had moved at landing, one that never got a route."""


def good_run() -> tuple[LedgerContents, ChainContents]:
    """Return ledger and chain after four orders, as they should be."""
    submitted = [
        make_order(Status.SUBMITTED, make_request("SOL", "USDC", "12.5"), order_id=FIRST),
        make_order(Status.SUBMITTED, make_request("USDC", "SOL", "1000"), order_id=SECOND),
        _too_much_asked(make_order(Status.BUILDING, make_request("SOL", "USDC", "3"), order_id=REFUSED)),
    ]
    blocks = land(submitted)
    executions = {execution.signature: execution for execution in blocks.executions}
    ended = [apply_execution(order, executions[order.signature], NOW_MS) for order in submitted]
    rejected = make_order(Status.PENDING, order_id=REJECTED).fail("no route", NOW_MS)
    orders = [*ended, rejected]
    flows = {(pool, token): atoms for place, atoms in blocks.flows.items() for pool, _, token in [place.partition("|")]}
    pools = market_state().pools | {pool.pool: pool for pool in blocks.changed_pools}
    return (
        LedgerContents(
            [order_row(order) for order in orders],
            [event for order in orders for event in events(order)],
            [fill for order in orders for fill in _fills(order)],
        ),
        ChainContents({str(name): result for name, result in executions.items()}, market(), pools, flows),
    )


def order_row(order: Order) -> OrderRow:
    """Return an order as the ledger has it."""
    request = order.request
    return OrderRow(
        order_id=order.order_id,
        sequence=order.sequence,
        status=order.status.value,
        token_in=request.token_in,
        token_out=request.token_out,
        amount_in=request.amount_in,
        slippage_bps=request.slippage_bps,
        slot=order.route.slot if order.route else None,
        amount_out=order.amount_out,
        tx_hash=order.tx_hash,
        reason=order.reason,
    )


def events(order: Order, statuses: Sequence[str] = ()) -> list[EventRow]:
    """Return an order's events, half a second apart; by other `statuses` than its own where they are given."""
    way = [status.value for status in Status][: order.sequence - 1]
    return [
        EventRow(order.order_id, number, status, NOW_MS / 1000 + number * STEP_S)
        for number, status in enumerate(statuses or [*way, order.status.value], start=1)
    ]


def nothing_left(**doctored: object) -> Leftovers:
    """Return a Redis in which nothing waits; `doctored` replaces fields."""
    empty = Leftovers({"{p0}:route": 0, "{p0}:status": 0, "{chain}:timers": 0}, [], [])
    return msgspec.structs.replace(empty, **doctored)


def with_order(order_id: str, **changes: Any) -> Doctor:
    """Return what changes fields of an order in a ledger."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        orders = [
            msgspec.structs.replace(order, **changes) if order.order_id == order_id else order
            for order in ledger.orders
        ]
        return msgspec.structs.replace(ledger, orders=orders)

    return doctor


def without_order(order_id: str) -> Doctor:
    """Return what takes an order out of a ledger, and leaves its events and fills there."""

    def doctor(ledger: LedgerContents) -> LedgerContents:
        orders: Sequence[OrderRow] = [order for order in ledger.orders if order.order_id != order_id]
        return msgspec.structs.replace(ledger, orders=orders)

    return doctor


def dead_letter(order_id: str) -> DeadLetterRow:
    """Return a dead letter of an order."""
    return DeadLetterRow("p0", "route_order", order_id, "RuntimeError: oops")


def _too_much_asked(order: Order) -> Order:
    transaction = msgspec.structs.replace(order.built_transaction, minimum_out=10**18)
    order = msgspec.structs.replace(order, transaction=transaction)
    return order.submit(sign(order), NOW_MS)


def _fills(order: Order) -> list[FillRow]:
    return [
        FillRow(
            order_id=order.order_id,
            leg=leg,
            pool=fill.pool,
            token_in=fill.token_in,
            amount_in=fill.amount_in,
            token_out=fill.token_out,
            amount_out=fill.amount_out,
            tx_hash=order.signature,
        )
        for leg, fill in enumerate(order.fills, start=1)
    ]
