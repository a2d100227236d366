"""What the status stream says of orders, for the ledger: JSON documents in, what has to change in the tables out."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import attrgetter

import msgspec

from orderflow.domain.order import OrderRequest
from orderflow.domain.routing import Leg
from orderflow.domain.status import Status


class OrderDocument(msgspec.Struct, frozen=True):
    """What one step changed of its order; or, with a request, the whole order as it was after that step.

    Its members are those of `Order` that the ledger keeps. Times are milliseconds since 1970, amounts are atoms.
    """

    order_id: str
    sequence: int
    status: Status
    updated_at_ms: int
    created_at_ms: int | None = None
    request: OrderRequest | None = None
    route: msgspec.Raw = msgspec.Raw()
    """As JSON text; empty where the document has none."""
    tx_hash: str | None = None
    amount_out: int | None = None
    execution_price: Decimal | None = None
    fills: tuple[Leg, ...] = ()
    reason: str | None = None
    client_order_id: str | None = None

    def __post_init__(self) -> None:
        if (self.request is None) != (self.created_at_ms is None):
            raise ValueError("an order's request and its time come together")

    @property
    def is_whole(self) -> bool:
        """Whether it says all of the order up to its step."""
        return self.request is not None

    def followed_by(self, step: "OrderDocument") -> "OrderDocument":
        """Return the two as one: the members of both, and where both have one that of the later `step`."""
        own = {name: value for name in _OF_ONE_STEP if (value := getattr(self, name)) and not getattr(step, name)}
        return msgspec.structs.replace(step, **own)


_OF_ONE_STEP = tuple(
    name for name in OrderDocument.__struct_fields__ if name not in OrderDocument.__struct_fields__[:4]
)

decode_document = msgspec.json.Decoder(OrderDocument).decode


class Change(msgspec.Struct, frozen=True):
    """What becomes of an order's row: `document` for one that has all steps up to `after`; for any when it is 0."""

    document: OrderDocument
    after: int


def rounds(documents: Sequence[OrderDocument]) -> Iterator[list[Change]]:
    """Yield the changes that documents come to, in any number and order: one of each order at a time.

    That is a single round, except where a step between two of an order is missing: it may have been written before, so
    what follows it is a change of its own, to be written after the one that precedes it.
    """
    changes: dict[str, Change] = {}
    behind_a_gap: list[OrderDocument] = []
    for document in sorted(documents, key=attrgetter("sequence")):
        known = changes.get(document.order_id)
        if document.is_whole:
            changes[document.order_id] = Change(document, 0)
        elif known is None:
            changes[document.order_id] = Change(document, document.sequence - 1)
        elif document.sequence == known.document.sequence + 1:
            changes[document.order_id] = Change(known.document.followed_by(document), known.after)
        elif document.sequence > known.document.sequence:
            behind_a_gap.append(document)
    if changes:
        yield list(changes.values())
    if behind_a_gap:
        yield from rounds(behind_a_gap)
