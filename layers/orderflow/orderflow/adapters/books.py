"""Orders that rest, in Redis: a tick in, those that it may fire out; where each is found is changed without a step."""

from collections.abc import Sequence
from contextlib import suppress
from typing import NamedTuple

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder, order_decoder
from orderflow.adapters.keys import by_partition, key, order_key, order_partitions, partition_of
from orderflow.adapters.messages import merge
from orderflow.domain.order import Order
from orderflow.domain.resting import Marks, Place
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick

PER_BOOK, BY_SLOT = 200, 1_000
"""How many orders of a book, and how many by their slot, are found at a time."""

_marks_decoder = msgspec.json.Decoder(Marks)


class Resting(NamedTuple):
    """An order that rests: what is noted of it, and the end that was requested while its transaction was out."""

    order: Order
    marks: Marks = Marks()
    ending: Status | None = None


class Candidates(NamedTuple):
    """Orders that a tick may fire; `found` counts also those that can't be read. It `is_cut` if there may be more."""

    resting: list[Resting]
    found: int
    is_cut: bool = False


class Rebooked(NamedTuple):
    """An order that is found elsewhere from now on, with what is noted of it."""

    order: Order
    place: Place
    marks: Marks


class Books:
    """The orders of every partition that rest."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client = client
        self._partition_count = partitions
        self.partitions = order_partitions(partitions)
        self._candidates = client.register_script(scripts.source("candidates"))
        self._rebook = client.register_script(scripts.source("rebook"))
        self._clock = client.register_script(scripts.source("clock"))

    def now_ms(self) -> int:
        """Return the time by Redis' clock, which is one, and by which orders expire."""
        return int(self._clock([key(self.partitions[0], "resting")]))

    def candidates(self, partition: str, tick: Tick, *, limits: bool = True, beyond: int = 0) -> Candidates:
        """Return the orders of a partition that a tick may fire: best price first, and those whose slot has come.

        Without `limits` none is found by its limit. So many more are found as are to be left where they are, `beyond`
        which others may be. An order that can't be read is for newer code, which rests it too.
        """
        most = (PER_BOOK + beyond, BY_SLOT + beyond)
        found = self._candidates([key(partition, "books")], [encoder.encode(tick), int(limits), *most])
        resting = []
        for marks, ending, steps in found:
            with suppress(msgspec.DecodeError):
                resting.append(_resting(order_decoder.decode(merge(step for step in steps if step)), marks, ending))
        return Candidates(resting, len(found), is_cut=len(found) >= min(most))

    def noted(self, orders: Sequence[Order]) -> list[Resting]:
        """Return orders with what is noted of them."""
        pipeline = self._client.pipeline(transaction=False)
        for order in orders:
            pipeline.hmget(self._key(order), ["marks", "ending"])
        noted = pipeline.execute() if orders else []
        return [_resting(order, *fields) for order, fields in zip(orders, noted, strict=True)]

    def rebook(self, changes: Sequence[Rebooked]) -> None:
        """Have orders be found elsewhere; one that has taken a step meanwhile, or has later marks, is left alone."""
        grouped = by_partition(changes, lambda change: change.order.order_id, self._partition_count)
        for of_partition in grouped.values():
            arguments: list[str | int | bytes] = []
            for order, place, marks in of_partition:
                arguments += [order.order_id, order.sequence, place.text, encoder.encode(marks), marks.slot]
            self._rebook([self._key(change.order) for change in of_partition], arguments)

    def something_rests(self) -> bool:
        """Return whether any order rests."""
        pipeline = self._client.pipeline(transaction=False)
        for partition in self.partitions:
            pipeline.exists(key(partition, "resting"))
        return any(pipeline.execute())

    def _key(self, order: Order) -> str:
        return order_key(partition_of(order.order_id, self._partition_count), order.order_id)


def _resting(order: Order, marks: str | None, ending: str | None) -> Resting:
    return Resting(order, _marks_decoder.decode(marks) if marks else Marks(), Status(ending) if ending else None)
