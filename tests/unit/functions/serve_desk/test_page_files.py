"""The page's files as they are read: what is filled in, what is compressed, and what their version depends on."""

import gzip
from pathlib import Path

import pytest

from functions.serve_desk.page_files import read_page_files
from orderflow.errors import ConfigurationError

INDEX = '<meta content="{socket_url}"><meta content="{auth}"><script src="/desk/{version}/desk.js"></script>\n'
KNOWN = {"auth": "keys", "socket_url": "wss://sockets.example.com"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Lend a page of an index and a script."""
    (tmp_path / "index.html").write_text(INDEX, encoding="utf-8")
    (tmp_path / "desk.js").write_text("let a = 1;\n" * 100, encoding="utf-8")
    return tmp_path


def test_the_page_knows_its_version_and_what_it_is_given(folder: Path) -> None:
    page = read_page_files(folder, KNOWN)

    assert page.page.body.decode() == (
        '<meta content="wss://sockets.example.com"><meta content="keys">'
        f'<script src="/desk/{page.version}/desk.js"></script>\n'
    )
    assert page.page.media_type == "text/html; charset=utf-8"
    assert page.files.keys() == {"desk.js"}


def test_what_is_filled_in_stays_in_its_attribute(folder: Path) -> None:
    page = read_page_files(folder, {"auth": '"><script>', "socket_url": ""})

    assert b'<meta content="&quot;&gt;&lt;script&gt;">' in page.page.body


def test_a_file_is_compressed_where_that_is_shorter(folder: Path) -> None:
    (folder / "icon.png").write_bytes(b"\x89PNG")

    files = read_page_files(folder, KNOWN).files

    assert gzip.decompress(files["desk.js"].compressed or b"") == files["desk.js"].body
    assert files["icon.png"].compressed is None


def test_the_version_is_another_when_any_file_has_changed_and_else_the_same(folder: Path) -> None:
    versions = [read_page_files(folder, KNOWN).version, read_page_files(folder, {}).version]
    (folder / "desk.js").write_text("let a = 2;\n" * 100, encoding="utf-8")
    versions.append(read_page_files(folder, KNOWN).version)
    (folder / "desk.js").rename(folder / "desk2.js")
    versions.append(read_page_files(folder, KNOWN).version)
    (folder / "index.html").write_text(f"<!doctype html>{INDEX}", encoding="utf-8")
    versions.append(read_page_files(folder, KNOWN).version)

    assert [len(version) for version in versions] == [12] * 5
    assert versions[0] == versions[1]
    assert len(set(versions[1:])) == 4


def test_a_tag_depends_on_the_content_as_it_is_sent(folder: Path) -> None:
    tags = {read_page_files(folder, {"auth": auth}).page.tag for auth in ("open", "keys", "open")}

    assert len(tags) == 2


@pytest.mark.parametrize("name", ["Desk.js", "desk js.js", "desk.exe", "desk", "ü.js"])
def test_a_file_that_can_t_be_served_is_found_at_the_start(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"x")

    with pytest.raises(ConfigurationError, match="can't be served"):
        read_page_files(folder, KNOWN)
