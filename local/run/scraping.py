"""What a scrape of the whole system takes: a directory that its processes share, and the secret in a file."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

METRICS, SECRET = "metrics", "secret"


def metrics_directory(home: Path) -> Path:
    """Return where the processes of the system in `home` keep what they count."""
    return home / METRICS


def secret_file(home: Path) -> Path:
    """Return the file whose one line a scraper sends as its bearer token."""
    return metrics_directory(home) / SECRET


@contextmanager
def scrapable(home: Path, secret: str) -> Iterator[None]:
    """Make the directory, without what another run has counted, and keep the secret in its file for as long.

    No other user may read it. A process that is started again goes on counting beside what it had counted before.
    """
    directory = metrics_directory(home)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for left in (*directory.glob("*.db"), *directory.glob(SECRET)):
        left.unlink()
    file = secret_file(home)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="ascii") as opened:
        opened.write(secret)
    try:
        yield
    finally:
        file.unlink(missing_ok=True)
