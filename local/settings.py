"""The settings of a run on this machine, from environment variables."""

import os
from pathlib import Path
from typing import Annotated

import msgspec

from orderflow.runtime.settings import Settings, read_settings

ROOT = Path(__file__).resolve().parent.parent


def home_at(named: str | None) -> Path:
    """Return the directory that ORDERFLOW_HOME names, or the one beside the code when it names none."""
    return Path(named).absolute() if named else ROOT / ".orderflow"


class LocalSettings(Settings, frozen=True, kw_only=True):
    """What `python -m local up` reads; an empty URL means an embedded server."""

    redis_url: str = ""
    database_url: str = ""
    host: str = "127.0.0.1"
    port: Annotated[int, msgspec.Meta(ge=1, le=65535)] = 3000
    speed: Annotated[float, msgspec.Meta(ge=0, le=100)] = 1.0
    seed: int = 1
    drop_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.01
    network_failure_rate: Annotated[float, msgspec.Meta(ge=0, le=1)] = 0.0
    partitions: Annotated[int, msgspec.Meta(ge=1, le=256)] = 2
    workers: Annotated[int, msgspec.Meta(ge=1, le=64)] = 2
    orderflow_home: str = ""

    @property
    def home(self) -> Path:
        """Where the state is kept: ORDERFLOW_HOME, by default `.orderflow` beside the code."""
        return home_at(self.orderflow_home)

    @property
    def url(self) -> str:
        """Where clients of this machine reach the gateway."""
        host = "127.0.0.1" if self.host in ("0.0.0.0", "::") else self.host  # noqa: S104 - compared, not bound
        return f"http://{host}:{self.port}"


def read_local_settings() -> LocalSettings:
    """Return the settings of this process's environment. Raises ConfigurationError."""
    return read_settings(LocalSettings, os.environ)
