"""The migrations on a real Postgres."""

import re
import shutil
import threading
import uuid
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pg8000.native
import pytest
from alembic.script import Script, ScriptDirectory
from pg8000.exceptions import DatabaseError
from sqlalchemy.exc import DBAPIError

from orderflow.adapters.codec import event_decoder
from orderflow.adapters.ledger import Ledger
from orderflow.adapters.ledger_queries import OrderFilter
from orderflow.adapters.postgres import connect
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import event_of
from orderflow.domain.status import Status
from orderflow.errors import RetryableError
from orderflow.migrate import VERSIONS, MigrationError, migrate
from orderflow.migrate.__main__ import main
from tests.support.builders import make_order
from tests.support.former_ledger import write_formerly
from tests.support.order_steps import NOW_MS, pending, routed, step_document, way_of, whole_document

SCRIPTS = ScriptDirectory(str(VERSIONS.parent), version_locations=[str(VERSIONS)])
REVISIONS = list(reversed(list(SCRIPTS.walk_revisions())))
"""Oldest first."""
HEAD = REVISIONS[-1].revision

TABLES = {"alembic_version", "orders", "order_events", "fills", "api_keys"}

NewerCode = Callable[..., Path]
COLUMN = "op.execute('ALTER TABLE orders ADD COLUMN newer text')"
INDEX = (
    "with op.get_context().autocommit_block():\n"
    "        op.create_index('newer_index', 'orders', ['reason'], postgresql_concurrently=True)"
)


@pytest.fixture
def newer_code(tmp_path: Path) -> NewerCode:
    """Lend a maker of the migrations of code to come: ours, and further ones that each do something on the way up."""

    def make(*ways_up: str, only_adds: tuple[bool, ...] = ()) -> Path:
        shutil.copytree(VERSIONS, tmp_path, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"))
        below = HEAD
        for number, way_up in enumerate(ways_up, start=1):
            adds = only_adds[number - 1] if only_adds else True
            (tmp_path / f"newer{number}.py").write_text(
                f"from alembic import op\nrevision = 'newer{number}'\ndown_revision = '{below}'\nonly_adds = {adds}\n"
                f"def upgrade():\n    {way_up}\ndef downgrade():\n    op.execute('ALTER TABLE orders DROP newer')\n"
            )
            below = f"newer{number}"
        return tmp_path

    return make


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
                "SELECT table_name, column_name, data_type, numeric_precision, is_nullable, column_default"
                " FROM information_schema.columns WHERE table_schema = 'public' ORDER BY table_name, column_name"
            )
        )


def insert_order(connection: pg8000.native.Connection, status: str, amount_in: int = 1) -> None:
    connection.run(
        "INSERT INTO orders (order_id, sequence, status, amount_in, created_at, updated_at)"
        " VALUES (gen_random_uuid(), 1, :status, :amount_in, now(), now())",
        status=status,
        amount_in=amount_in,
    )


def insert_one_of_each(connection: pg8000.native.Connection) -> None:
    """Write a row with a value in every column of each of the tables, as they are now."""
    values = {
        "uuid": "gen_random_uuid()",
        "smallint": "1",
        "integer": "500",
        "numeric": "18446744073709551615",
        "jsonb": """'{"legs": [1]}'""",
        "timestamp with time zone": "now()",
    }
    for table in ("orders", "order_events", "fills"):
        columns = connection.run(
            "SELECT column_name, data_type FROM information_schema.columns"
            " WHERE table_schema = 'public' AND table_name = :table",
            table=table,
        )
        of_row = [("'failed'" if name == "status" else values.get(kind, "'text'")) for name, kind in columns]
        names = ", ".join(name for name, _ in columns)
        connection.run(f"INSERT INTO {table} ({names}) VALUES ({', '.join(of_row)})")


def rows(connection: pg8000.native.Connection) -> dict[tuple[str, str], object]:
    """Return each value of the one row of each table, by (table, column)."""
    return {
        (table, column): value
        for table in ("orders", "order_events", "fills")
        for ((row,),) in [connection.run(f"SELECT to_jsonb({table}) FROM {table}")]
        for column, value in row.items()
    }


def revision_of(database_url: str) -> str:
    with closing(connect(database_url)) as connection:
        ((revision,),) = connection.run("SELECT version_num FROM alembic_version")
    return str(revision)


def at_once(work: Callable[[], object]) -> None:
    """Do the work twice at the same time, and fail where one of the two fails."""
    failures: list[BaseException] = []
    together = threading.Barrier(2)

    def work_with_the_other() -> None:
        together.wait(timeout=10)
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(error)

    threads = [threading.Thread(target=work_with_the_other) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=30)

    assert failures == []


def test_an_empty_database_gets_the_ledgers_tables(empty_database_url: str) -> None:
    migrate(empty_database_url)

    tables = {row[0] for row in schema(empty_database_url)}
    assert tables == TABLES


def test_migrating_again_changes_nothing(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)
    with closing(connect(empty_database_url)) as connection:
        insert_order(connection, "pending")

        migrate(empty_database_url)

        assert connection.run("SELECT count(*) FROM orders") == [[1]]
    assert schema(empty_database_url) == before


def test_two_migrations_at_once_take_turns(empty_database_url: str) -> None:
    at_once(lambda: migrate(empty_database_url))

    with closing(connect(empty_database_url)) as connection:
        assert connection.run("SELECT count(*) FROM alembic_version") == [[1]]


def test_a_migration_that_fails_leaves_those_before_it_and_nothing_of_its_own(
    empty_database_url: str, newer_code: NewerCode
) -> None:
    versions = newer_code("op.execute('CREATE TABLE halfway ()')\n    raise RuntimeError('halfway')")
    with pytest.raises(RuntimeError, match="halfway"):
        migrate(empty_database_url, versions=versions)

    assert revision_of(empty_database_url) == HEAD
    assert {row[0] for row in schema(empty_database_url)} == TABLES


def test_two_runs_at_once_take_turns_where_an_index_is_made_beside_the_orders(
    empty_database_url: str, newer_code: NewerCode
) -> None:
    migrate(empty_database_url)
    versions = newer_code(INDEX)

    at_once(lambda: migrate(empty_database_url, versions=versions))

    assert revision_of(empty_database_url) == "newer1"
    with closing(connect(empty_database_url)) as connection:
        assert connection.run("SELECT count(*) FROM pg_indexes WHERE indexname = 'newer_index'") == [[1]]


@pytest.mark.parametrize("script", REVISIONS[1:], ids=lambda script: script.revision)
def test_a_ledger_with_orders_goes_one_migration_down_and_up_and_loses_no_kept_column(
    script: Script, empty_database_url: str
) -> None:
    below = str(script.down_revision)
    migrate(empty_database_url, below)
    with closing(connect(empty_database_url)) as connection:
        insert_one_of_each(connection)
        before = rows(connection)

        migrate(empty_database_url, script.revision)
        above = rows(connection)
        migrate(empty_database_url, below)
        after = rows(connection)
        migrate(empty_database_url, script.revision)

        assert revision_of(empty_database_url) == script.revision
        assert after == before
        assert rows(connection) == above
    if script.module.only_adds:
        assert {place: value for place, value in above.items() if place in before} == before


def test_the_way_down_leads_up_again_to_the_same_schema(empty_database_url: str) -> None:
    migrate(empty_database_url)
    before = schema(empty_database_url)

    migrate(empty_database_url, REVISIONS[0].revision)
    migrate(empty_database_url)

    assert schema(empty_database_url) == before


@pytest.mark.parametrize("script", [script for script in REVISIONS if script.module.only_adds])
def test_a_migration_that_only_adds_takes_nothing_from_the_code_before_it(
    script: Script, empty_database_url: str
) -> None:
    migrate(empty_database_url, str(script.down_revision))
    before = schema(empty_database_url)

    migrate(empty_database_url, script.revision)

    after = schema(empty_database_url)
    tables = {column[0] for column in before}
    added = [column for column in after if column not in before and column[0] in tables]
    assert [column for column in before if column not in after] == []
    # What the code before does not write has to be allowed to be missing.
    assert [column for column in added if column[-2] == "NO" and column[-1] is None] == []


def test_the_code_before_finds_all_events_again_after_the_way_down(empty_database_url: str) -> None:
    migrate(empty_database_url)
    way = way_of(pending())
    failed = [pending()]
    failed.append(failed[0].fail('no "route"', NOW_MS))
    bare = pending()  # of which only a later step is there
    ledger = Ledger(lambda: connect(empty_database_url))
    for order in (*way, *failed, routed(bare)):
        ledger.write([step_document(order)])
    ledger.close()

    migrate(empty_database_url, "0003")

    with closing(connect(empty_database_url)) as connection:
        events = connection.run("SELECT event::text, order_id::text FROM order_events ORDER BY order_id, sequence")
    for orders in (way, failed):
        shown = [event_decoder.decode(event) for event, order_id in events if order_id == orders[0].order_id]
        assert shown == [event_of(order) for order in orders]
    assert len(events) == 8


@pytest.mark.parametrize(("revision", "table"), [("0003", "order_events"), ("0004", "orders")])
def test_a_migration_does_not_hold_up_writing_while_it_waits_for_a_long_read(
    revision: str, table: str, empty_database_url: str
) -> None:
    migrate(empty_database_url, revision)
    with closing(connect(empty_database_url)) as reading:
        reading.run("BEGIN")
        reading.run(f"SELECT count(*) FROM {table}")

        with pytest.raises(DBAPIError, match="lock timeout"):
            migrate(empty_database_url)

        assert revision_of(empty_database_url) == revision
    migrate(empty_database_url)
    assert revision_of(empty_database_url) == HEAD


def test_orders_keep_their_statuses_on_the_way_down_and_up_again(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(connect(empty_database_url)) as connection:
        for status in Status:
            insert_order(connection, status.value)

        migrate(empty_database_url, "0004")
        below = connection.run("SELECT count(DISTINCT status) FROM orders")
        with pytest.raises(DatabaseError, match="orders_status"):
            insert_order(connection, "open")
        insert_order(connection, "confirmed")
        migrate(empty_database_url)

        assert below == connection.run("SELECT count(DISTINCT status) FROM orders") == [[len(Status)]]
        assert connection.run("SELECT convalidated FROM pg_constraint WHERE conname = 'orders_status'") == [[True]]


def test_what_was_interrupted_behind_its_first_part_succeeds_the_second_time(empty_database_url: str) -> None:
    migrate(empty_database_url)
    with closing(connect(empty_database_url)) as connection:
        connection.run("DROP INDEX orders_newest_by_type")
        connection.run("UPDATE alembic_version SET version_num = '0004'")

        migrate(empty_database_url)

        assert connection.run("SELECT count(*) FROM pg_indexes WHERE indexname = 'orders_newest_by_type'") == [[1]]


def test_orders_from_before_there_were_accounts_are_those_of_local_and_so_are_those_of_the_code_before(
    empty_database_url: str,
) -> None:
    migrate(empty_database_url, "0006")
    with closing(connect(empty_database_url)) as connection:
        before, meanwhile = pending(), pending()
        write_formerly(connection, [before])

        migrate(empty_database_url)
        write_formerly(connection, [meanwhile])

    ledger = Ledger(lambda: connect(empty_database_url))
    found = ledger.find_all(OrderFilter(10, LOCAL_ACCOUNT))
    ledger.close()
    assert {row.order_id for row in found} == {before.order_id, meanwhile.order_id}


@pytest.mark.parametrize("revision", ["0003", "0004"])
def test_what_is_deployed_before_the_schema_that_it_needs_waits_for_that(
    revision: str, empty_database_url: str
) -> None:
    migrate(empty_database_url, revision)
    order = pending()
    ledger = Ledger(lambda: connect(empty_database_url))
    with pytest.raises(RetryableError, match="^Postgres is not ready: column .* does not exist$"):
        ledger.write([step_document(order)])

    migrate(empty_database_url)

    assert not ledger.write([step_document(order)])
    ledger.close()


def test_older_code_goes_on_with_a_newer_schema_that_only_adds(empty_database_url: str, newer_code: NewerCode) -> None:
    migrate(empty_database_url, versions=newer_code(COLUMN, INDEX))
    before = schema(empty_database_url)

    said = migrate(empty_database_url)

    assert said == (
        f"The ledger's schema (revision newer2) is newer than this code (revision {HEAD}); what came in between only"
        " adds to it, so this code goes on with it."
    )
    assert schema(empty_database_url) == before
    ledger, order_id = Ledger(lambda: connect(empty_database_url)), str(uuid.uuid4())
    ledger.write([whole_document(make_order(order_id=order_id))])
    assert ledger.find(order_id, LOCAL_ACCOUNT) is not None
    ledger.close()


@pytest.mark.parametrize("adds", [(False,), (False, True), (True, False)], ids=str)
def test_older_code_says_that_the_schema_is_newer_where_it_can_not_use_it(
    adds: tuple[bool, ...], empty_database_url: str, newer_code: NewerCode
) -> None:
    versions = newer_code(*([COLUMN, INDEX][: len(adds)]), only_adds=adds)
    migrate(empty_database_url, versions=versions)
    needed = f"newer{len(adds) - adds[::-1].index(False)}"

    with pytest.raises(MigrationError) as raised:
        migrate(empty_database_url)

    assert str(raised.value) == (
        f"The ledger's schema (revision newer{len(adds)}) is newer than this code (revision {HEAD}) and needs code"
        f' from revision {needed} on: see "Back to older code" in docs/operations.md.'
    )


def test_a_newer_schema_of_which_nothing_is_said_is_left_alone(empty_database_url: str, newer_code: NewerCode) -> None:
    migrate(empty_database_url, versions=newer_code(COLUMN))
    with closing(connect(empty_database_url)) as connection:
        connection.run("COMMENT ON TABLE alembic_version IS NULL")

    with pytest.raises(MigrationError, match=r"needs code of revision newer1"):
        migrate(empty_database_url)


def test_newer_code_that_goes_down_to_what_older_code_knows_leaves_a_ledger_for_it(
    empty_database_url: str, newer_code: NewerCode
) -> None:
    versions = newer_code(COLUMN, only_adds=(False,))
    migrate(empty_database_url, versions=versions)

    migrate(empty_database_url, HEAD, versions)

    assert migrate(empty_database_url) == ""
    assert revision_of(empty_database_url) == HEAD


def test_a_revision_that_there_is_not_is_named(empty_database_url: str) -> None:
    with pytest.raises(MigrationError, match=r"^There is no revision 9; there are 0001, "):
        migrate(empty_database_url, "9")


def test_a_postgres_that_is_not_there_is_said_in_one_sentence() -> None:
    with pytest.raises(MigrationError, match="^The ledger can't be migrated, for Postgres does not let us in: "):
        migrate("postgresql://orderflow@127.0.0.1:1/orderflow")


def test_the_command_migrates_to_the_newest_schema_or_to_the_one_that_is_named(
    empty_database_url: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", empty_database_url)

    statuses = [main([]), main(["--to", "0002"])]

    assert statuses == [0, 0]
    assert capsys.readouterr().out == "The ledger has the schema that was asked for.\n" * 2
    assert revision_of(empty_database_url) == "0002"


def test_the_command_says_in_one_sentence_why_it_can_not_migrate(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://orderflow@127.0.0.1:1/orderflow")

    assert main([]) == 1
    assert capsys.readouterr().err.startswith("The ledger can't be migrated, for Postgres does not let us in: ")


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


def test_every_amount_says_what_it_is_counted_in(ledger_connection: pg8000.native.Connection) -> None:
    comments = ledger_connection.run(
        "SELECT attrelid::regclass::text, attname, col_description(attrelid, attnum) FROM pg_attribute"
        " WHERE attrelid IN ('orders'::regclass, 'fills'::regclass) AND atttypid = 'numeric'::regtype"
        " AND atttypmod <> -1"
    )

    assert len(comments) == 7
    assert all(comment and comment.startswith("atoms of ") for _, _, comment in comments)


def test_what_is_deployed_before_its_migration_waits_for_it(empty_database_url: str) -> None:
    ledger = Ledger(lambda: connect(empty_database_url))
    order_id = str(uuid.uuid4())
    with pytest.raises(RetryableError, match='^Postgres is not ready: relation "order_events" does not exist$'):
        ledger.write([whole_document(make_order(order_id=order_id))])

    migrate(empty_database_url)

    assert ledger.find(order_id, LOCAL_ACCOUNT) is None
    ledger.close()
