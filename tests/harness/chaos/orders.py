"""The orders that chaos sends: each with an amount that no other has, so that the ledger's rows tell whose they are."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import count
from typing import NamedTuple

from orderflow.domain.amounts import to_atoms
from orderflow.domain.tokens import TOKENS
from tests.harness.bench.orders import amount_worth

PAIRS = (("SOL", "USDC"), ("JUP", "USDC"), ("mSOL", "SOL"))
SMALL_USD, LARGE_USD = 25, 25_000
LARGE_EVERY = 10


class Identity(NamedTuple):
    """What tells one order of a run from all others; `amount_in` in atoms."""

    token_in: str
    token_out: str
    amount_in: int


@dataclass(slots=True)
class Post:
    """An order that a client tried to place, and what it was told.

    Every id that an answer named is in `order_ids`. `sure` says that the client knows of an order: it was answered 202.
    Without a key an order that was not may exist or not.
    """

    identity: Identity
    key: str | None = None
    posted_at: float = 0.0
    order_ids: set[str] = field(default_factory=set)
    unexpected: list[str] = field(default_factory=list)

    @property
    def sure(self) -> bool:
        """Whether it was accepted, and the client knows."""
        return bool(self.order_ids)

    def body(self) -> dict[str, object]:
        """Return what is posted."""
        token_in, token_out, amount_in = self.identity
        amount = Decimal(amount_in).scaleb(-TOKENS[token_in].decimals)
        return {"token_in": token_in, "token_out": token_out, "amount": f"{amount:f}", "order_type": "market"}


def identities() -> Iterator[Identity]:
    """Yield identities without end: a few pairs in both directions, one in ten large."""
    directions = [direction for pair in PAIRS for direction in (pair, pair[::-1])]
    for number in count(1):
        token_in, token_out = directions[number % len(directions)]
        token = TOKENS[token_in]
        # The two directions of a pair are as large, so that prices stay about where they are.
        large = number // 2 % LARGE_EVERY == 0
        base = to_atoms(amount_worth(LARGE_USD if large else SMALL_USD, token), token)
        yield Identity(token_in, token_out, base + number)
