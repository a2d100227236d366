"""The dead letters of every partition, for a person: listed, looked into, sent on their way again or thrown away."""

from collections.abc import Iterator
from typing import cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import order_decoder
from orderflow.adapters.keys import CHAIN, key
from orderflow.adapters.orders import Orders
from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.order import Order
from orderflow.errors import RejectedError

_Entries = list[tuple[str, dict[str, str]]]

PAGE = 100
_ADDED = ("stream", "attempts", "error", "message_id")
"""What burying added to the record's own fields. `function` is kept: a redriven record is for that one alone."""


class Letter(msgspec.Struct, frozen=True):
    """A record that was given up; `name` is how a person calls it, such as p0/1763835240000-0."""

    partition: str
    id: str
    function: str
    stream: str
    attempts: int
    error: str
    fields: dict[str, str]

    @property
    def name(self) -> str:
        return f"{self.partition}/{self.id}"

    @property
    def order_id(self) -> str | None:
        """The order that the record is about, if it can be told."""
        if "order_id" in self.fields:
            return self.fields["order_id"]
        try:
            return order_decoder.decode(self.fields.get("order", "")).order_id
        except msgspec.DecodeError:
            return None


class DeadLetterBox:
    """All dead letters."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client = client
        self._orders = Orders(client, partitions)
        self._partitions = [CHAIN, *(f"p{number}" for number in range(partitions))]
        self._redrive = client.register_script(scripts.source("redrive"))

    def letters(self) -> Iterator[Letter]:
        """Return every letter, partition by partition, oldest first."""
        for partition in self._partitions:
            after = "-"
            while page := self._page(partition, after, "+"):
                yield from page
                after = f"({page[-1].id}"

    def find(self, name: str) -> Letter:
        """Return the letter of this name. Raises RejectedError when there is none."""
        partition, _, letter_id = name.partition("/")
        try:
            found = self._page(partition, letter_id, letter_id)
        except redis.ResponseError:  # not an id
            found = []
        if not found:
            raise RejectedError(f"there is no dead letter {name}")
        return found[0]

    def order(self, letter: Letter) -> Order | None:
        """Return the order that a letter is about as it is now, or None when Redis does not hold it."""
        found = self._orders.find(letter.order_id) if letter.order_id else None
        return found[0] if found else None

    def redrive(self, letter: Letter) -> None:
        """Put a letter's record back on its stream, with all its attempts before it.

        Raises RejectedError when its order has ended, which no message changes any more, or the letter is gone. What
        is only told or recorded of an order, by a record of the status stream, can always be redriven.
        """
        order = self.order(letter)
        if letter.stream != "status" and order is not None and order.status in TERMINAL:
            raise RejectedError(f"{letter.name}: order {order.order_id} has {order.status}; discard the letter")
        own = {name: value for name, value in letter.fields.items() if name not in _ADDED}
        self._take(letter, [part for pair in own.items() for part in pair])

    def discard(self, letter: Letter) -> None:
        """Throw a letter away. Raises RejectedError when it is gone."""
        self._take(letter, [])

    def _page(self, partition: str, first: str, last: str) -> list[Letter]:
        entries = cast("_Entries", self._client.xrange(key(partition, "dead"), first, last, PAGE))
        return [_letter(partition, letter_id, fields) for letter_id, fields in entries]

    def _take(self, letter: Letter, fields: list[str]) -> None:
        keys = [key(letter.partition, "dead"), key(letter.partition, letter.stream)]
        if not self._redrive(keys, [letter.id, *fields]):
            raise RejectedError(f"{letter.name} is not there any more")


def _letter(partition: str, letter_id: str, fields: dict[str, str]) -> Letter:
    return Letter(
        partition,
        letter_id,
        fields.get("function", ""),
        fields.get("stream", ""),
        int(fields.get("attempts", 0)),
        fields.get("error", ""),
        fields,
    )
