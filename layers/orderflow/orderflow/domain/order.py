"""An order: one immutable snapshot after each step, and the steps that it may take."""

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Literal, NewType, Self

import msgspec

from orderflow.domain.amounts import price
from orderflow.domain.lifecycle import check_transition
from orderflow.domain.routing import Leg, Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS

OrderId = NewType("OrderId", str)
Signature = NewType("Signature", str)
OrderType = Literal["market"]


class OrderRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client asked for, validated: tokens by symbol, the amount in atoms of `token_in`.

    A later field must have a default, and means by it what was done before there was the field: then messages and
    fingerprints of the version before still hold.
    """

    token_in: str
    token_out: str
    amount_in: int
    order_type: OrderType
    slippage_bps: int


class Transaction(msgspec.Struct, frozen=True):
    """The swap as it goes to the chain, refused there when its blockhash has expired.

    That is after the slot `last_valid_slot`, or after `expires_at_ms` should the chain stand still meanwhile.
    """

    instructions: tuple[str, ...]
    minimum_out: int
    last_valid_slot: int
    expires_at_ms: int


class Order(msgspec.Struct, frozen=True, omit_defaults=True):
    """An order after its `sequence`-th step. Every step returns a new snapshot, one higher in sequence.

    Times are milliseconds since 1970, amounts are atoms; `execution_price` is in units of `token_out` per unit of
    `token_in`, as really received.
    """

    order_id: OrderId
    sequence: int
    status: Status
    created_at_ms: int
    updated_at_ms: int
    request: OrderRequest
    route: Route | None = None
    transaction: Transaction | None = None
    tx_hash: Signature | None = None
    amount_out: int | None = None
    execution_price: Decimal | None = None
    fills: tuple[Leg, ...] = ()
    reason: str | None = None
    client_order_id: str | None = None
    """The client's own name for the order, not a part of the request: the market's draws are keyed by that."""

    @classmethod
    def accept(cls, order_id: OrderId, request: OrderRequest, now_ms: int, client_order_id: str | None = None) -> Self:
        """Return a new order: pending, sequence 1."""
        return cls(order_id, 1, Status.PENDING, now_ms, now_ms, request, client_order_id=client_order_id)

    def choose_route(self, route: Route, now_ms: int) -> Self:
        """Return the order with its best route."""
        return self._step(Status.ROUTING, now_ms, route=route)

    def build(self, instructions: tuple[str, ...], last_valid_slot: int, expires_at_ms: int, now_ms: int) -> Self:
        """Return the order with its unsigned transaction and the minimum out that it may yield."""
        least = minimum_out(self.chosen_route.expected_out, self.request.slippage_bps)
        transaction = Transaction(instructions, least, last_valid_slot, expires_at_ms)
        return self._step(Status.BUILDING, now_ms, transaction=transaction)

    def submit(self, tx_hash: Signature, now_ms: int) -> Self:
        """Return the order with the signature under which its transaction goes out."""
        return self._step(Status.SUBMITTED, now_ms, tx_hash=tx_hash)

    def confirm(self, fills: tuple[Leg, ...], amount_out: int, now_ms: int) -> Self:
        """Return the order as executed, with the price that its fills come to."""
        request = self.request
        paid = price(request.amount_in, TOKENS[request.token_in], amount_out, TOKENS[request.token_out])
        return self._step(Status.CONFIRMED, now_ms, fills=fills, amount_out=amount_out, execution_price=paid)

    def fail(self, reason: str, now_ms: int) -> Self:
        """Return the order as failed for good, for a reason that its client can read."""
        return self._step(Status.FAILED, now_ms, reason=reason)

    @property
    def chosen_route(self) -> Route:
        """The route; raises ValueError before there is one."""
        if self.route is None:
            raise ValueError(f"order {self.order_id} is {self.status} and has no route yet")
        return self.route

    @property
    def built_transaction(self) -> Transaction:
        """The transaction; raises ValueError before there is one."""
        if self.transaction is None:
            raise ValueError(f"order {self.order_id} is {self.status} and has no transaction yet")
        return self.transaction

    @property
    def signature(self) -> Signature:
        """The signature; raises ValueError before there is one."""
        if self.tx_hash is None:
            raise ValueError(f"order {self.order_id} is {self.status} and has no signature yet")
        return self.tx_hash

    def _step(self, status: Status, now_ms: int, **changes: Any) -> Self:
        check_transition(self.status, status)
        # The clock may step back between two machines; an order's own time never does.
        at_ms = max(now_ms, self.updated_at_ms)
        return msgspec.structs.replace(self, sequence=self.sequence + 1, status=status, updated_at_ms=at_ms, **changes)


class Step(msgspec.Struct, frozen=True, omit_defaults=True):
    """What one step changed of an order, under the names that Order has for it; the first one says all there is.

    An order is its steps, each laid over those before. So an order as a whole may stand in for its latest step.
    """

    order_id: OrderId
    sequence: int
    status: Status
    updated_at_ms: int
    created_at_ms: int | None = None
    request: OrderRequest | None = None
    client_order_id: str | None = None
    route: Route | None = None
    transaction: Transaction | None = None
    tx_hash: Signature | None = None
    fills: tuple[Leg, ...] = ()
    amount_out: int | None = None
    execution_price: Decimal | None = None
    reason: str | None = None


_ADDS: dict[Status, tuple[str, ...]] = {
    Status.PENDING: ("created_at_ms", "request", "client_order_id"),
    Status.ROUTING: ("route",),
    Status.BUILDING: ("transaction",),
    Status.SUBMITTED: ("tx_hash",),
    Status.CONFIRMED: ("tx_hash", "fills", "amount_out", "execution_price"),
    Status.FAILED: ("tx_hash", "reason"),
}
"""What a step to each status adds. An end repeats the signature, which its clients read from the last event alone."""


def step_of(order: Order) -> Step:
    """Return the step that led to this snapshot."""
    added = {name: getattr(order, name) for name in _ADDS[order.status]}
    return Step(order.order_id, order.sequence, order.status, order.updated_at_ms, **added)


class StatusEvent(msgspec.Struct, frozen=True):
    """One step of an order as its client sees it; `route` comes with `routing`, `minimum_out` with `building`."""

    order_id: OrderId
    status: Status
    execution_price: Decimal | None
    tx_hash: Signature | None
    reason: str | None
    sequence: int
    timestamp: str
    route: Route | msgspec.UnsetType = msgspec.UNSET
    minimum_out: int | msgspec.UnsetType = msgspec.UNSET


def event_of(step: Step | Order) -> StatusEvent:
    """Return the event of a step, or of the step that led to a snapshot."""
    route = step.route if step.status is Status.ROUTING else None
    built = step.transaction if step.status is Status.BUILDING else None
    return StatusEvent(
        order_id=step.order_id,
        status=step.status,
        execution_price=step.execution_price,
        tx_hash=step.tx_hash,
        reason=step.reason,
        sequence=step.sequence,
        timestamp=iso_timestamp(step.updated_at_ms),
        route=msgspec.UNSET if route is None else route,
        minimum_out=msgspec.UNSET if built is None else built.minimum_out,
    )


def iso_timestamp(at_ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC, such as 2026-11-22T18:14:00.123Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
