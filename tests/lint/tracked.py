"""The files that git knows, so that no check looks at what was built or installed."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path


def tracked_files(*patterns: str) -> Iterator[Path]:
    """Yield the files under version control, all or those that match one of git's patterns, such as *.lua.

    Paths are relative to the working directory, the root of the project.
    """
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], capture_output=True, check=True)
    for path in map(Path, map(os.fsdecode, filter(None, listed.stdout.split(b"\0")))):
        if path.is_file() and not path.is_symlink():
            yield path
