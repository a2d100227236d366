"""`python -m local services`, and the system with its functions in Lambda on top of it."""

import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import psutil
import pytest
import redis
from pg8000.exceptions import DatabaseError

from local.run.shared_secret import CONNECTIONS, shared_secret
from local.servers.network_access import addresses_for_containers
from orderflow.adapters.postgres import connect
from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import audit, ended, place_many, under_way
from tests.support.ports import free_port
from tests.support.programs import Program, Programs, programs
from tests.support.services import Services, start_services
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]
UNREACHABLE = "is `make services` up?"


@pytest.fixture(scope="module")
def directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="orderflow-"))
    yield path
    shutil.rmtree(path)


@pytest.fixture
def background() -> Iterator[Programs]:
    with programs() as lent:
        yield lent


@pytest.fixture(scope="module")
def services(directory: Path) -> Iterator[Services]:
    with programs() as lent:
        yield start_services(lent, directory / "shared")


@pytest.fixture
def lambda_api(services: Services, background: Programs, directory: Path) -> Program:
    """Lend a Lambda, not started yet, that runs the functions as SAM would, but in no container."""
    environment = services.environment(
        REDIS_URL=str(services.state["redis_url"]),
        DATABASE_URL=str(services.state["database_url"]),
        CONNECTIONS_ENDPOINT=f"http://127.0.0.1:{services.settings['CONNECTIONS_PORT']}",
        CONNECTIONS_SECRET=shared_secret(Path(services.settings["ORDERFLOW_HOME"]) / "services" / CONNECTIONS),
        CONNECTIONS_API="local",
        PARTITIONS="2",
        LAMBDA_PORT=str(free_port()),
        LOG_LEVEL="WARNING",
    )
    command = [sys.executable, "-m", "tests.support.lambda_api", environment["LAMBDA_PORT"]]
    return background.make(command, environment, directory / "lambda.log")


def lambda_run(new_run: NewRun, services: Services, lambda_port: str, **settings: str) -> OwnSystem:
    endpoint = f"http://127.0.0.1:{lambda_port}"
    ports = {name: services.settings[name] for name in ("REDIS_PORT", "POSTGRES_PORT", "CONNECTIONS_PORT")}
    known = {  # each run has a home of its own here
        "CONNECTIONS_SECRET": secret_of(services),
        "REDIS_URL": str(services.state["redis_url"]),
        "DATABASE_URL": str(services.state["database_url"]),
    }
    return new_run(INVOKE="lambda", LAMBDA_ENDPOINT=endpoint, SPEED="0.3", **ports, **known, **settings)


def secret_of(services: Services) -> str:
    return shared_secret(Path(services.settings["ORDERFLOW_HOME"]) / "services" / CONNECTIONS)


def test_both_servers_are_reached_wherever_containers_look_for_them(services: Services) -> None:
    for address in addresses_for_containers():
        with redis.Redis(address, int(services.settings["REDIS_PORT"]), password=services.password("redis")) as client:
            assert client.ping()
        url = str(services.state["database_url"]).replace("@127.0.0.1:", f"@{address}:")
        with closing(connect(url)) as connection:
            assert connection.run("SELECT count(*) FROM orders WHERE order_id IS NULL") == [[0]]


def test_neither_lets_in_who_does_not_know_the_password(services: Services) -> None:
    with (
        redis.Redis("127.0.0.1", int(services.settings["REDIS_PORT"])) as client,
        pytest.raises(redis.AuthenticationError),
    ):
        client.ping()
    for login, refusal in {
        "orderflow_app": "password authentication failed",
        "orderflow_app:orderflow": "password authentication failed",
        # The superuser has no way in but the socket, whatever the password.
        "orderflow": "pg_hba.conf rejects",
        "orderflow:orderflow": "pg_hba.conf rejects",
        f"orderflow:{services.password('postgres')}": "pg_hba.conf rejects",
    }.items():
        with pytest.raises(DatabaseError, match=refusal):
            connect(f"postgresql://{login}@127.0.0.1:{services.settings['POSTGRES_PORT']}/orderflow")


def test_who_knows_the_password_of_postgres_may_use_the_ledger_and_nothing_of_the_machine(services: Services) -> None:
    rights = "SELECT rolsuper, rolcreaterole, rolcreatedb FROM pg_roles WHERE rolname = current_user"
    with closing(connect(str(services.state["database_url"]))) as connection:
        assert connection.run(rights) == [[False, False, False]]
        for statement in ("COPY orders FROM PROGRAM 'id'", "SELECT pg_read_file('/etc/passwd')", "SET ROLE orderflow"):
            with pytest.raises(DatabaseError, match="permission denied"):
                connection.run(statement)


def test_no_password_is_in_the_process_list_or_in_a_file_that_others_read(services: Services) -> None:
    assert services.program.process is not None
    processes = psutil.Process(services.program.process.pid).children(recursive=True)
    commands = [" ".join(process.cmdline()) for process in processes]
    passwords = [services.password("redis"), services.password("postgres")]

    assert len(set(passwords)) == 2
    assert any("valkey-server" in command or "redis-server" in command for command in commands)
    assert not [command for command in commands if any(password in command for password in passwords)]
    for path in services.home.rglob("*"):
        if path.is_file() and any(password.encode() in path.read_bytes() for password in passwords):
            assert path.stat().st_mode & 0o77 == 0, path
    assert (services.home / "run").stat().st_mode & 0o77 == 0


def test_what_it_prints_is_what_leads_there(services: Services) -> None:
    said = services.program.output_text

    assert f"  REDIS_URL={services.state['redis_url']}\n" in said
    assert f"  DATABASE_URL={services.state['database_url']}\n" in said


def test_what_they_hold_outlives_them(background: Programs, directory: Path) -> None:
    first = start_services(background, directory / "kept")
    with redis.Redis.from_url(str(first.state["redis_url"])) as client:
        client.set("kept", "yes")

    status = first.program.stop(signal.SIGINT)
    first.program.start_and_wait_for("Ctrl-C stops them.")

    assert status == 0
    with redis.Redis.from_url(str(first.state["redis_url"])) as client:
        assert client.get("kept") == b"yes"


@pytest.mark.parametrize("name", ["REDIS_PORT", "POSTGRES_PORT"])
def test_a_port_that_is_taken_is_named_and_another_proposed(
    background: Programs, services: Services, directory: Path, name: str
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        free = {other: str(free_port()) for other in ("REDIS_PORT", "POSTGRES_PORT")}
        settings = free | {"ORDERFLOW_HOME": str(directory / "taken"), name: str(port)}
        command = [sys.executable, "-m", "local", "services"]
        program = background.make(command, services.environment(**settings), directory / f"taken-{name}.log")

        status = program.start().wait(30)

    assert status == 1
    assert f"Port {port} on 127.0.0.1 can't be used" in program.output_text
    assert f"make services {name}={port + 1}" in program.output_text


def test_a_second_one_on_the_same_data_is_refused(background: Programs, services: Services, directory: Path) -> None:
    environment = services.environment(REDIS_PORT=str(free_port()), POSTGRES_PORT=str(free_port()))
    second = background.make([sys.executable, "-m", "local", "services"], environment, directory / "second.log")

    status = second.start().wait(30)

    assert status == 1
    assert "already runs on" in second.output_text
    assert services.settings["REDIS_PORT"] in second.output_text


def test_a_run_with_its_functions_in_lambda_says_that_it_needs_them(new_run: NewRun) -> None:
    run = new_run(INVOKE="lambda", REDIS_PORT=str(free_port()), POSTGRES_PORT=str(free_port()))

    status = run.launch().wait(60)

    assert status == 1
    assert UNREACHABLE in run.output.read_text()
    assert "Traceback" not in run.output.read_text()


def test_lambda_killed_in_the_middle_of_50_orders_loses_and_doubles_nothing(
    new_run: NewRun, services: Services, lambda_api: Program
) -> None:
    port = lambda_api.environment["LAMBDA_PORT"]
    run = lambda_run(new_run, services, port, PORT=services.settings["PORT"])
    run.port, run.url = int(services.settings["PORT"]), f"http://127.0.0.1:{services.settings['PORT']}"
    run.start()
    placed = place_many(run.url, 50)
    assert "nothing answers there yet" in run.output.read_text()

    lambda_api.start()
    eventually(lambda: under_way(services.state) > 0)
    lambda_api.stop(signal.SIGKILL)
    ended_before = ended(services.state)
    lambda_api.start()

    eventually(lambda: ended(services.state) == 50)
    assert ended_before < 50
    assert audit(services.state, placed) == []
