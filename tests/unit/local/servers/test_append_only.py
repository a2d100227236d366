"""How far an append-only log can be read, and what is cut off it."""

from pathlib import Path

import pytest

from local.errors import ServerError
from local.servers.append_only import Readable, cut_unreadable_end, readable_part


def command(*words: str) -> bytes:
    parts = b"".join(b"$%d\r\n%s\r\n" % (len(word.encode()), word.encode()) for word in words)
    return b"*%d\r\n" % len(words) + parts


SET = command("SET", "key", "a value\r\nof *2\r\n$3\r\nGET two lines ü")
BLOCK = command("MULTI") + SET + command("XADD", "stream", "*", "a", "b") + command("EXEC")
NOTE = b"#TS:1763835240\r\n"

ENDS = {
    "zeros": b"\0" * 4096,
    "half a command": SET[:-9],
    "half a command and zeros": SET[:-9] + b"\0" * 4096,
    "a value of zeros": SET[:-9] + b"\0" * 9 + b"\0" * 4096,
    "half a number": b"*",
    "half an annotation": NOTE[:-1],
    "half a transaction": BLOCK[: -len(command("EXEC"))],
    "half a transaction and zeros": BLOCK[: -len(command("EXEC"))] + b"\0" * 100,
    "noise": bytes(range(256)) * 4,
    "words": b"not a command\r\nat all\r\n",
}


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    made = tmp_path / "appendonlydir"
    made.mkdir()
    names = [("base.rdb", 1, "b"), ("incr.aof", 1, "i"), ("incr.aof", 2, "i")]
    lines = [f"file appendonly.aof.{number}.{name} seq {number} type {kind}" for name, number, kind in names]
    (made / "appendonly.aof.manifest").write_text("\n".join(lines) + "\n")
    (made / "appendonly.aof.1.base.rdb").write_bytes(b"REDIS0011")
    (made / "appendonly.aof.1.incr.aof").write_bytes(SET + BLOCK)
    (made / "appendonly.aof.2.incr.aof").write_bytes(b"")
    return made


@pytest.mark.parametrize("log", [b"", SET, BLOCK, NOTE + SET + NOTE + BLOCK + SET])
def test_a_whole_log_is_readable_to_its_end(log: bytes) -> None:
    assert readable_part(log) == Readable(len(log), len(log))


@pytest.mark.parametrize("end", ENDS)
def test_an_end_that_can_not_be_read_is_found_behind_the_last_whole_transaction(end: str) -> None:
    whole = NOTE + SET + BLOCK

    assert readable_part(whole + ENDS[end]).transactions == len(whole)


@pytest.mark.parametrize("end", ENDS)
@pytest.mark.parametrize("last", [1, 2])
def test_it_is_cut_off_with_a_copy_kept_and_said_in_words(directory: Path, tmp_path: Path, end: str, last: int) -> None:
    path = directory / f"appendonly.aof.{last}.incr.aof"
    before = path.read_bytes()
    path.write_bytes(before + ENDS[end])

    notice = cut_unreadable_end(directory, tmp_path / "damaged")

    assert path.read_bytes() == before
    [copy] = (tmp_path / "damaged").iterdir()
    assert copy.read_bytes() == before + ENDS[end]
    assert notice is not None
    assert f"{len(ENDS[end]):,} bytes" in notice
    assert str(copy) in notice
    assert cut_unreadable_end(directory, tmp_path / "damaged") is None


@pytest.mark.parametrize("hole", [b"\0" * 512, SET[:-9], b"noise" * 10])
@pytest.mark.parametrize("behind", ["the same file", "the next file"])
def test_whole_commands_behind_it_are_never_cut(directory: Path, tmp_path: Path, hole: bytes, behind: str) -> None:
    first, second = (directory / f"appendonly.aof.{number}.incr.aof" for number in (1, 2))
    good = first.stat().st_size
    first.write_bytes(first.read_bytes() + hole + (SET if behind == "the same file" else b""))
    second.write_bytes(SET if behind == "the next file" else b"")
    before = first.read_bytes(), second.read_bytes()

    with pytest.raises(ServerError, match=rf"(?s)byte {good} on, but whole commands .*truncate -s {good} '{first}'"):
        cut_unreadable_end(directory, tmp_path / "damaged")

    assert (first.read_bytes(), second.read_bytes()) == before
    assert not (tmp_path / "damaged").exists()


@pytest.mark.parametrize("manifest", ["", "7\n", None])
def test_without_a_manifest_nothing_is_touched(directory: Path, tmp_path: Path, manifest: str | None) -> None:
    path = directory / "appendonly.aof.manifest"
    if manifest is None:
        path.unlink()
    else:
        path.write_text(manifest)
    (directory / "appendonly.aof.1.incr.aof").write_bytes(SET + b"\0" * 10)

    assert cut_unreadable_end(directory, tmp_path / "damaged") is None
