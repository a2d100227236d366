"""What other programs of this machine know of a running system: the runner writes it to state.json, `find` reads it."""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path

import msgspec
import psutil

from local.settings import home_at

STATE = "state.json"
"""The file in the home directory of a system that runs."""


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its address and, when it runs on this machine, its processes, servers and settings."""

    url: str
    processes: Mapping[str, int] = field(default_factory=dict)
    database_url: str | None = None
    speed: float | None = None
    redis_url: str | None = None
    partitions: int | None = None


def find(base_url: str | None = None, home: Path | None = None) -> System | None:
    """Return the system at `base_url`, or the one that runs in `home`; None without a URL and where none runs.

    `home` is by default ORDERFLOW_HOME. A base URL that is the one in the home's state.json gets its processes and its
    database too.
    """
    local = _read_state(home or home_at(os.environ.get("ORDERFLOW_HOME")))
    if base_url is None:
        return local
    if local is not None and local.url == base_url:
        return local
    return System(base_url)


def write_state(home: Path, system: System) -> None:
    """Replace the state.json in `home` by that of this process, which runs `system`."""
    state = msgspec.json.format(msgspec.json.encode({"pid": os.getpid(), **asdict(system)}))
    new = home / f"{STATE}.new"
    # It may hold a password, where the servers are not ours.
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
        file.write(state)
    new.replace(home / STATE)


def _read_state(home: Path) -> System | None:
    try:
        state = msgspec.json.decode((home / STATE).read_bytes())
    except (OSError, ValueError):
        return None
    if not psutil.pid_exists(state["pid"]):
        return None  # it was killed before it could remove the file
    known = {name: state.get(name) for name in ("database_url", "speed", "redis_url", "partitions")}
    return System(state["url"], state.get("processes", {}), **known)
