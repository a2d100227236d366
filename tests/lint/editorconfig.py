"""Check that files are as .editorconfig says: `python -m tests.lint.editorconfig`. Python's are ruff's to check.

The checkers that there are for it fetch a program when they are installed, which no hash in a lock file covers.
"""

import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from editorconfig import get_properties

from tests.lint.tracked import tracked_files

_LINE_ENDS = {"lf": b"\n", "crlf": b"\r\n"}
_WRONG_INDENT = {"space": re.compile(" *\t"), "tab": re.compile("\t* ")}


def findings(path: Path, properties: Mapping[str, str]) -> Iterator[str]:
    """Yield how a file differs from its properties, as FILE:LINE: what."""
    content = path.read_bytes()
    if b"\0" in content:
        return
    try:
        text = content.decode()
    except UnicodeDecodeError:
        yield f"{path}:1: is not UTF-8"
        return
    if content.startswith(b"\xef\xbb\xbf"):
        yield f"{path}:1: has a byte order mark"
    end = _LINE_ENDS[properties.get("end_of_line", "lf")].decode()
    lines = text.split(end)
    if properties.get("insert_final_newline") == "true" and text and lines[-1]:
        yield f"{path}:{len(lines)}: no newline at the end"
    indent = _WRONG_INDENT.get(properties.get("indent_style", ""))
    longest = properties.get("max_line_length", "off")
    for number, line in enumerate(lines, 1):
        if "\r" in line:
            yield f"{path}:{number}: another line end than {properties['end_of_line']}"
        if properties.get("trim_trailing_whitespace") == "true" and line != line.rstrip(" \t"):
            yield f"{path}:{number}: whitespace at the end"
        if indent and indent.match(line):
            yield f"{path}:{number}: not indented with {properties['indent_style']}s"
        if longest.isdigit() and len(line) > int(longest):
            yield f"{path}:{number}: {len(line)} characters, {longest} are allowed"


def main() -> int:
    found = [
        finding for path in tracked_files(":!*.py") for finding in findings(path, get_properties(str(path.absolute())))
    ]
    for finding in found:
        print(finding)
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
