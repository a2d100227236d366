"""What the status stream says of orders, for the ledger: JSON documents in, as few of them as say the same out."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import attrgetter
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from orderflow.adapters.codec import encoder, order_decoder, step_decoder
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.order import OrderRequest, event_of
from orderflow.domain.routing import Leg
from orderflow.domain.status import Status

NOTHING = Raw()
"""What a member that is kept as JSON text has where the document has none."""


class OrderDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """What steps changed of their order; or, with the time of its creation, the whole order as it was after a step.

    Its members are those of `Order` that the ledger keeps. Times are milliseconds since 1970, amounts are atoms. The
    `fills` are of one transaction, behind `legs_before` of others.
    """

    order_id: str
    sequence: int
    status: Status
    updated_at_ms: int
    created_at_ms: int | None = None
    request: OrderRequest | None = None
    """Comes again with later steps of an order that waits, since it may have been amended."""
    route: Raw = NOTHING
    tx_hash: str | UnsetType | None = UNSET
    amount_out: int | None = None
    execution_price: Decimal | None = None
    fills: tuple[Leg, ...] = ()
    legs_before: int = 0
    client_order_id: str | None = None
    rests: Raw = NOTHING
    fired: Raw = NOTHING
    attempts: int | UnsetType = UNSET
    amount_filled: int | UnsetType = UNSET
    parent_id: str | None = None
    slice: int | None = None
    child_id: str | None = None
    slots_from_open: int | None = None
    account: str = LOCAL_ACCOUNT
    terms: Raw = NOTHING
    """What the request says that the ledger has no column for."""
    takes_back: bool = False
    """Whether the order has no `tx_hash`, and was not fired, where the document does not say by what."""
    reason: str | UnsetType | None = UNSET
    """That of the latest step: where it says none, there is none any more."""
    event: Raw = NOTHING
    """That of the latest step, where it does not follow from the order's row."""
    steps: int = 1
    """Of how many steps up to `sequence` it says what they changed; a whole order says that of all."""

    def __post_init__(self) -> None:
        if self.request is None if self.is_whole else self.sequence == 1:
            raise ValueError("an order begins with its request and its time, which come together")

    @property
    def is_whole(self) -> bool:
        """Whether it says all of the order up to its step."""
        return self.created_at_ms is not None

    def followed_by(self, step: "OrderDocument") -> "OrderDocument":
        """Return the two as one: the members of both, and where both have one that of the later `step`."""
        members = _OF_MARKET_ORDERS if self.event is NOTHING else _OF_ALL_ORDERS
        own = {
            name: value
            for name, default in members
            if (value := getattr(self, name)) is not default and getattr(step, name) is default
        }
        return msgspec.structs.replace(step, steps=self.steps + 1, **own)


_ONLY_THE_LATEST = ("reason", "event", "steps")
_ONLY_OF_WAITING = (
    *("legs_before", "rests", "fired", "attempts", "amount_filled", "child_id", "slots_from_open"),
    "takes_back",
)
_OF_ALL_ORDERS = [
    (field.name, field.default)
    for field in msgspec.structs.fields(OrderDocument)
    if not field.required and field.name not in _ONLY_THE_LATEST
]
"""The members that stay as they were where a later step does not say them, each with what it is there."""
_OF_MARKET_ORDERS = [member for member in _OF_ALL_ORDERS if member[0] not in _ONLY_OF_WAITING]

_ONCE = frozenset({*COURSE, Status.FAILED})
"""The statuses of a market order that none takes back: each comes once, and so its event follows from the order."""

_IN_COLUMNS = frozenset({"token_in", "token_out", "amount_in", "order_type", "slippage_bps"})

_decoder = msgspec.json.Decoder(OrderDocument)


def decode_document(text: str | bytes) -> OrderDocument:
    """Return the document of a step, or of a whole order. Raises msgspec.DecodeError where it is none."""
    document = _decoder.decode(text)
    further: dict[str, Any] = {}
    if not _follows(document):
        further |= _waiting(document, text)
    if document.request is not None and (terms := _terms(document.request)):
        further["terms"] = terms
    return msgspec.structs.replace(document, **further) if further else document


def rounds(documents: Sequence[OrderDocument]) -> Iterator[list[OrderDocument]]:
    """Yield what documents, in any number and order, come to: one of each order at a time.

    That is a single round, except where a step between two of an order is missing: it may have been written before, so
    what follows it is a document of its own, to be written after the one that precedes it. So is what follows fills,
    which keep the signature and the time of their step.
    """
    merged: dict[str, OrderDocument] = {}
    later: list[OrderDocument] = []
    for document in sorted(documents, key=attrgetter("sequence")):
        known = merged.get(document.order_id)
        if known is None or document.is_whole:
            merged[document.order_id] = document
        elif document.sequence == known.sequence + 1 and not known.fills:
            merged[document.order_id] = known.followed_by(document)
        elif document.sequence > known.sequence:
            later.append(document)
    if merged:
        yield list(merged.values())
    if later:
        yield from rounds(later)


def _follows(document: OrderDocument) -> bool:
    """Return whether the event follows from the order's row: of a market order, and of no other.

    What of a step is known here says which it is: that of an order that waits says the reason, or how much is filled,
    also where there is none.
    """
    return (
        document.reason is not None
        and document.amount_filled is UNSET
        and document.child_id is None
        and document.status in _ONCE
        and not (document.request is not None and document.request.waits)
    )


def _waiting(document: OrderDocument, text: str | bytes) -> dict[str, Any]:
    """Return what a document has beyond its text where its event does not follow from the order's row."""
    step = order_decoder.decode(text) if document.is_whole else step_decoder.decode(text)
    further = {"event": Raw(encoder.encode(event_of(step))), "takes_back": document.tx_hash is None}
    if document.is_whole and document.request is not None and document.request.waits:
        further |= {name: 0 for name in ("attempts", "amount_filled") if getattr(document, name) is UNSET}
    return further


def _terms(request: OrderRequest) -> Raw | None:
    """Return what a request says beyond its columns, as JSON text; None where that is nothing."""
    plain = OrderRequest(
        request.token_in, request.token_out, request.amount_in, request.order_type, request.slippage_bps
    )
    if request == plain:
        return None
    members = msgspec.json.decode(encoder.encode(request), type=dict[str, Raw])
    return Raw(encoder.encode({name: value for name, value in members.items() if name not in _IN_COLUMNS}))
