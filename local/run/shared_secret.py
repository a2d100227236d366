"""A secret that the programs of one home share, though each is started by itself: a path in, the secret out."""

import os
import secrets
from pathlib import Path

CONNECTIONS, REDIS, POSTGRES = "connections-secret", "redis-password", "postgres-password"
"""The files' names in the home of `services`; local/sam.sh reads them there for the functions."""


def shared_secret(path: Path) -> str:
    """Return the secret in the file at `path`, which no other user may read; the first call makes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.exists() and not path.stat().st_size:
        path.unlink()  # left empty by a power cut
    own = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as file:
        file.write(secrets.token_urlsafe(32))
    try:
        # Whole or not at all, and never in place of another process' secret.
        os.link(own, path)
    except FileExistsError:
        pass
    finally:
        own.unlink()
    return path.read_text(encoding="ascii")
