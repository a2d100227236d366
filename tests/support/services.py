"""`python -m local services` on free ports, as the tests of what runs in Lambda share its servers."""

import os
import sys
from dataclasses import dataclass
from pathlib import Path

from tests.support.ports import free_port
from tests.support.programs import Program, Programs

OURS = (
    "REDIS_URL",
    "DATABASE_URL",
    "REDIS_PORT",
    "POSTGRES_PORT",
    "PORT",
    "CONNECTIONS_PORT",
    "CONNECTIONS_SECRET",
    "ORDERFLOW_HOME",
    "LAMBDA_ENDPOINT",
    "INVOKE",
)


@dataclass(frozen=True, slots=True)
class Services:
    """The running servers: where they are, and the settings by which every other program finds them."""

    program: Program
    settings: dict[str, str]

    @property
    def state(self) -> dict[str, object]:
        """Where the orders are, for an audit."""
        return {
            "redis_url": f"redis://:{self.password('redis')}@127.0.0.1:{self.settings['REDIS_PORT']}",
            "database_url": (
                f"postgresql://orderflow_app:{self.password('postgres')}"
                f"@127.0.0.1:{self.settings['POSTGRES_PORT']}/orderflow"
            ),
        }

    @property
    def home(self) -> Path:
        """Where the servers keep their data and passwords."""
        return Path(self.settings["ORDERFLOW_HOME"]) / "services"

    def password(self, server: str) -> str:
        """Return the password of `redis` or `postgres`."""
        return (self.home / f"{server}-password").read_text(encoding="ascii")

    def environment(self, **settings: str) -> dict[str, str]:
        """Return the environment of a program that uses these servers."""
        return {name: value for name, value in os.environ.items() if name not in OURS} | self.settings | settings


def start_services(programs: Programs, home: Path) -> Services:
    """Start the servers with their data below `home`, which should have a short path."""
    ports = {name: str(free_port()) for name in ("REDIS_PORT", "POSTGRES_PORT", "PORT", "CONNECTIONS_PORT")}
    settings = {"ORDERFLOW_HOME": str(home), **ports}
    environment = {name: value for name, value in os.environ.items() if name not in OURS} | settings
    program = programs.make([sys.executable, "-m", "local", "services"], environment, home.with_suffix(".log"))
    program.start_and_wait_for("Ctrl-C stops them.")
    return Services(program, settings)
