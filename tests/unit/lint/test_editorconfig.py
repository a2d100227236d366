"""The check of .editorconfig's properties: each way to differ is found, with its line."""

from pathlib import Path

import pytest

from tests.lint.editorconfig import findings

PROPERTIES = {
    "charset": "utf-8",
    "end_of_line": "lf",
    "insert_final_newline": "true",
    "trim_trailing_whitespace": "true",
    "indent_style": "space",
    "max_line_length": "20",
}


@pytest.mark.parametrize(
    ("content", "found"),
    [
        (b"one\ntwo", "2: no newline at the end"),
        (b"one \ntwo\n", "1: whitespace at the end"),
        (b"one\n\ttwo\n", "2: not indented with spaces"),
        (b"one\n" + b"x" * 21 + b"\n", "2: 21 characters, 20 are allowed"),
        (b"one\r\n", "1: another line end than lf"),
        (b"\xef\xbb\xbfone\n", "1: has a byte order mark"),
        (b"\xff\n", "1: is not UTF-8"),
    ],
)
def test_a_difference_is_found(tmp_path: Path, content: bytes, found: str) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert list(findings(path, PROPERTIES)) == [f"{path}:{found}"]


@pytest.mark.parametrize("content", [b"", b"one\n  two\n", "20 → characters ↑↑↑\n".encode(), b"\0 binary \n"])
def test_what_is_as_it_should_be_is_left_alone(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "file"
    path.write_bytes(content)

    assert list(findings(path, PROPERTIES)) == []


def test_what_has_no_property_is_not_held_to_it(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"\tone \n" + b"x" * 200)

    assert list(findings(path, {})) == []


def test_a_makefile_is_indented_with_tabs(tmp_path: Path) -> None:
    path = tmp_path / "Makefile"
    path.write_bytes(b"all:\n\tone\n        two\n")

    assert list(findings(path, {"indent_style": "tab"})) == [f"{path}:3: not indented with tabs"]
