"""What the status stream says of orders, for the ledger: JSON documents in, as few of them as say the same out."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from operator import attrgetter

import msgspec

from orderflow.domain.order import OrderRequest
from orderflow.domain.routing import Leg
from orderflow.domain.status import Status


class OrderDocument(msgspec.Struct, frozen=True, omit_defaults=True):
    """What steps changed of their order; or, with a request, the whole order as it was after a step.

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
    steps: int = 1
    """Of how many steps up to `sequence` it says what they changed; a whole order says that of all."""

    def __post_init__(self) -> None:
        if (self.request is None) != (self.created_at_ms is None):
            raise ValueError("an order's request and its time come together")

    @property
    def is_whole(self) -> bool:
        """Whether it says all of the order up to its step."""
        return self.request is not None

    def followed_by(self, step: "OrderDocument") -> "OrderDocument":
        """Return the two as one: the members of both, and where both have one that of the later `step`."""
        own = {name: value for name in _OF_SOME_STEPS if (value := getattr(self, name)) and not getattr(step, name)}
        return msgspec.structs.replace(step, steps=self.steps + 1, **own)


_OF_SOME_STEPS = OrderDocument.__struct_fields__[4:-1]

decode_document = msgspec.json.Decoder(OrderDocument).decode


def rounds(documents: Sequence[OrderDocument]) -> Iterator[list[OrderDocument]]:
    """Yield what documents, in any number and order, come to: one of each order at a time.

    That is a single round, except where a step between two of an order is missing: it may have been written before, so
    what follows it is a document of its own, to be written after the one that precedes it.
    """
    merged: dict[str, OrderDocument] = {}
    behind_a_gap: list[OrderDocument] = []
    for document in sorted(documents, key=attrgetter("sequence")):
        known = merged.get(document.order_id)
        if known is None or document.is_whole:
            merged[document.order_id] = document
        elif document.sequence == known.sequence + 1:
            merged[document.order_id] = known.followed_by(document)
        elif document.sequence > known.sequence:
            behind_a_gap.append(document)
    if merged:
        yield list(merged.values())
    if behind_a_gap:
        yield from rounds(behind_a_gap)
