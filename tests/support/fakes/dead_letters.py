"""The records that were given up, in memory."""

import re

import redis

from orderflow.adapters.dead_letters import DeadLetter, DeadLetters, LatestLetters, no_reader
from orderflow.adapters.keys import all_partitions
from orderflow.errors import NoDeadLetterError
from tests.support.fakes.orders import FakeOrders
from tests.support.fakes.outage import Outage


class FakeDeadLetters(Outage, DeadLetters):
    """Holds letters; what may be redriven, and what is found by a name, the real one says."""

    def __init__(self, orders: FakeOrders) -> None:
        self._orders = orders
        self._partitions = all_partitions(1)
        self.held: list[DeadLetter] = []
        """The oldest first."""
        self.redriven: list[tuple[str, str, dict[str, str]]] = []
        """Of each record that is back on its stream the partition, the stream and the fields."""
        self.taken_meanwhile = False
        """Whether somebody else takes each letter once it is found."""
        self.readers = {"route_order", "record_order", "publish_status"}
        """The functions that read a stream."""

    def latest(self, most: int) -> LatestLetters:
        self._reach()
        letters = self.held[::-1][:most]
        orders = self._orders.find_each([letter.order_id for letter in letters if letter.order_id])
        return LatestLetters(letters, orders, len(self.held))

    def _page(self, partition: str, first: str, last: str) -> list[DeadLetter]:
        self._reach()
        assert first == last
        if not re.fullmatch(r"[0-9]+(-[0-9]+)?|-|\+", first):
            raise redis.ResponseError("Invalid stream ID specified as stream command argument")
        of_partition = [letter for letter in self.held if letter.partition == partition]
        return [letter for letter in of_partition if letter.id == first or letter.id.startswith(f"{first}-")]

    def _take(self, letter: DeadLetter, fields: list[str]) -> None:
        self._reach()
        if self.taken_meanwhile or letter not in self.held:
            raise NoDeadLetterError(f"{letter.name} is not there any more")
        if fields and letter.function not in self.readers:
            raise no_reader(letter)
        self.held.remove(letter)
        if fields:
            pairs = dict(zip(fields[::2], fields[1::2], strict=True))
            self.redriven.append((letter.partition, letter.stream, pairs))
