"""Reads what a system holds: the ledger in Postgres, and what is left over in Redis."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from types import MappingProxyType
from typing import cast

import msgspec
import pg8000.native
import redis

from local.settings import ROOT
from local.template import read_template
from orderflow.adapters.keys import key, order_partitions
from orderflow.adapters.messages import order_name
from orderflow.adapters.postgres import connection_arguments
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.launches import Priority
from orderflow.event_source.mapping import partitions_of, streams_on

TIMEOUT_S = 10


class OrderRow(msgspec.Struct, frozen=True):
    """An order as the ledger has it; `slot` is the one that it was quoted in. Amounts are atoms.

    It was fired last by `rule` at `fired_price`, in units of `token_out` per unit of `token_in`; `parent_id` is the
    order that made it; it expires at `expires_at_s`, in seconds since 1970. A
    sniper has a `priority`.
    """

    order_id: str
    sequence: int
    status: str
    token_in: str
    token_out: str
    amount_in: int
    slippage_bps: int
    slot: int | None = None
    amount_out: int | None = None
    tx_hash: str | None = None
    reason: str | None = None
    order_type: str = "market"
    parent_id: str | None = None
    slice: int | None = None
    amount_filled: int | None = None
    rule: str | None = None
    fired_price: Decimal | None = None
    expires_at_s: float | None = None
    slots_from_open: int | None = None
    priority: Priority | None = None
    account: str = LOCAL_ACCOUNT

    @property
    def waits(self) -> bool:
        """Whether it is an order that waits."""
        return self.order_type != "market"


class EventRow(msgspec.Struct, frozen=True):
    """An event as the ledger has it; `at_s` in seconds since 1970.

    `routing` says what the route is expected to yield, `building` the least that the transaction may, in atoms.
    """

    order_id: str
    sequence: int
    status: str
    at_s: float
    expected_out: int | None = None
    minimum_out: int | None = None


class FillRow(msgspec.Struct, frozen=True):
    """A fill as the ledger has it. Amounts are atoms."""

    order_id: str
    leg: int
    pool: str
    token_in: str
    amount_in: int
    token_out: str
    amount_out: int
    tx_hash: str


class LedgerContents(msgspec.Struct, frozen=True):
    """The three tables."""

    orders: Sequence[OrderRow]
    events: Sequence[EventRow]
    fills: Sequence[FillRow]


class DeadLetterRow(msgspec.Struct, frozen=True):
    """A dead letter, and the order that it is about."""

    partition: str
    function: str
    order_id: str
    error: str


class Leftovers(msgspec.Struct, frozen=True):
    """What Redis still holds: lengths of streams and timer sets by key, dead letters, and orders that do not expire.

    `places` are the sets in which orders that rest are found, by key, with the ids in them; `book_names` what each
    partition has noted of them; `accounts` those of the orders that Redis still has.
    """

    lengths: dict[str, int]
    dead_letters: Sequence[DeadLetterRow]
    lasting: Sequence[str]
    places: Mapping[str, Sequence[str]] = MappingProxyType({})
    book_names: Sequence[str] = ()
    accounts: Mapping[str, str] = MappingProxyType({})


@contextmanager
def ledger_connection(database_url: str) -> Iterator[pg8000.native.Connection]:
    """Lend a connection whose reads give up after a while."""
    connection = pg8000.native.Connection(**(connection_arguments(database_url) | {"timeout": TIMEOUT_S}))
    try:
        yield connection
    finally:
        connection.close()


def read_ledger(database_url: str) -> LedgerContents:
    """Read the whole ledger."""
    with ledger_connection(database_url) as connection:
        orders = connection.run(
            "SELECT order_id::text, sequence, status, token_in, token_out, amount_in::text, slippage_bps,"
            " (route->>'slot')::bigint, amount_out::text, tx_hash, reason, order_type, parent_id::text, slice,"
            " amount_filled::text, fired->>'rule', fired->>'price', extract(epoch FROM expires_at),"
            " slots_from_open, CASE WHEN order_type = 'sniper' THEN COALESCE(terms->'snipe'->>'priority', 'normal') END"
            ", account FROM orders"
        )
        events = connection.run(
            "SELECT order_id::text, sequence, status, occurred_at, event->'route'->>'expected_out',"
            " CASE WHEN status = 'building' THEN event->>'minimum_out' END"
            " FROM order_events ORDER BY order_id, sequence"
        )
        fills = connection.run(
            "SELECT order_id::text, leg, pool, token_in, amount_in::text, token_out, amount_out::text, tx_hash"
            " FROM fills ORDER BY order_id, leg"
        )
    return LedgerContents(
        [
            msgspec.convert(dict(zip(OrderRow.__struct_fields__, row, strict=True)), OrderRow, strict=False)
            for row in orders
        ],
        [
            EventRow(order_id, sequence, status, _seconds(at), _atoms(expected), _atoms(least))
            for order_id, sequence, status, at, expected, least in events
        ],
        [
            msgspec.convert(dict(zip(FillRow.__struct_fields__, row, strict=True)), FillRow, strict=False)
            for row in fills
        ],
    )


def _seconds(at: datetime) -> float:
    return at.timestamp()


def _atoms(written: str | None) -> int | None:
    return None if written is None else int(written)


def read_lengths(client: redis.Redis, partitions: int) -> dict[str, int]:
    """Read how much waits in each stream that a function reads and in each timer set, by key."""
    mappings = read_template(ROOT / "template.yaml").event_sources
    names = partitions_of(mappings, partitions)
    streams = [key(name, stream) for name in names for stream in streams_on(mappings, name)]
    timers = [key(name, "timers") for name in names]
    return {name: int(client.xlen(name)) for name in streams} | {name: int(client.zcard(name)) for name in timers}


def read_leftovers(client: redis.Redis, partitions: int) -> Leftovers:
    """Read what is still waiting or kept."""
    letters = [
        DeadLetterRow(name, fields.get("function", ""), _order_id(fields), fields.get("error", ""))
        for name in partitions_of(read_template(ROOT / "template.yaml").event_sources, partitions)
        for _, fields in cast("list[tuple[str, dict[str, str]]]", client.xrange(key(name, "dead")))
    ]
    orders = [
        str(name)
        for partition in order_partitions(partitions)
        for name in client.scan_iter(key(partition, "order:*"), count=1000)
    ]
    pipeline = client.pipeline(transaction=False)
    for name in orders:
        pipeline.pttl(name)
        pipeline.hget(name, "account")
    answers, ids = pipeline.execute(), [name.rpartition(":")[2] for name in orders]
    lasting = [order_id for order_id, left in zip(ids, answers[::2], strict=True) if left == -1]
    accounts = {order_id: account or LOCAL_ACCOUNT for order_id, account in zip(ids, answers[1::2], strict=True)}
    names = [
        f"{partition} {name}" for partition in order_partitions(partitions) for name in _book_names(client, partition)
    ]
    lengths, places = read_lengths(client, partitions), read_places(client, partitions)
    return Leftovers(lengths, letters, lasting, places, names, accounts)


def read_places(client: redis.Redis, partitions: int) -> dict[str, list[str]]:
    """Read in which sets orders are found that rest, or expire: the ids in each, by key."""
    found: dict[str, list[str]] = {}
    for partition in order_partitions(partitions):
        books = map(str, client.scan_iter(key(partition, "book:*"), count=1000))
        for name in (*(key(partition, kind) for kind in ("resting", "expiries", "fired")), *books):
            # A member of the expiries is an id and an attempt, of those that have fired an id and what it sells.
            found[name] = [str(member).partition(" ")[0] for member in cast("list[str]", client.zrange(name, 0, -1))]
    return found


def _book_names(client: redis.Redis, partition: str) -> list[str]:
    return sorted(map(str, cast("list[str]", client.hkeys(key(partition, "books")))))


def _order_id(fields: dict[str, str]) -> str:
    if "order_id" in fields:
        return fields["order_id"]
    if name := order_name(fields):
        return name[0]
    try:
        return str(msgspec.json.decode(fields.get("order", "{}"))["order_id"])
    except (msgspec.DecodeError, KeyError, TypeError):
        return ""
