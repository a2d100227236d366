"""Finds a running system: a base URL or a home directory in, its address and what its state.json says out."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import orjson
import psutil

from local.settings import home_at


@dataclass(frozen=True, slots=True)
class System:
    """A running system: its address and, when it runs on this machine, what its state.json says."""

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


def _read_state(home: Path) -> System | None:
    try:
        state = orjson.loads((home / "state.json").read_bytes())
    except (OSError, ValueError):
        return None
    if not psutil.pid_exists(state["pid"]):
        return None  # it was killed before it could remove the file
    known = {name: state.get(name) for name in ("database_url", "speed", "redis_url", "partitions")}
    return System(state["url"], state.get("processes", {}), **known)
