"""A small disk for Postgres, so that it can be full without any other being full."""

import errno
import shutil
import subprocess
from pathlib import Path

from local.servers.server_programs import postgres_programs
from orderflow.errors import OrderflowError

SIZE = "512m"
"""Memory is used only for what is written; Postgres keeps a write-ahead log of some minutes in it."""

CHUNK_BYTES = 1024 * 1024


class DiskError(OrderflowError):
    """This machine does not allow a disk of its own."""


class SmallDisk:
    """A file system in memory on which a system's Postgres keeps its data."""

    def __init__(self, home: Path) -> None:
        self._data = home / "postgres"
        self._ballast = self._data / "ballast"
        self._mounted = False

    def mount(self) -> None:
        """Make the data directory on a disk of its own, before the system is started for the first time.

        Raises DiskError where this machine does not let us mount.
        """
        home = self._data.parent
        made = home / "postgres.made"
        home.mkdir(parents=True, exist_ok=True)
        self._data.mkdir(mode=0o700)
        mounting = ["mount", "-t", "tmpfs", "-o", f"size={SIZE},mode=0700", "tmpfs", str(self._data)]
        try:
            done = subprocess.run(mounting, capture_output=True, encoding="utf-8", errors="replace", check=False)
        except OSError as error:
            self._data.rmdir()
            raise DiskError(f"can't mount: {error.strerror}") from error
        if done.returncode != 0:
            self._data.rmdir()
            raise DiskError(f"can't mount: {done.stderr.strip()}")
        self._mounted = True
        # initdb wants to make the directory itself, which a mounted one can't be.
        postgres_programs(home).make_data(made)
        subprocess.run(["cp", "-a", f"{made}/.", str(self._data)], check=True)
        shutil.rmtree(made)

    def fill(self) -> None:
        """Use up all free space."""
        size = CHUNK_BYTES
        with self._ballast.open("ab", buffering=0) as ballast:
            while size:
                try:
                    ballast.write(bytes(size))
                except OSError as error:
                    if error.errno != errno.ENOSPC:
                        raise
                    size //= 2

    def empty(self) -> None:
        """Free the space again."""
        self._ballast.unlink(missing_ok=True)

    def unmount(self) -> None:
        """Unmount the disk; all that is on it is lost."""
        if self._mounted:
            subprocess.run(["umount", "--lazy", str(self._data)], check=False)
            self._mounted = False
