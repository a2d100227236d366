"""An order: one immutable snapshot after each step, and the steps that it may take."""

from datetime import UTC, datetime
from decimal import Decimal
from fractions import Fraction
from typing import Any, Literal, NewType, Self

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.amounts import price
from orderflow.domain.conditions import Limit, Rule, Schedule, Trigger, minimum_of
from orderflow.domain.launches import Launch, Snipe
from orderflow.domain.lifecycle import TERMINAL, check_transition
from orderflow.domain.routing import Leg, Route
from orderflow.domain.slippage import minimum_out
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS, Token

OrderId = NewType("OrderId", str)
Version = tuple[OrderId, int]
"""An order's id, and how many steps it has."""
Signature = NewType("Signature", str)
OrderType = Literal["market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "sniper"]
TimeInForce = Literal["gtc", "gtd", "fok", "ioc"]
MARKET: OrderType = "market"
FiredBy = Rule | Literal["limit", "launch"]


class OrderRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a client asked for, validated: tokens by symbol, the amount in atoms of `token_in`.

    One that waits for a launch has no `token_out`, which is '' then, until it was fired.

    A later field must have a default, and means by it what was done before there was the field: then messages and
    fingerprints of the version before still hold.
    """

    token_in: str
    token_out: str
    amount_in: int
    order_type: OrderType
    slippage_bps: int
    limit: Limit | None = None
    triggers: tuple[Trigger, ...] = ()
    """The rules by which it is executed, of which the first that is met counts; two of an `oco`."""
    time_in_force: TimeInForce = "gtc"
    expires_at_ms: int | None = None
    allow_partial: bool = False
    schedule: Schedule | None = None
    exits: tuple[Trigger, ...] = ()
    """The rules of the `oco` that follows when this order is confirmed, over what it has received."""
    snipe: Snipe | None = None
    tokens: tuple[Token, ...] = ()
    """Those of its tokens that were launched: they stand in no list, so an order says itself what they are."""

    @property
    def sells(self) -> Token:
        """What `token_in` names."""
        return self._token(self.token_in)

    @property
    def buys(self) -> Token:
        """What `token_out` names; raises KeyError while that is not known."""
        return self._token(self.token_out)

    @property
    def waits(self) -> bool:
        """Whether the order rests until something is met; a market order is executed at once."""
        return self.order_type != MARKET

    @property
    def pair(self) -> str:
        """The directed pair, such as SOL>USDC."""
        return f"{self.token_in}>{self.token_out}"

    def least_at(self, limit: Limit) -> Fraction:
        """Return the atoms of `token_out` for each atom of `token_in` that a limit of this order asks for."""
        return limit.least(self.amount_in, self.sells, self.buys)

    def minimum_at(self, limit: Limit) -> int:
        """Return the fewest atoms that the whole amount may yield at a limit of this order."""
        return minimum_of(self.least_at(limit), self.amount_in)

    def trigger_by(self, rule: str) -> Trigger | None:
        """Return the trigger of a rule; None where the order has none such."""
        return next((trigger for trigger in self.triggers if trigger.rule == rule), None)

    def for_launch(self, launch: Launch) -> Self:
        """Return the request as it buys the token of a launch."""
        return msgspec.structs.replace(self, token_out=launch.token.symbol, tokens=(launch.token,))

    def _token(self, symbol: str) -> Token:
        return next((token for token in self.tokens if token.symbol == symbol), None) or TOKENS[symbol]


class Transaction(msgspec.Struct, frozen=True):
    """The swap as it goes to the chain, refused there when its blockhash has expired.

    That is after the slot `last_valid_slot`, or after `expires_at_ms` should the chain stand still meanwhile.
    """

    instructions: tuple[str, ...]
    minimum_out: int
    last_valid_slot: int
    expires_at_ms: int


class Rests(msgspec.Struct, frozen=True, omit_defaults=True):
    """How an order rests: the least that it may yield, and when it expires, in ms since 1970.

    It rests since the slot `since_slot`, of which it knows the prices. `from_slot` is there after a refusal: until that
    slot it is not tried again. `watermark` is that of a trailing stop that was amended.
    """

    minimum_out: int | None = None
    expires_at_ms: int | None = None
    since_slot: int = 0
    from_slot: int | None = None
    watermark: float | None = None


class Fired(msgspec.Struct, frozen=True, omit_defaults=True):
    """What made an order go: the slot, the rule, and the price that met it, in units of `token_out` per `token_in`.

    `amount_in` is how many atoms are executed; by a `launch` its token is bought.
    """

    slot: int
    rule: FiredBy
    price: Decimal
    amount_in: int
    launch: Launch | None = None


class Progress(msgspec.Struct, frozen=True):
    """How far a schedule has come: the slot of its first slice, the time of the latest one, and slices that ended.

    `at` counts the intervals since the first slice, of which some are left out while a slice is under way. Of the
    slices `begun` so many have `ended`, and `filled` were executed. One `is_put_off` when its time has come while the
    one before was under way: it begins at the first time after the end of that.
    """

    first_slot: int
    at: int = 0
    begun: int = 0
    ended: int = 0
    filled: int = 0
    is_put_off: bool = False

    @property
    def is_under_way(self) -> bool:
        """Whether a slice is."""
        return self.begun > self.ended


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
    rests: Rests | None = None
    fired: Fired | None = None
    attempts: int = 0
    """How often it was fired and then refused."""
    amount_filled: int = 0
    """Atoms of `token_in` that are executed; of an order that waits, as is `amount_out` before its end."""
    parent_id: OrderId | None = None
    slice: int | None = None
    """Which slice of its parent it is, counted from 1; None for the exits of a bracket."""
    child_id: OrderId | None = None
    """The order that the latest step has made."""
    progress: Progress | None = None
    legs_before: int = 0
    """How many fills there were before those in `fills`, which are of the latest transaction: of one that fills in
    parts each step says its own."""
    slots_from_open: int | None = None
    """In how many slots after its launch opened it was executed."""
    account: str = LOCAL_ACCOUNT
    """Whose it is."""

    @classmethod
    def accept(
        cls,
        order_id: OrderId,
        request: OrderRequest,
        now_ms: int,
        client_order_id: str | None = None,
        parent_id: OrderId | None = None,
        slice_number: int | None = None,
        account: str = LOCAL_ACCOUNT,
    ) -> Self:
        """Return a new order: pending, sequence 1. One that another makes is of the same account."""
        return cls(
            order_id,
            1,
            Status.PENDING,
            now_ms,
            now_ms,
            request,
            client_order_id=client_order_id,
            parent_id=parent_id,
            slice=slice_number,
            account=account,
        )

    def open(self, slot: int, now_ms: int) -> Self:
        """Return the order as it rests for the first time, from a slot on."""
        return self._step(Status.OPEN, now_ms, rests=self.rests_with(0, since_slot=slot))

    def reopen(self, reason: str, from_slot: int, now_ms: int) -> Self:
        """Return the order as it rests again, since what it was fired by no longer holds, or its landing was refused.

        It is not tried again before `from_slot`.
        """
        rests = self.rests_with(self.amount_filled, from_slot=from_slot)
        refused = {"reason": reason, "tx_hash": self._refused_hash, "attempts": self.attempts + 1}
        return self._step(Status.OPEN, now_ms, rests=rests, **refused)

    def amend(
        self, request: OrderRequest, watermark: float | None, now_ms: int, *, since_slot: int | None = None
    ) -> Self:
        """Return the order with another request, as it rests from now on; `watermark` is what it has come to.

        It counts as resting since before, or `since_slot`.
        """
        amended = msgspec.structs.replace(self, request=request)
        since = {} if since_slot is None else {"since_slot": since_slot}
        rests = amended.rests_with(self.amount_filled, watermark=watermark, **since)
        return amended._step(Status.OPEN, now_ms, rests=rests, tx_hash=None)

    def fire(self, fired: Fired, now_ms: int) -> Self:
        """Return the order as it goes to be executed, and buys the token of the launch that it was fired by."""
        request = self.request if fired.launch is None else self.request.for_launch(fired.launch)
        return self._step(Status.TRIGGERED, now_ms, request=request, fired=fired, tx_hash=None)

    def fire_again(self, reason: str, now_ms: int) -> Self:
        """Return the order as it goes once more, since its landing was refused."""
        tried = self.attempts + 1
        return self._step(Status.TRIGGERED, now_ms, reason=reason, tx_hash=self._refused_hash, attempts=tried)

    def choose_route(self, route: Route, now_ms: int) -> Self:
        """Return the order with its best route."""
        return self._step(Status.ROUTING, now_ms, route=route)

    def build(self, instructions: tuple[str, ...], last_valid_slot: int, expires_at_ms: int, now_ms: int) -> Self:
        """Return the order with its unsigned transaction and the minimum out that it may yield.

        The transaction is valid for less long than the order: nothing is filled when that has expired.
        """
        valid_until_ms = expires_at_ms
        if self.request.expires_at_ms is not None:
            valid_until_ms = min(expires_at_ms, self.request.expires_at_ms - 1)
        transaction = Transaction(instructions, self.least_out(), last_valid_slot, valid_until_ms)
        return self._step(Status.BUILDING, now_ms, transaction=transaction)

    def submit(self, tx_hash: Signature, now_ms: int) -> Self:
        """Return the order with the signature under which its transaction goes out."""
        return self._step(Status.SUBMITTED, now_ms, tx_hash=tx_hash)

    def confirm(
        self, fills: tuple[Leg, ...], amount_out: int, now_ms: int, child_id: OrderId | None = None, *, slot: int = 0
    ) -> Self:
        """Return the order as executed in a slot, with the price that its fills come to.

        `child_id` is that of its exits.

        One of which a part was executed rests with what remains.
        """
        if not self.request.waits:
            paid = self._price_of(self.request.amount_in, amount_out)
            own = {"child_id": child_id} if child_id else {}
            return self._step(Status.CONFIRMED, now_ms, fills=fills, amount_out=amount_out, execution_price=paid, **own)
        if self.fired is not None and self.fired.launch is not None:
            late = msgspec.structs.replace(self, slots_from_open=slot - self.fired.launch.open_slot)
            return late.fill(self.chosen_route.amount_in, fills, amount_out, now_ms, child_id=child_id)
        return self.fill(self.chosen_route.amount_in, fills, amount_out, now_ms, child_id=child_id)

    def fill(
        self,
        amount_in: int,
        fills: tuple[Leg, ...],
        amount_out: int,
        now_ms: int,
        *,
        child_id: OrderId | None = None,
        progress: Progress | None = None,
    ) -> Self:
        """Return the order with more of it executed: confirmed, and with its exits' `child_id`, once all of it is."""
        filled, received = self.amount_filled + amount_in, (self.amount_out or 0) + amount_out
        changes = {
            "fills": fills,
            "legs_before": self.legs_before + len(self.fills),
            "amount_filled": filled,
            "amount_out": received,
            "execution_price": self._price_of(filled, received),
            "progress": progress or self.progress,
        }
        if filled >= self.request.amount_in:
            return self._step(Status.CONFIRMED, now_ms, child_id=child_id or self.child_id, **changes)
        return self._step(Status.PARTIALLY_FILLED, now_ms, rests=self.rests_with(filled), attempts=0, **changes)

    def fail(self, reason: str, now_ms: int) -> Self:
        """Return the order as failed for good, for a reason that its client can read."""
        return self._step(Status.FAILED, now_ms, reason=reason)

    def cancel(self, now_ms: int, reason: str | None = None) -> Self:
        """Return the order as cancelled: by its client, or for a reason of its own."""
        return self._step(Status.CANCELLED, now_ms, reason=reason)

    def expire(self, now_ms: int) -> Self:
        """Return the order as expired."""
        return self._step(Status.EXPIRED, now_ms)

    def end_as(self, requested: Status, now_ms: int) -> Self:
        """Return the order with the end that was requested: expired, or else cancelled."""
        return self.expire(now_ms) if requested is Status.EXPIRED else self.cancel(now_ms)

    def go_on(self, progress: Progress, now_ms: int, child_id: OrderId | None = None) -> Self:
        """Return the order with its slices further on; `child_id` is that of the one that begins."""
        return self._step(self.status, now_ms, child_id=child_id or self.child_id, progress=progress)

    @property
    def version(self) -> Version:
        """The order at this very step: a late copy of an earlier message may lie in its batch."""
        return self.order_id, self.sequence

    @property
    def has_ended(self) -> bool:
        """Whether nothing follows."""
        return self.status in TERMINAL

    @property
    def is_at_once(self) -> bool:
        """Whether it is executed when it comes in or not at all: it does not rest."""
        return self.request.time_in_force in ("fok", "ioc")

    @property
    def has_slice_under_way(self) -> bool:
        """Whether one of its slices has begun and not ended."""
        return self.progress is not None and self.progress.is_under_way

    @property
    def amount_remaining(self) -> int:
        """The atoms of `token_in` that are not executed."""
        if not self.request.waits:
            return 0 if self.status is Status.CONFIRMED else self.request.amount_in
        return self.request.amount_in - self.amount_filled

    @property
    def limit(self) -> Limit | None:
        """The limit at which it is executed; None for an order that its slippage guards.

        A stop order with a limit has that one once it was fired.
        """
        if self.fired is not None and self.fired.rule != "limit":
            trigger = self.request.trigger_by(self.fired.rule)
            return trigger.limit if trigger else None
        return self.request.limit if self.request.order_type == "limit" else None

    @property
    def least(self) -> Fraction | None:
        """The atoms of `token_out` for each atom of `token_in` that its limit asks for; None without a limit."""
        return None if self.limit is None else self.request.least_at(self.limit)

    @property
    def to_execute(self) -> OrderRequest:
        """What is executed now: of an order that waits a market order over the amount that was fired."""
        if not self.request.waits:
            return self.request
        return self.at_market(self.fired.amount_in if self.fired else self.amount_remaining)

    def at_market(self, amount_in: int) -> OrderRequest:
        """Return a market order over a part of this one."""
        request = self.request
        return OrderRequest(
            request.token_in, request.token_out, amount_in, MARKET, self.slippage_bps, tokens=request.tokens
        )

    @property
    def slippage_bps(self) -> int:
        """How much less than quoted it may yield where it has no limit."""
        trigger = self.request.trigger_by(self.fired.rule) if self.fired else None
        return trigger.slippage_bps if trigger else self.request.slippage_bps

    def least_out(self) -> int:
        """Return the fewest atoms that its route may yield: by its limit, else by its slippage."""
        route = self.chosen_route
        if self.least is None:
            return minimum_out(route.expected_out, self.slippage_bps)
        return minimum_of(self.least, route.amount_in)

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

    @property
    def _refused_hash(self) -> Signature | None:
        return self.tx_hash if self.status is Status.SUBMITTED else None

    def rests_with(self, filled: int, **changes: Any) -> Rests:
        """Return how the order rests with so much of it executed."""
        least = None if self.least is None else minimum_of(self.least, self.request.amount_in - filled)
        since = self.rests.since_slot if self.rests else 0
        return Rests(**{"since_slot": since, **changes}, minimum_out=least, expires_at_ms=self.request.expires_at_ms)

    def _price_of(self, amount_in: int, amount_out: int) -> Decimal:
        return price(amount_in, self.request.sells, amount_out, self.request.buys)

    def _step(self, status: Status, now_ms: int, **changes: Any) -> Self:
        check_transition(self.status, status)
        # The clock may step back between two machines; an order's own time never does.
        at_ms = max(now_ms, self.updated_at_ms)
        changes.setdefault("reason", None)
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
    tx_hash: Signature | UnsetType | None = UNSET
    fills: tuple[Leg, ...] = ()
    amount_out: int | None = None
    execution_price: Decimal | None = None
    reason: str | UnsetType | None = UNSET
    rests: Rests | None = None
    fired: Fired | UnsetType | None = UNSET
    attempts: int | UnsetType = UNSET
    amount_filled: int | UnsetType = UNSET
    parent_id: OrderId | None = None
    slice: int | None = None
    child_id: OrderId | None = None
    progress: Progress | None = None
    legs_before: int = 0
    slots_from_open: int | None = None
    account: str = LOCAL_ACCOUNT


_FILLS = ("fills", "legs_before", "amount_out", "execution_price")
_ADDS: dict[Status, tuple[str, ...]] = {
    Status.PENDING: ("created_at_ms", "request", "client_order_id", "parent_id", "slice", "account"),
    Status.ROUTING: ("route",),
    Status.BUILDING: ("transaction",),
    Status.SUBMITTED: ("tx_hash",),
    Status.CONFIRMED: ("tx_hash", *_FILLS, "child_id", "progress", "slots_from_open"),
    Status.FAILED: ("tx_hash", "reason"),
    Status.OPEN: ("request", "rests", "child_id", "progress"),
    Status.TRIGGERED: (),
    Status.PARTIALLY_FILLED: ("tx_hash", *_FILLS, "rests", "amount_filled", "child_id", "progress"),
    Status.CANCELLED: (),
    Status.EXPIRED: (),
}
"""What a step to each status adds. An end repeats the signature, which its clients read from the last event alone."""

_STATES: dict[Status, tuple[str, ...]] = {
    Status.OPEN: ("reason", "tx_hash", "fired", "attempts"),
    Status.TRIGGERED: ("reason", "tx_hash", "fired", "attempts"),
    Status.PARTIALLY_FILLED: ("attempts",),
}
"""What a step to each status says also where there is none (any more): statuses come again, and take back what was."""


def step_of(order: Order) -> Step:
    """Return the step that led to this snapshot."""
    added = {name: value for name in _ADDS.get(order.status, ()) if (value := getattr(order, name)) is not None}
    if order.request.waits or order.status is Status.CANCELLED:
        # What clients read of an end is not only its event: how much was filled by then, and why it is over.
        stated = _STATES.get(order.status, ("reason",))
        added |= {name: getattr(order, name) for name in stated}
        if order.status is Status.TRIGGERED and order.request.snipe:
            added["request"] = order.request  # which says by now what it buys
        if order.has_ended:
            added |= {"amount_filled": order.amount_filled, "amount_out": order.amount_out}
    return Step(order.order_id, order.sequence, order.status, order.updated_at_ms, **added)


class StatusEvent(msgspec.Struct, frozen=True):
    """One step of an order as its client sees it; `route` comes with `routing`, `minimum_out` with `building`.

    Those of an order that waits say more: `open` the least that it may yield and when it expires, `triggered` what
    fired it, and an end how much was executed; `confirmed`, of an order that waited for a launch, how many slots after
    its opening. Amounts are atoms.
    """

    order_id: OrderId
    status: Status
    execution_price: Decimal | None
    tx_hash: Signature | None
    reason: str | None
    sequence: int
    timestamp: str
    route: Route | UnsetType = UNSET
    minimum_out: int | UnsetType | None = UNSET
    expires_at: str | UnsetType | None = UNSET
    slot: int | UnsetType = UNSET
    rule: str | UnsetType = UNSET
    price: Decimal | UnsetType = UNSET
    amount_filled: int | UnsetType = UNSET
    amount_out: int | UnsetType = UNSET
    child_id: OrderId | UnsetType = UNSET
    launch: Launch | UnsetType = UNSET
    slots_from_open: int | UnsetType = UNSET


def event_of(step: Step | Order) -> StatusEvent:
    """Return the event of a step, or of the step that led to a snapshot."""
    if isinstance(step, Order):
        step = step_of(step)
    return StatusEvent(
        order_id=step.order_id,
        status=step.status,
        execution_price=step.execution_price,
        tx_hash=step.tx_hash or None,
        reason=step.reason or None,
        sequence=step.sequence,
        timestamp=iso_timestamp(step.updated_at_ms),
        **_more_of(step),
    )


def _more_of(step: Step) -> dict[str, Any]:
    """Return what the event of a step says beyond what all do."""
    match step.status:
        case Status.ROUTING if step.route:
            return {"route": step.route}
        case Status.BUILDING if step.transaction:
            return {"minimum_out": step.transaction.minimum_out}
        case Status.PENDING:
            return {}
        case Status.OPEN if step.rests:
            expires_at_ms = step.rests.expires_at_ms
            expires_at = None if expires_at_ms is None else iso_timestamp(expires_at_ms)
            child = {"child_id": step.child_id} if step.child_id else {}
            return {"minimum_out": step.rests.minimum_out, "expires_at": expires_at, **child}
        case Status.TRIGGERED if step.fired:
            launch = {"launch": step.fired.launch} if step.fired.launch else {}
            return {"slot": step.fired.slot, "rule": step.fired.rule, "price": step.fired.price, **launch}
    more: dict[str, Any] = {"child_id": step.child_id} if step.child_id else {}
    if step.slots_from_open is not None:
        more["slots_from_open"] = step.slots_from_open
    if step.amount_filled is UNSET:
        return more
    return {"amount_filled": step.amount_filled, "amount_out": step.amount_out or 0, **more}


def iso_timestamp(at_ms: int) -> str:
    """Return milliseconds since 1970 as ISO 8601 in UTC, such as 2026-11-22T18:14:00.123Z."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
