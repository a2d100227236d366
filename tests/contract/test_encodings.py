"""Whatever the locale: text is read and written in an encoding that is named, and a character never stops a program."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.settings import ROOT

PROGRAMS = sorted(
    path
    for directory in ("local", "functions", "layers")
    for path in (ROOT / directory).rglob("*.py")
    if ".venv" not in path.parts
)
ENTRIES = [
    "local/__main__.py",
    "local/run/poller.py",
    "local/gateway/__main__.py",
    "orderflow/event_source/__main__.py",
    "orderflow/event_source/dead_letters.py",
]


def calls_without_encoding(tree: ast.AST) -> Iterator[int]:
    """Yield the lines of calls that would go by the locale."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        named = {keyword.arg: keyword.value for keyword in node.keywords}
        words = [value.value for value in [*node.args, *named.values()] if isinstance(value, ast.Constant)]
        binary = any(isinstance(word, str) and "b" in word and set(word) <= set("rwaxb+") for word in words)
        reads = name == "read_text" and not node.args
        writes = name == "write_text" and len(node.args) < 2
        opens = name in ("open", "fdopen", "NamedTemporaryFile", "TemporaryFile") and not binary and _is_of_files(node)
        runs = any(getattr(named.get(word), "value", False) is True for word in ("text", "universal_newlines"))
        if (reads or writes or opens or runs) and "encoding" not in named:
            yield node.lineno


def _is_of_files(call: ast.Call) -> bool:
    """Say whether a call named `open` opens a file: others open sockets, clients and file descriptors."""
    receiver = call.func.value if isinstance(call.func, ast.Attribute) else None
    if receiver is None:
        return True
    if isinstance(receiver, ast.Name) and receiver.id in ("os", "tempfile", "io"):
        return not (receiver.id == "os" and isinstance(call.func, ast.Attribute) and call.func.attr == "open")
    mode = call.args[0] if call.args else ast.Constant("r")
    return isinstance(mode, ast.Constant) and isinstance(mode.value, str) and set(mode.value) <= set("rwaxbt+")


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_text_has_an_encoding_of_its_own(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))

    assert list(calls_without_encoding(tree)) == []


@pytest.mark.parametrize("entry", ENTRIES)
def test_every_program_can_print_what_its_terminal_has_no_character_for(entry: str) -> None:
    [path] = [path for path in PROGRAMS if path.as_posix().endswith(entry)]
    tree = ast.parse(path.read_text(encoding="utf-8"))

    [main] = [node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "main"]

    assert "print_whatever_the_locale" in ast.unparse(main.body[1])
