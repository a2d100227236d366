"""The embedded servers, for real: what they keep, what they survive, and what they say when they can't be had."""

import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from pathlib import Path

import psutil
import pytest
import redis
from pg8000.exceptions import DatabaseError, InterfaceError

from local.errors import ServerError
from local.servers import server_process
from local.servers.network_access import NetworkAccess
from local.servers.postgres_server import start_postgres
from local.servers.redis_server import start_redis
from local.servers.server_process import Server
from local.servers.socket_directory import socket_directory
from orderflow.adapters.postgres import connect
from orderflow.migrate import migrate
from tests.support.ports import free_port

STARTERS = {"redis": start_redis, "postgres": start_postgres}
Start = Callable[..., Server]


@pytest.fixture(scope="module")
def home() -> Iterator[Path]:
    """Lend one home to many tests: to make a database takes longer than most of them."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        yield Path(directory)


@pytest.fixture
def new_home() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="orderflow-") as directory:
        yield Path(directory)


@pytest.fixture
def start(home: Path) -> Iterator[Start]:
    """Lend a way to start servers that are stopped at the end whatever happened."""
    started: list[Server] = []

    def start_server(name: str, where: Path = home) -> Server:
        started.append(STARTERS[name](where, None))
        return started[-1]

    yield start_server
    for server in started:
        server.stop()


@pytest.fixture(params=["redis", "postgres"])
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def remember(server: Server, value: str) -> None:
    if server.name == "redis":
        with redis.Redis.from_url(server.url) as client:
            client.set("remembered", value)
    else:
        with closing(connect(server.url)) as connection:
            connection.run("DROP TABLE IF EXISTS remembered")
            connection.run("CREATE TABLE remembered (value text)")
            connection.run("INSERT INTO remembered VALUES (:value)", value=value)


def recall(server: Server) -> str:
    if server.name == "redis":
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            return str(client.get("remembered"))
    with closing(connect(server.url)) as connection:
        return str(connection.run("SELECT value FROM remembered")[0][0])


def process_of(server: Server) -> subprocess.Popen[bytes]:
    assert server.process is not None
    return server.process


def kill(server: Server) -> None:
    process_of(server).kill()
    process_of(server).wait(timeout=5)


def test_what_was_written_survives_the_kill_of_its_server(name: str, start: Start) -> None:
    first = start(name)
    remember(first, "kept")

    kill(first)
    second = start(name)

    assert recall(second) == "kept"


def test_postgres_starts_again_although_a_killed_one_left_a_statement_running(start: Start) -> None:
    first = start("postgres")
    client, observer = connect(first.url), connect(first.url)

    def stay_busy() -> None:
        with suppress(InterfaceError), closing(client):
            client.run("SELECT count(*) FROM generate_series(1, 4000000)")

    busy = threading.Thread(target=stay_busy)
    busy.start()
    deadline = time.monotonic() + 10
    while not observer.run("SELECT 1 FROM pg_stat_activity WHERE query LIKE '%4000000)' AND state = 'active'"):
        assert time.monotonic() < deadline

    kill(first)
    second = start("postgres")

    assert process_of(second).poll() is None
    busy.join(timeout=10)
    with suppress(InterfaceError):
        observer.close()


def test_a_server_stops_in_order_and_stopping_again_does_nothing(name: str, start: Start) -> None:
    server = start(name)

    server.stop()
    server.stop()

    assert process_of(server).returncode == 0


def test_a_server_that_ignores_the_request_is_stopped_by_force(name: str, start: Start) -> None:
    server = start(name)
    process_of(server).send_signal(signal.SIGSTOP)

    server.stop(timeout_s=0.1)

    assert process_of(server).returncode == -signal.SIGKILL


def test_the_server_that_a_killed_runner_left_behind_is_replaced(name: str, start: Start) -> None:
    orphan = start(name)
    remember(orphan, "kept")

    successor = start(name)

    assert process_of(orphan).wait(timeout=5) == 0
    assert recall(successor) == "kept"


@pytest.mark.parametrize(("name", "pid_file"), [("redis", "redis/redis.pid"), ("postgres", "postgres/postmaster.pid")])
def test_a_stranger_that_bears_the_number_of_a_dead_server_is_left_alone(
    name: str, pid_file: str, home: Path, start: Start
) -> None:
    kill(start(name))
    stranger = subprocess.Popen(["sleep", "60"])
    left_behind = (home / pid_file).read_text().split("\n", 1)
    (home / pid_file).write_text("\n".join([str(stranger.pid), *left_behind[1:]]))

    try:
        server = start(name)

        assert process_of(server).poll() is None
        assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_data_directory_that_was_half_made_is_made_anew(new_home: Path, start: Start) -> None:
    (new_home / "postgres.making").mkdir()
    (new_home / "postgres.making" / "PG_VERSION").write_text("18\n")

    server = start("postgres", new_home)

    remember(server, "kept")
    assert recall(server) == "kept"
    assert not (new_home / "postgres.making").exists()


def test_a_home_with_spaces_that_is_too_deep_for_sockets_works(name: str, new_home: Path, start: Start) -> None:
    deep = new_home / "a very deep place, 100 % üñí" / ("x" * 60)

    server = start(name, deep)

    remember(server, "kept")
    assert recall(server) == "kept"
    assert not (deep / "run").exists()
    shutil.rmtree(socket_directory(deep))


@pytest.mark.parametrize("place", ["a, b", 'a "quoted" home', " spaces ", "it's üñí #1 $HOME"])
def test_a_home_of_any_name_works(name: str, new_home: Path, start: Start, place: str) -> None:
    server = start(name, new_home / place)

    remember(server, "kept")
    assert recall(server) == "kept"


def test_sockets_find_a_short_place_where_even_temporary_ones_are_deep(
    new_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.gettempdir", lambda: f"/{'x' * 100}")

    directory = socket_directory(new_home / ("x" * 90))

    assert len(str(directory)) < 40
    assert directory.is_dir()
    directory.rmdir()


@pytest.mark.parametrize(("maxmemory", "expected"), [("1gb", 2**30), ("64mb", 2**26), ("0", 0)])
def test_redis_uses_no_more_memory_than_it_may(new_home: Path, maxmemory: str, expected: int) -> None:
    server = start_redis(new_home, None, None, maxmemory)
    try:
        with redis.Redis.from_url(server.url, decode_responses=True) as client:
            limits = client.config_get("maxmemory*")
    finally:
        server.stop()

    assert int(limits["maxmemory"]) == expected
    assert limits["maxmemory-policy"] == "noeviction"


def test_a_home_of_a_version_that_trusted_everybody_is_corrected_and_its_ledger_kept(new_home: Path) -> None:
    before = start_postgres(new_home, None)
    migrate(before.url)
    remember(before, "kept")
    with closing(connect(before.url)) as superuser:
        superuser.run("ALTER ROLE orderflow PASSWORD 'orderflow'")
    before.stop()
    (new_home / "postgres" / "pg_hba.conf").write_text("local all all trust\nhost all all 127.0.0.1/32 trust\n")
    (new_home / "pg_hba.conf").write_text("host all all all scram-sha-256\n")
    listening = NetworkAccess(("127.0.0.1",), free_port(), "a new one")

    for _ in range(2):
        after = start_postgres(new_home, None, listening)
        try:
            migrate(after.url)
            recalled = recall(after)
            with pytest.raises(DatabaseError, match="pg_hba.conf rejects"):
                connect(f"postgresql://orderflow:orderflow@127.0.0.1:{listening.port}/orderflow")
        finally:
            after.stop()

        assert recalled == "kept"
    assert not (new_home / "pg_hba.conf").exists()


def test_nobody_but_its_user_reaches_an_embedded_server(name: str, new_home: Path, start: Start) -> None:
    (new_home / "run").mkdir(mode=0o777)
    server = start(name, new_home)

    assert (new_home / "run").stat().st_mode & 0o77 == 0
    assert list(psutil.Process(process_of(server).pid).net_connections("tcp")) == []
    if name == "postgres":
        rules = (new_home / "postgres" / "pg_hba.conf").read_text().splitlines()
        assert rules == ["local all all trust", "host all all all reject"]


def test_a_server_that_was_named_is_used_and_never_stopped(name: str, home: Path, start: Start) -> None:
    server = start(name)

    named = STARTERS[name](home / "unused", server.url)
    named.stop()

    assert named.process is None
    assert process_of(server).poll() is None
    assert not (home / "unused").exists()


@pytest.mark.parametrize(
    ("name", "url", "address"),
    [
        ("redis", "redis://trader:s3cret@127.0.0.1:1/0", "127.0.0.1:1"),
        ("redis", "unix://trader:s3cret@/nowhere/redis.sock", "/nowhere/redis.sock"),
        ("redis", "redis://:s3c/ret@127.0.0.1:1", "REDIS_URL"),
        ("redis", "s3cret", "REDIS_URL"),
        ("postgres", "postgresql://trader:s3cret@127.0.0.1:1/ledger", "127.0.0.1:1/ledger"),
        ("postgres", "postgresql://trader:s3cret@/ledger?host=/nowhere", "/nowhere/ledger"),
        ("postgres", "postgresql://trader:s3c/ret@127.0.0.1/ledger", "DATABASE_URL"),
        ("postgres", "s3cret", "DATABASE_URL"),
    ],
)
def test_a_named_server_that_is_not_there_is_named_by_address_but_without_the_password(
    name: str, url: str, address: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(server_process, "ANSWER_TIMEOUT_S", 0.05)

    with pytest.raises(ServerError) as raised:
        STARTERS[name](home, url)

    message = str(raised.value)
    assert name in message
    assert address in message
    assert "s3c" not in message


def test_a_database_that_does_not_exist_is_named_at_once(home: Path, start: Start) -> None:
    server = start("postgres")

    with pytest.raises(ServerError, match='database "nowhere" does not exist'):
        start_postgres(home, server.url.replace("/orderflow?", "/nowhere?"))


@pytest.mark.parametrize(
    ("name", "damaged", "complaint"),
    [
        ("redis", "redis/appendonlydir/appendonly.aof.manifest", "AOF"),
        ("postgres", "postgres/PG_VERSION", "not compatible"),
    ],
)
def test_a_server_that_does_not_start_is_reported_with_the_end_of_its_log(
    name: str, damaged: str, complaint: str, new_home: Path, start: Start
) -> None:
    start(name, new_home).stop()
    (new_home / damaged).write_text("7\n")

    with pytest.raises(ServerError, match=f"(?s)^{name} did not start at .*{name}.log ends\n.*{complaint}"):
        start(name, new_home)


@pytest.mark.parametrize(
    "end", [b"\0" * 4096, b"*3\r\n$3\r\nSET\r\n$1", b"*1\r\n$5\r\nMULTI\r\n", b"\xff noise \r\n" * 9]
)
def test_a_log_that_a_power_cut_left_with_an_unreadable_end_is_started_without_it(
    new_home: Path, start: Start, end: bytes
) -> None:
    server = start("redis", new_home)
    remember(server, "kept")
    server.stop()
    log = new_home / "redis" / "appendonlydir" / "appendonly.aof.1.incr.aof"
    damaged = log.read_bytes() + end
    log.write_bytes(damaged)

    again = start("redis", new_home)

    assert recall(again) == "kept"
    assert again.notice is not None
    assert f"{len(end):,} bytes that can't be read" in again.notice
    [copy] = (new_home / "redis" / "damaged").iterdir()
    assert copy.read_bytes() == damaged
    assert start("redis", new_home).notice is None


def test_the_tool_that_redis_names_for_any_other_damage_is_there(new_home: Path, start: Start) -> None:
    start("redis", new_home).stop()
    log = new_home / "redis" / "appendonlydir" / "appendonly.aof.1.incr.aof"
    log.with_name("appendonly.aof.1.base.rdb").write_bytes(b"\0" * 64)

    with pytest.raises(ServerError) as raised:
        start("redis", new_home)

    named = str(raised.value).rpartition("under another name: ")[2]
    checked = subprocess.run(["sh", "-c", named.replace("FILE", str(log))], capture_output=True, text=True)
    assert "AOF" in checked.stdout
    assert checked.returncode == 0, checked.stdout


def test_a_log_with_a_hole_in_its_middle_is_not_cut(new_home: Path, start: Start) -> None:
    server = start("redis", new_home)
    remember(server, "kept")
    server.stop()
    log = new_home / "redis" / "appendonlydir" / "appendonly.aof.1.incr.aof"
    damaged = log.read_bytes() + b"\0" * 64 + log.read_bytes()
    log.write_bytes(damaged)

    with pytest.raises(ServerError, match="whole commands lie behind that"):
        start("redis", new_home)

    assert log.read_bytes() == damaged


@pytest.mark.parametrize("left", [b"", b"\0" * 64, b"?\n"])
@pytest.mark.parametrize(
    ("name", "file"),
    [("redis", "redis/redis.pid"), ("postgres", "postgres/postmaster.pid"), ("postgres", "run/.s.PGSQL.5432.lock")],
)
def test_what_a_power_cut_left_of_a_lock_file_stops_no_server(
    new_home: Path, start: Start, name: str, file: str, left: bytes
) -> None:
    kill(start(name, new_home))
    (new_home / file).write_bytes(left)

    assert process_of(start(name, new_home)).poll() is None


@pytest.mark.parametrize(("name", "setting"), [("redis", "REDIS_URL"), ("postgres", "DATABASE_URL")])
def test_a_machine_without_the_programs_says_what_to_set(
    name: str, setting: str, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("local.servers.server_programs._runs", lambda command: False)

    with pytest.raises(ServerError, match=setting):
        STARTERS[name](home, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="Postgres needs a way around root only for root")
def test_root_without_user_namespaces_runs_postgres_as_nobody(
    home: Path, start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    forbidden = home / "bin" / "unshare"
    forbidden.parent.mkdir()
    forbidden.write_text("#!/bin/sh\nexit 1\n")
    forbidden.chmod(0o755)
    monkeypatch.setenv("PATH", f"{forbidden.parent}:{os.environ['PATH']}")

    server = start("postgres")

    remember(server, "kept")
    assert recall(server) == "kept"
    assert (home / "postgres").stat().st_uid == 65534
