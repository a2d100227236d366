"""Makes a system that was just started old: many orders in its ledger, or at rest in its timers, in a minute."""

import time
from collections.abc import Sequence
from contextlib import closing
from itertools import count

import psutil
import redis

from orderflow.adapters.postgres import Connection, connect
from orderflow.errors import OrderflowError
from orderflow.runtime.clients import open_redis
from tests.harness.bench.processor_time import kind_of
from tests.harness.bench.timers import timer_sets

REST_MS = 24 * 3600 * 1000
AT_ONCE = 1_000
AT_REST_WITHIN_S = 60.0
AT_REST = 0.995
POLL_S = 0.1

_COLUMNS = """
SELECT table_name::text, column_name::text, data_type::text FROM information_schema.columns
WHERE table_schema = current_schema() AND table_name IN (
    SELECT table_name FROM information_schema.columns
    WHERE table_schema = current_schema() AND column_name = 'order_id'
) ORDER BY table_name, ordinal_position
"""
# Ids as orders have them: UUIDs of version 7, by time. The same for the same number in every table.
_ORDER_ID = """CAST(lpad(to_hex(CAST(extract(epoch FROM now()) * 1000 AS bigint) - 86400000 + n), 12, '0')
    || '7' || substr(md5(CAST(n AS text)), 1, 3) || '8' || substr(md5(CAST(n AS text)), 4, 15) AS uuid)"""

# Later ones first, so that none is met twice.
_REST = """
local some = redis.call('ZREVRANGE', KEYS[1], ARGV[1], ARGV[1] + ARGV[2] - 1, 'WITHSCORES')
for i = 1, #some, 2 do
  redis.call('ZADD', KEYS[1], some[i + 1] + ARGV[3], some[i])
end
return #some / 2
"""


class NotAtRestError(OrderflowError):
    """Orders that should rest in the timers by now do not."""


def fill_ledger(database_url: str, orders: int) -> None:
    """Copy an order that has been confirmed, with all its rows, so often that the ledger has so many orders more.

    Documents are left empty: what may cost more in a large ledger are its indexes.
    """
    with closing(connect(database_url)) as connection:
        columns: dict[str, list[tuple[str, str]]] = {}
        for table, column, kind in connection.run(_COLUMNS) or []:
            columns.setdefault(table, []).append((column, kind))
        connection.run("BEGIN")
        for table, of_table in columns.items():
            _copy(connection, table, of_table, orders)
        connection.run("COMMIT")
        for table in columns:
            connection.run(f"VACUUM ANALYZE {table}")
        connection.run("CHECKPOINT")


def _copy(connection: Connection, table: str, columns: Sequence[tuple[str, str]], orders: int) -> None:
    values = [_ORDER_ID if column == "order_id" else _copied(column, kind) for column, kind in columns]
    connection.run(
        f"INSERT INTO {table} ({', '.join(column for column, _ in columns)}) SELECT {', '.join(values)}"
        f" FROM {table}, generate_series(1, {orders:d}) AS n"
        " WHERE order_id = (SELECT order_id FROM orders WHERE status = 'confirmed' ORDER BY order_id LIMIT 1)"
    )


def _copied(column: str, kind: str) -> str:
    match kind:
        case "jsonb":
            return f"CASE WHEN {column} IS NOT NULL THEN CAST('{{}}' AS jsonb) END"
        case "timestamp with time zone":
            return f"{column} - interval '1 day' + n * interval '1 ms'"
        case _:
            return column


def at_rest(client: redis.Redis, partitions: int) -> int:
    """Return how many messages rest in all timers, those of the chain included."""
    return sum(int(client.zcard(timers)) for timers in timer_sets(partitions))


def wait_until_at_rest(client: redis.Redis, partitions: int, orders: int) -> int:
    """Wait until nearly `orders` rest in the timers, and return how many do; raises NotAtRestError when they do not."""
    deadline = time.monotonic() + AT_REST_WITHIN_S
    while (resting := at_rest(client, partitions)) < AT_REST * orders:
        if time.monotonic() > deadline:
            raise NotAtRestError(f"of {orders:,} orders only {resting:,} rest in the timers")
        time.sleep(POLL_S)
    return resting


def keep_at_rest(client: redis.Redis, partitions: int) -> None:
    """Have whatever rests in the timers rest a day longer."""
    script = client.register_script(_REST)
    for timers in timer_sets(partitions):
        for start in count(0, AT_ONCE):
            if script([timers], [start, AT_ONCE, REST_MS]) < AT_ONCE:
                break


def rewrite_log(client: redis.Redis) -> None:
    """Have Redis rewrite its log now: it would do so soon, in a process whose time a short measurement can't spare."""
    client.bgrewriteaof()
    while client.info("persistence")["aof_rewrite_in_progress"] or client.info("persistence")["aof_rewrite_scheduled"]:
        time.sleep(POLL_S)


def used_memory(redis_url: str) -> int:
    """Return the bytes that Redis uses for all that it keeps."""
    with open_redis(redis_url) as client:
        return int(client.info("memory")["used_memory"])


def resident_bytes(processes: dict[str, int]) -> dict[str, int]:
    """Return the resident memory of each kind of process, by the ids of state.json."""
    resident: dict[str, int] = {}
    for name, pid in processes.items():
        kind = kind_of(name)
        resident[kind] = resident.get(kind, 0) + int(psutil.Process(pid).memory_info().rss)
    return resident
