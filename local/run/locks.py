"""The lock on a home directory: no two runs work on the same one."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from local.errors import StartError


@contextmanager
def lock_home(home: Path, where: str, beside: str) -> Iterator[None]:
    """Lock the home directory, and write into the lock `where` its holder is reached.

    Raises StartError when another run holds it; `beside` is the command that starts a second one next to it.
    """
    try:
        home.mkdir(parents=True, exist_ok=True)
        lock = (home / "lock").open("a+", encoding="utf-8")
    except OSError as error:
        raise StartError(f"ORDERFLOW_HOME={home} can't be used: {error.strerror}") from error
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            lock.seek(0)
            raise StartError(
                f"Orderflow already runs on {home} ({lock.read().strip() or 'starting'}).\n"
                f"Stop it with Ctrl-C, or run a second one beside it: {beside}"
            ) from error
        lock.truncate(0)
        lock.write(f"pid {os.getpid()}, {where}")
        lock.flush()
        yield
