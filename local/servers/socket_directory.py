"""Where the servers' Unix sockets lie: a home directory in, a directory out whose path is short enough for a socket."""

import hashlib
import os
import tempfile
from pathlib import Path

from local.errors import ServerError

LONGEST_SOCKET_PATH = 100  # the kernels take 107 bytes on Linux and 103 on macOS
POSTGRES_SOCKET = ".s.PGSQL.5432"


def socket_directory(home: Path) -> Path:
    """Return the directory of the sockets, made if need be: `home`/run, or a short one where that is too long."""
    short = f"orderflow-{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}"
    places = [home / "run", Path(tempfile.gettempdir(), short), Path("/tmp", short)]  # noqa: S108 - its owner is looked at
    directory = next(
        (each for each in places if len(os.fsencode(each / POSTGRES_SOCKET)) <= LONGEST_SOCKET_PATH), places[-1]
    )
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    if directory.is_symlink() or directory.stat().st_uid != os.geteuid():
        raise ServerError(f"{directory} belongs to another user; remove it, or choose another ORDERFLOW_HOME")
    directory.chmod(0o700)
    return directory
