"""What is shown of dead letters: letters and their orders in, the JSON documents of the API out."""

from typing import Any

import msgspec

from orderflow.adapters.dead_letters import DeadLetter, LatestLetters
from orderflow.domain.order import Order, iso_timestamp


class ListedLetter(msgspec.Struct, frozen=True):
    """A record that was given up, by `function` after so many `attempts` for `error`.

    `order_id` is null where the record is about no order, `account` and `order_status` where Redis has none any more.
    """

    name: str
    partition: str
    id: str
    function: str
    stream: str
    attempts: int
    error: str
    at: str
    order_id: str | None
    account: str | None
    order_status: str | None


class DeadLetterList(msgspec.Struct, frozen=True):
    """The latest dead letters, the latest first, and how many there are in all."""

    dead_letters: list[ListedLetter]
    total: int


class Redriven(msgspec.Struct, frozen=True):
    """A dead letter whose record is on its stream again."""

    name: str
    redriven: bool = True


class Discarded(msgspec.Struct, frozen=True):
    """A dead letter that was deleted."""

    name: str
    discarded: bool = True


def list_of(latest: LatestLetters) -> DeadLetterList:
    """Return letters as clients see them."""
    listed = [_listed(letter, latest.orders.get(letter.order_id or "")) for letter in latest.letters]
    return DeadLetterList(listed, latest.total)


def _listed(letter: DeadLetter, order: Order | None) -> ListedLetter:
    return ListedLetter(
        name=letter.name,
        partition=letter.partition,
        id=letter.id,
        function=letter.function,
        stream=letter.stream,
        attempts=letter.attempts,
        error=letter.error,
        at=iso_timestamp(letter.at_ms),
        order_id=letter.order_id,
        account=order.account if order else None,
        order_status=order.status if order else None,
    )


_NAME = "p0/1763835240000-0"
LIST_EXAMPLE: dict[str, Any] = {
    "dead_letters": [
        {
            "name": _NAME,
            "partition": "p0",
            "id": "1763835240000-0",
            "function": "record_order",
            "stream": "status",
            "attempts": 4,
            "error": "ValueError: no such step",
            "at": "2025-11-22T18:14:00.000Z",
            "order_id": "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10",
            "account": "alice",
            "order_status": "confirmed",
        }
    ],
    "total": 1,
}
REDRIVEN_EXAMPLE = {"name": _NAME, "redriven": True}
DISCARDED_EXAMPLE = {"name": _NAME, "discarded": True}
ENDED_EXAMPLE = {
    "type": "about:blank",
    "title": "Conflict",
    "status": 409,
    "detail": f"{_NAME}: order 0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10 has failed; discard the letter",
    "order_status": "failed",
    "sequence": 3,
}
