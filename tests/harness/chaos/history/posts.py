"""What clients posted, and what they were answered."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import NamedTuple

from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.tokens import TOKENS

MARKET: Mapping[str, object] = {"order_type": "market"}


class Identity(NamedTuple):
    """What distinguishes one order of a run from all others; `amount_in` in atoms.

    That alone distinguishes those that sell the same token. `token_out` is '' where the order names none.
    """

    token_in: str
    token_out: str
    amount_in: int

    def with_amount(self, amount: str) -> "Identity":
        """Return the same with another amount, in units of `token_in`."""
        return self._replace(amount_in=int(Decimal(amount).scaleb(TOKENS[self.token_in].decimals)))

    @property
    def amount(self) -> str:
        """The amount in units of `token_in`, as it is posted."""
        return f"{Decimal(self.amount_in).scaleb(-TOKENS[self.token_in].decimals):f}"


@dataclass(slots=True)
class Post:
    """An order that a client tried to place, and the answers that it got.

    `order_ids` are all ids that answers named, `unexpected` what was wrong with an answer. Without a key an order that
    no answer accepted may exist or not. The key is an Idempotency-Key, or with `key_in_body` the client_order_id.
    `conditions` are the type of the order and the fields that go with it, `account` is that of its client. It came
    `too_late` where an answer has said that its time, or the launch that it waits for, is over, and so that there is no
    such order: first `refused_at_s`.
    """

    identity: Identity
    key: str | None = None
    posted_at: float = 0.0
    order_ids: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)
    key_in_body: bool = False
    conditions: Mapping[str, object] = field(default_factory=lambda: MARKET)
    account: str = LOCAL_ACCOUNT
    refused_at_s: float | None = None

    @property
    def too_late(self) -> bool:
        """Whether the client was answered that there is no such order, and can be none any more."""
        return self.refused_at_s is not None

    @property
    def sure(self) -> bool:
        """Whether the client knows that its order exists: it was answered 202."""
        return bool(self.order_ids)

    @property
    def is_answered(self) -> bool:
        """Whether the client knows what became of it."""
        return self.sure or self.too_late or bool(self.unexpected)

    @property
    def order_type(self) -> str:
        """The type of the order."""
        return str(self.conditions["order_type"])

    @property
    def header_key(self) -> str | None:
        """The Idempotency-Key that is sent with it."""
        return None if self.key_in_body else self.key

    def body(self) -> dict[str, object]:
        """Return what is posted."""
        token_in, token_out, _ = self.identity
        order: dict[str, object] = {
            "token_in": token_in,
            **({"token_out": token_out} if token_out else {}),
            "amount": self.identity.amount,
            **self.conditions,
        }
        return order | {"client_order_id": self.key} if self.key_in_body else order
