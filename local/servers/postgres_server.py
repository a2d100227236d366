"""Starts the Postgres of this machine: a home directory in, an answering Postgres out."""

import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

from local.errors import ServerError
from local.servers.application_role import APPLICATION_ROLE
from local.servers.network_access import NetworkAccess
from local.servers.server_process import (
    POLL_S,
    READY_TIMEOUT_S,
    Server,
    named_server,
    start_server,
    stop_orphan,
)
from local.servers.server_programs import postgres_programs
from local.servers.socket_directory import socket_directory
from orderflow.adapters.postgres import connect

POSTGRES_OPTIONS = (
    *("-c", "listen_addresses=", "-c", "port=5432", "-c", "unix_socket_permissions=0700"),
    *("-c", "max_connections=50", "-c", "shared_buffers=128MB", "-c", "jit=off"),
    *("-c", "synchronous_commit=on", "-c", "timezone=UTC", "-c", "log_timezone=UTC"),
)


def start_postgres(home: Path, url: str | None, access: NetworkAccess | None = None) -> Server:
    """Return the Postgres at `url`, or one started with its data in `home`/postgres, as soon as it answers.

    Besides its socket it opens a port when `access` says which. Postgres refuses to be root; root runs it under
    another user id.
    """
    if url:
        return named_server("postgres", "DATABASE_URL", url, _ping)
    home = home.resolve()
    home.mkdir(parents=True, exist_ok=True)
    data, sockets = home / "postgres", socket_directory(home)
    port = access.port if access else 5432
    stop_orphan("postgres", data, data / "postmaster.pid", sockets / f".s.PGSQL.{port}.lock")
    programs = postgres_programs(home)
    if not (data / "PG_VERSION").exists():
        programs.make_data(data)
    programs.own(data)
    # A list, in which a comma parts two directories.
    listed = str(sockets).replace('"', '""')
    place = ("-D", str(data), "-c", f'unix_socket_directories="{listed}"')
    programs.write_rules(data, APPLICATION_ROLE if access else None)
    (home / "pg_hba.conf").unlink(missing_ok=True)  # of a version that had its rules there
    network = access.postgres_options if access else ()
    command = programs.command("postgres", *place, *POSTGRES_OPTIONS, *network)
    url = f"postgresql://orderflow@/orderflow?host={quote(str(sockets))}&port={port}"
    deadline = time.monotonic() + READY_TIMEOUT_S
    while True:
        try:
            server = start_server("postgres", home, command, url, access.set_password if access else _ping)
        except ServerError as error:
            # The children of a killed Postgres hold the data until their statements are done.
            if "pre-existing shared memory block" not in str(error) or time.monotonic() > deadline:
                raise
        else:
            return replace(server, url=access.postgres_url) if access else server
        time.sleep(POLL_S)


def _ping(url: str) -> None:
    with closing(connect(url)) as connection:
        connection.run("SELECT 1")
