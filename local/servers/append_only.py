"""Repairs Redis' append-only log after a power cut: its directory in, the unreadable end cut off and a copy kept.

The log is a base and increments, named in order by a manifest; only increments are written to. What the last of them
ends in after a power cut is half a command, half a transaction, or zeros where the file had grown but not its content.
"""

import mmap
import os
import re
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from local.errors import ServerError

_NUMBER = re.compile(rb"[*$](\d{1,10})\r\n")
_BEGINNING = re.compile(rb"\*[1-9]\d{0,6}\r\n\$[1-9]\d{0,2}\r\n[A-Za-z]")
_INCREMENT = re.compile(r"^file (\S+) seq (\d+) type i$", re.MULTILINE)

Log = bytes | mmap.mmap


class Readable(NamedTuple):
    """How far a log can be read: to the end of its last whole command, and of its last whole transaction."""

    commands: int
    transactions: int


def cut_unreadable_end(directory: Path, copies: Path) -> str | None:
    """Cut what can't be read off the end of the log in `directory`; return in words what was cut, or None.

    A copy of each file that is cut is kept in `copies`. Raises ServerError when whole commands lie behind what can't
    be read: that is no end, and what lies there may be orders.
    """
    increments = _increments(directory)
    whole = [_readable_part(path) for path in increments]
    sizes = [path.stat().st_size for path in increments]
    damaged = next((place for place, size in enumerate(sizes) if whole[place].transactions < size), None)
    if damaged is None:
        return None
    path, size = increments[damaged], whole[damaged].transactions
    behind = _whole_command_from(path, whole[damaged].commands)
    later = [other for other in increments[damaged + 1 :] if other.stat().st_size]
    if behind is not None or any(_has_commands(other) for other in later):
        raise ServerError(
            f"redis: {path} can't be read from byte {size} on, but whole commands lie behind that, which may be orders,"
            " so nothing was cut.\nPut back a copy of the whole directory; or keep a copy of it and go on without them:"
            f" truncate -s {size} '{path}'" + "".join(f" && truncate -s 0 '{other}'" for other in later)
        )
    return "\n".join(_cut(each, to, copies) for each, to in [(path, size), *((other, 0) for other in later)])


def readable_part(log: Log) -> Readable:
    """Return how far a log's commands are whole."""
    commands = transactions = 0
    in_transaction = False
    for end, name in _commands(log, 0):
        commands = end
        in_transaction = name == b"MULTI" or (in_transaction and name != b"EXEC")
        if not in_transaction:
            transactions = end
    return Readable(commands, transactions)


def _commands(log: Log, start: int) -> Iterator[tuple[int, bytes]]:
    """Yield where each command ends, and its name, as long as they are whole."""
    size = len(log)
    while start < size:
        if log[start : start + 1] == b"#":  # an annotation, to the end of its line
            end = log.find(b"\r\n", start) + 2
            if end < 2:
                return
            yield end, b""
        else:
            command = _command(log, start)
            if command is None:
                return
            end, name = command
            yield end, name
        start = end


def _command(log: Log, start: int) -> tuple[int, bytes] | None:
    count = _NUMBER.match(log, start)
    if count is None or log[start : start + 1] != b"*" or count[1] == b"0":
        return None
    name, at = b"", count.end()
    for number in range(int(count[1])):
        length = _NUMBER.match(log, at)
        if length is None or log[at : at + 1] != b"$":
            return None
        end = length.end() + int(length[1])
        if log[end : end + 2] != b"\r\n":
            return None
        if number == 0:
            name = log[length.end() : end].upper()
        at = end + 2
    return at, name


def _whole_command_from(path: Path, start: int) -> int | None:
    """Return where a whole command begins behind the unreadable one at `start`, if there is any."""
    with _opened(path) as log:
        for found in _BEGINNING.finditer(log, start + 1):
            if _command(log, found.start()) is not None:
                return found.start()
    return None


def _has_commands(path: Path) -> bool:
    return _readable_part(path).commands > 0 or _whole_command_from(path, -1) is not None


def _readable_part(path: Path) -> Readable:
    if not path.stat().st_size:
        return Readable(0, 0)  # which can't be mapped
    with _opened(path) as log:
        return readable_part(log)


def _opened(path: Path) -> mmap.mmap:
    with path.open("rb") as file:
        return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)


def _increments(directory: Path) -> list[Path]:
    """Return the increments in the order of the manifest's sequence; none where the manifest can't be read."""
    try:
        [manifest] = directory.glob("*.manifest")
        named = _INCREMENT.findall(manifest.read_text(encoding="utf-8"))
    except (ValueError, OSError):
        return []
    paths = [directory / name for name, _ in sorted(named, key=lambda each: int(each[1]))]
    return [path for path in paths if path.is_file()]


def _cut(path: Path, size: int, copies: Path) -> str:
    copies.mkdir(mode=0o700, exist_ok=True)
    copy = copies / f"{time.strftime('%Y%m%dT%H%M%S')}-{path.name}"
    shutil.copy2(path, copy)
    lost = path.stat().st_size - size
    with copy.open("rb") as kept:
        os.fsync(kept.fileno())
    with path.open("r+b") as log:
        log.truncate(size)
        os.fsync(log.fileno())
    return (
        f"Redis' log ended in {lost:,} bytes that can't be read, as a power cut leaves them. They are cut off, and what"
        f" was written in that moment is lost.\nThe file as it was: {copy}"
    )
