"""Orders that rest, in Redis: a tick in, those that it may fire out; where each is found is changed without a step."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence, Set
from contextlib import suppress
from typing import NamedTuple

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import encoder, order_decoder
from orderflow.adapters.keys import by_partition, key, order_key, order_partitions, partition_of
from orderflow.adapters.messages import merge
from orderflow.domain.launches import CLOSING, launch_book
from orderflow.domain.order import Order
from orderflow.domain.resting import Marks, Place
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import TOKENS

PER_BOOK, BY_SLOT = 200, 1_000
"""How many orders of a book, and how many by their slot, are found at a time."""

ROOM, LEAST_LIMITS = 64, 8
"""How many messages may wait at a partition's stages with the limits of a pair that fire at a tick, so that no market
order waits for long behind a crowd of limits; and how many limits may fire however many wait."""

COUNTED_SLOTS = 1_000
"""For so many slots what has fired counts as on its way, at most: a step of the release before leaves it there."""

FindClosed = Callable[[Collection[str]], Set[str]]
"""Returns those of launched tokens that have closed, as a venue does."""

_marks_decoder = msgspec.json.Decoder(Marks)


class Resting(NamedTuple):
    """An order that rests: what is noted of it, and the end that was requested while its transaction was out."""

    order: Order
    marks: Marks = Marks()
    ending: Status | None = None


class Sale(NamedTuple):
    """How many atoms an order that has fired sells, and the directed pair."""

    pair: str
    amount_in: int


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

    def candidates(
        self, partition: str, tick: Tick, *, limits: bool = True, beyond: int = 0, closed: FindClosed | None = None
    ) -> Candidates:
        """Return the orders of a partition that a tick may fire: best price first, and those whose slot has come.

        Without `limits` none is found by its limit. So many more are found as are to be left where they are, `beyond`
        which others may be. Where `closed` says which tokens have closed, some of those who trade one are found; others
        are at the next tick. An order that can't be read is for newer code, which rests it too.
        """
        pipeline = self._client.pipeline(transaction=False)
        pipeline.hgetall(key(partition, "books"))
        pipeline.zcount(key(partition, "resting"), "-inf", tick.slot)
        first_prices, due = pipeline.execute()
        reached, unpriced = _compared(first_prices, tick, limits=limits)
        books = [*reached, *_launched(tick)]
        if closed is not None and unpriced:
            books += _closed(unpriced, tick, closed)
        if not books and not due:
            return Candidates([], 0)
        most, of_limits = (PER_BOOK + beyond, BY_SLOT + beyond), (ROOM, LEAST_LIMITS) if limits else (0, 0)
        arguments = [argument for book in books for argument in book]
        found = self._candidates([key(partition, "books")], [tick.slot, *most, *of_limits, *arguments])
        resting = []
        for marks, ending, steps in found:
            with suppress(msgspec.DecodeError):
                resting.append(_resting(order_decoder.decode(merge(step for step in steps if step)), marks, ending))
        return Candidates(resting, len(found), is_cut=len(found) >= min(most))

    def on_their_way(self, slot: int) -> list[Sale]:
        """Return what is on its way to be executed in a slot: of each order that has fired until its attempt ends."""
        pipeline = self._client.pipeline(transaction=False)
        for partition in self.partitions:
            pipeline.zremrangebyscore(key(partition, "fired"), "-inf", slot - COUNTED_SLOTS)
            pipeline.zrange(key(partition, "fired"), 0, -1)
        return [_sale(member) for members in pipeline.execute()[1::2] for member in members]

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


def _compared(
    first_prices: Mapping[str, str], tick: Tick, *, limits: bool
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return the books that a tick's prices reach, by the price that each is reached at first, with the tick's price;
    and those that no price of it is for, each with its pair, or the token that it is for.
    """
    reached, unpriced = [], []
    for book, first in first_prices.items():
        rule, _, pair = book.partition(":")
        prices = tick.prices.get(pair)
        if prices is None:
            if rule != CLOSING or not tick.trades(pair):
                unpriced.append((book, pair))
        elif rule != "limit" or limits:
            price = prices.best if rule == "limit" else prices.reference
            if float(first) >= price if rule == "fall" else float(first) <= price:
                reached.append((book, repr(price)))
    return reached, unpriced


def _launched(tick: Tick) -> Iterator[tuple[str, str]]:
    """Yield the books of those who wait for launches that a tick has, closed ones too; no price reaches them."""
    for launch in tick.launches:
        yield from ((launch_book(name), "") for name in (launch.token.mint, launch.quote))
    yield from ((launch_book(launch.token.mint), "") for launch in tick.closed)


def _closed(unpriced: Iterable[tuple[str, str]], tick: Tick, find_closed: FindClosed) -> list[tuple[str, str]]:
    """Return those books that have no price in a tick since their token has closed.

    Orders of the release before are in the books of their prices alone, and no tick of it says what has closed.
    """
    by_token: dict[str, list[str]] = {}
    for book, pair in unpriced:
        for symbol in pair.split(">"):
            if symbol not in TOKENS and not tick.trades(symbol):
                by_token.setdefault(symbol, []).append(book)
    closed = {launch.token.symbol for launch in tick.closed}
    if asked := by_token.keys() - closed:
        closed |= find_closed(asked)
    return [(book, "") for symbol, of_token in by_token.items() if symbol in closed for book in of_token]


def fired_text(order: Order) -> str:
    """Return what an order that has fired is counted by until its attempt ends, as books.lua takes it.

    Raises ValueError for one that has not.
    """
    if order.fired is None:
        raise ValueError(f"order {order.order_id} has not fired")
    return f"{order.fired.slot} {order.order_id} {order.request.pair} {order.fired.amount_in}"


def _sale(member: str) -> Sale:
    _, pair, amount_in = member.split()
    return Sale(pair, int(amount_in))


def _resting(order: Order, marks: str | None, ending: str | None) -> Resting:
    return Resting(order, _marks_decoder.decode(marks) if marks else Marks(), Status(ending) if ending else None)
