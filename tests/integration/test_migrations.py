"""The migrations on a real Postgres."""

import re
import threading
import uuid
from collections.abc import Iterator
from contextlib import closing

import pg8000.native
import pytest
from alembic import command
from pg8000.exceptions import DatabaseError

from local.migrate import migrate, migration
from orderflow.adapters.ledger import Ledger, Step
from orderflow.adapters.postgres import connect
from orderflow.errors import RetryableError


@pytest.fixture
def empty_database_url(database_url: str) -> Iterator[str]:
    """Lend a database without any table."""
    name = f"empty_{uuid.uuid4().hex}"
    with closing(connect(database_url)) as connection:
        connection.run(f"CREATE DATABASE {name}")
        yield re.sub(r"/orderflow\?", f"/{name}?", database_url)
        connection.run(f"DROP DATABASE {name}")


def schema(database_url: str) -> list[list[object]]:
    with closing(connect(database_url)) as connection:
        return list(
            connection.run(
                "SELECT table_name, column_name, data_type, numeric_precision, is_nullable"
                " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, ordinal_position"
            )
        )


def insert_order(connection: pg8000.native.Connection, status: str, amount_in: int = 1) -> None:
    connection.run(
        "INSERT INTO orders (order_id, sequence, status, amount_in, created_at, updated_at)"
        " VALUES (gen_random_uuid(), 1, :status, :amount_in, now(), now())",
        status=status,
        amount_in=amount_in,
    )


def test_an_empty_database_gets_the_ledgers_tables(empty_database_url: str) -> None:
    migrate(empty_database_url)

    tables = {row[0] for row in schema(empty_database_url)}
    assert tables == {"alembic_version", "orders", "order_events", "fills"}


def test_migrating_again_changes_nothing(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)
    with closing(connect(empty_database_url)) as connection:
        insert_order(connection, "pending")

        migrate(empty_database_url)

        assert connection.run("SELECT count(*) FROM orders") == [[1]]
    assert schema(empty_database_url) == before


def test_two_migrations_at_once_take_turns(empty_database_url: str) -> None:
    failures: list[BaseException] = []
    together = threading.Barrier(2)

    def migrate_with_the_other() -> None:
        together.wait(timeout=10)
        try:
            migrate(empty_database_url)
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=migrate_with_the_other) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert failures == []
    with closing(connect(empty_database_url)) as connection:
        assert connection.run("SELECT count(*) FROM alembic_version") == [[1]]


def test_a_migration_that_fails_leaves_nothing_behind(empty_database_url: str) -> None:
    def fail_halfway() -> None:
        with migration(empty_database_url) as config:
            command.upgrade(config, "head")
            raise RuntimeError("halfway")

    with pytest.raises(RuntimeError, match="halfway"):
        fail_halfway()

    assert schema(empty_database_url) == []


def test_the_way_down_leads_up_again_to_the_same_schema(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)

    with migration(empty_database_url) as config:
        command.downgrade(config, "base")
    at_base = {row[0] for row in schema(empty_database_url)}
    migrate(empty_database_url)

    assert at_base == {"alembic_version"}
    assert schema(empty_database_url) == before


def test_an_unknown_status_is_refused(ledger_connection: pg8000.native.Connection) -> None:
    with pytest.raises(DatabaseError, match="orders_status"):
        insert_order(ledger_connection, "lost")


def test_the_largest_amount_of_a_chain_is_kept_to_the_atom(ledger_connection: pg8000.native.Connection) -> None:
    insert_order(ledger_connection, "pending", amount_in=2**64 - 1)

    assert ledger_connection.run("SELECT amount_in::text FROM orders") == [[str(2**64 - 1)]]


@pytest.mark.parametrize(
    ("condition", "index"),
    [("TRUE", "orders_newest"), ("status = 'failed'", "orders_newest_by_status")],
)
def test_the_newest_orders_are_found_through_an_index(
    condition: str, index: str, ledger_connection: pg8000.native.Connection
) -> None:
    ledger_connection.run("SET enable_seqscan = off")
    ledger_connection.run("SET enable_sort = off")

    plan = ledger_connection.run(
        f"EXPLAIN SELECT * FROM orders WHERE {condition} AND (created_at, order_id) < (now(), gen_random_uuid())"
        " ORDER BY created_at DESC, order_id DESC LIMIT 20"
    )

    assert f"Index Scan using {index} on orders" in plan[0][0] + plan[1][0]


def test_an_order_is_found_by_its_clients_name_through_an_index(ledger_connection: pg8000.native.Connection) -> None:
    ledger_connection.run("SET enable_seqscan = off")

    plan = ledger_connection.run("EXPLAIN SELECT * FROM orders WHERE client_order_id = 'desk-7.42'")

    assert any("orders_by_client_order_id" in line for (line,) in plan)


def test_a_ledger_with_orders_is_brought_to_the_newest_schema(empty_database_url: str) -> None:
    with migration(empty_database_url) as config:
        command.upgrade(config, "0001")
    with closing(connect(empty_database_url)) as connection:
        insert_order(connection, "pending")

        migrate(empty_database_url)

        assert connection.run("SELECT client_order_id FROM orders") == [[None]]


def test_every_amount_says_what_it_is_counted_in(ledger_connection: pg8000.native.Connection) -> None:
    comments = ledger_connection.run(
        "SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid IN ('orders'::regclass, 'fills'::regclass) AND atttypid = 'numeric'::regtype"
        " AND atttypmod <> -1"
    )

    assert len(comments) == 5
    assert all(comment and comment.startswith("atoms of ") for _, _, comment in comments)


def test_what_is_deployed_before_its_migration_waits_for_it(empty_database_url: str) -> None:
    ledger = Ledger(lambda: connect(empty_database_url))
    order_id = str(uuid.uuid4())
    with pytest.raises(RetryableError, match='^Postgres is not ready: relation "order_events" does not exist$'):
        ledger.write([Step(order_id, 1, "pending", "{}", "{}")])

    migrate(empty_database_url)

    assert ledger.find(order_id) is None
    ledger.close()
