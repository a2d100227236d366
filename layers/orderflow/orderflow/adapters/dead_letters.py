"""The dead letters of every partition: listed, redriven or discarded by a person."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.keys import is_order_partition, key
from orderflow.adapters.messages import order_id_of
from orderflow.adapters.orders import Orders
from orderflow.domain.lifecycle import TERMINAL
from orderflow.domain.order import Order
from orderflow.errors import NoDeadLetterError, NoReaderError, OrderEndedError

_Entries = list[tuple[str, dict[str, str]]]

PAGE = 100
_ADDED = ("stream", "attempts", "error", "message_id")
"""The fields that giving a record up added to its own. `function` is kept: a redriven record is for that one alone."""


class DeadLetter(msgspec.Struct, frozen=True):
    """A record that was given up; `name` is what a person calls it, such as p0/1763835240000-0."""

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
    def at_ms(self) -> int:
        """When the record was given up, in ms since 1970 by Redis' clock."""
        return _moment(self)[0]

    @property
    def order_id(self) -> str | None:
        """The order that the record is about, if it names one."""
        return order_id_of(self.fields)


class LatestLetters(NamedTuple):
    """The latest dead letters, latest first; the orders that they are about, by id, as far as Redis has them.

    `total` is how many dead letters there are.
    """

    letters: Sequence[DeadLetter]
    orders: Mapping[str, Order]
    total: int


class DeadLetters:
    """All dead letters of these partitions."""

    def __init__(self, client: redis.Redis, partitions: Sequence[str]) -> None:
        self._client = client
        self._orders = Orders(client, sum(map(is_order_partition, partitions)))
        self._partitions = partitions
        self._redrive = client.register_script(scripts.source("redrive"))

    def all(self) -> Iterator[DeadLetter]:
        """Return every dead letter, partition by partition, oldest first."""
        for partition in self._partitions:
            after = "-"
            while page := self._page(partition, after, "+"):
                yield from page
                after = f"({page[-1].id}"

    def latest(self, most: int) -> LatestLetters:
        """Return the latest dead letters of all partitions, `most` at most, in two trips.

        Raises RetryableError when one's order can't be read: newer code knows it.
        """
        pipeline = self._client.pipeline(transaction=False)
        for partition in self._partitions:
            pipeline.xlen(key(partition, "dead"))
            pipeline.xrevrange(key(partition, "dead"), count=most)
        outcomes = pipeline.execute()
        pages = zip(self._partitions, cast("list[_Entries]", outcomes[1::2]), strict=True)
        letters = [_dead_letter(partition, *entry) for partition, page in pages for entry in page]
        letters.sort(key=_moment, reverse=True)
        named = dict.fromkeys(letter.order_id for letter in letters[:most])
        orders = self._orders.find_each([order_id for order_id in named if order_id])
        return LatestLetters(letters[:most], orders, sum(cast("list[int]", outcomes[::2])))

    def find(self, name: str) -> DeadLetter:
        """Return the dead letter of this name. Raises NoDeadLetterError when there is none."""
        partition, _, letter_id = name.partition("/")
        try:
            found = self._page(partition, letter_id, letter_id) if partition in self._partitions else []
        except redis.ResponseError:  # not an id
            found = []
        # Redis takes a part of an id, too, for all that begin with it.
        if not found or found[0].id != letter_id:
            raise NoDeadLetterError(f"there is no dead letter {name}")
        return found[0]

    def order(self, letter: DeadLetter) -> Order | None:
        """Return the order that a dead letter is about as it is now, or None when Redis does not hold it."""
        found = self._orders.find(letter.order_id) if letter.order_id else None
        return found[0] if found else None

    def redrive(self, letter: DeadLetter) -> None:
        """Put a dead letter's record back on its stream, with all its attempts before it.

        Raises OrderEndedError when its order has ended, which no message changes any more, NoReaderError when its
        function does not read the stream (an earlier release's did), and NoDeadLetterError when the letter is gone. A
        record of the status stream only publishes or records an order, so an order's end does not matter to it. The
        record is on its stream or among the dead letters whatever happens, a failover included.
        """
        order = self.order(letter)
        if letter.stream != "status" and order is not None and order.status in TERMINAL:
            reason = f"{letter.name}: order {order.order_id} has {order.status}; discard the letter"
            raise OrderEndedError(reason, order.status, order.sequence)
        own = {name: value for name, value in letter.fields.items() if name not in _ADDED}
        self._take(letter, [part for pair in own.items() for part in pair])

    def discard(self, letter: DeadLetter) -> None:
        """Delete a dead letter. Raises NoDeadLetterError when it is gone."""
        self._take(letter, [])

    def _page(self, partition: str, first: str, last: str) -> list[DeadLetter]:
        entries = cast("_Entries", self._client.xrange(key(partition, "dead"), first, last, PAGE))
        return [_dead_letter(partition, letter_id, fields) for letter_id, fields in entries]

    def _take(self, letter: DeadLetter, fields: list[str]) -> None:
        keys = [key(letter.partition, "dead"), key(letter.partition, letter.stream)]
        match self._redrive(keys, [letter.id, letter.function, *fields]):
            case 0:
                raise NoDeadLetterError(f"{letter.name} is not there any more")
            case -1:
                raise no_reader(letter)


def no_reader(letter: DeadLetter) -> NoReaderError:
    """Return why a letter can't be redriven whose function reads its stream no longer."""
    return NoReaderError(f"{letter.name}: {letter.function} does not read {letter.stream} here; discard the letter")


def _moment(letter: DeadLetter) -> tuple[int, int]:
    """Return a letter's place in time: the ms, and its number within that."""
    at_ms, _, number = letter.id.partition("-")
    return int(at_ms), int(number)


def _dead_letter(partition: str, letter_id: str, fields: dict[str, str]) -> DeadLetter:
    return DeadLetter(
        partition,
        letter_id,
        fields.get("function", ""),
        fields.get("stream", ""),
        int(fields.get("attempts", 0)),
        fields.get("error", ""),
        fields,
    )
