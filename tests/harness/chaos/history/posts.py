"""What clients posted, and what they were answered."""

from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from orderflow.domain.tokens import TOKENS


class Identity(NamedTuple):
    """What distinguishes one order of a run from all others; `amount_in` in atoms."""

    token_in: str
    token_out: str
    amount_in: int


@dataclass(slots=True)
class Post:
    """An order that a client tried to place, and the answers that it got.

    `order_ids` are all ids that answers named, `unexpected` what was wrong with an answer. Without a key an order that
    no answer accepted may exist or not. The key is an Idempotency-Key, or with `key_in_body` the client_order_id.
    """

    identity: Identity
    key: str | None = None
    posted_at: float = 0.0
    order_ids: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    key_in_body: bool = False

    @property
    def sure(self) -> bool:
        """Whether the client knows that its order exists: it was answered 202."""
        return bool(self.order_ids)

    @property
    def header_key(self) -> str | None:
        """The Idempotency-Key that is sent with it."""
        return None if self.key_in_body else self.key

    def body(self) -> dict[str, object]:
        """Return what is posted."""
        token_in, token_out, amount_in = self.identity
        amount = Decimal(amount_in).scaleb(-TOKENS[token_in].decimals)
        order: dict[str, object] = {
            "token_in": token_in,
            "token_out": token_out,
            "amount": f"{amount:f}",
            "order_type": "market",
        }
        return order | {"client_order_id": self.key} if self.key_in_body else order
