"""Every command line that is printed, in the documents and by the programs, against what takes it."""

import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from local.__main__ import make_parser
from orderflow.api_keys.__main__ import make_parser as make_api_keys_parser
from orderflow.event_source.dead_letters import make_parser as make_dead_letters_parser
from orderflow.migrate.__main__ import make_parser as make_migrate_parser
from tests.harness.__main__ import COMMANDS
from tests.harness.__main__ import make_parser as make_harness_parser

ROOT = Path(__file__).resolve().parents[2]
HISTORY = {ROOT / "CHANGELOG.md", ROOT / "docs" / "decisions.md"}  # they name commands, of their time
DOCUMENTS = sorted({*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md"), *(ROOT / "tests").rglob("README.md")} - HISTORY)
PROGRAMS = [
    *(ROOT / "local").rglob("*.py"),
    *(ROOT / "tests/harness").rglob("*.py"),
    *(ROOT / "local").rglob("*.sh"),
    ROOT / "Makefile",
]
MAKEFILE = (ROOT / "Makefile").read_text(encoding="utf-8")
TARGETS = set(re.findall(r"^([a-z-]+):", MAKEFILE, re.MULTILINE))
SETTINGS = {*re.findall(r"^SETTINGS := (.*)$", MAKEFILE, re.MULTILINE)[0].split(), "ARGS", "BASE_URL", "PYTHON"}


def command_lines(document: Path) -> Iterator[str]:
    """Yield what stands in a document as code and calls make or a program of ours, without its comment."""
    text = document.read_text(encoding="utf-8")
    blocks = re.findall(r"^ *```sh\n(.*?)```|((?:^ {4,}.*\n)+)", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for part in block for line in part.replace("\\\n", " ").splitlines()]
    lines += re.findall(r"`([^`\n]+)`", re.sub(r"```.*?```", "", text, flags=re.DOTALL))
    for line in lines:
        command = re.sub(r"^(?:export )?[A-Z_]+=\$\((.*)\)$", r"\1", line.partition(" #")[0].strip())
        if (
            re.match(r"([A-Z_]+=\S+ )*(make|\S*python -m \S+)( |$)", command)
            and "…" not in command.rpartition("make")[2]
        ):
            yield command


PRINTED = sorted({(path.relative_to(ROOT).as_posix(), line) for path in DOCUMENTS for line in command_lines(path)})


def check_make(words: list[str]) -> None:
    """Fail unless each word is a target, or sets what the Makefile knows; ARGS has to be what its command takes."""
    targets = [word for word in words if "=" not in word]
    assert set(targets) <= TARGETS
    given = dict(word.split("=", 1) for word in words if "=" in word)
    assert given.keys() <= SETTINGS
    if targets and targets[0] in COMMANDS:
        make_harness_parser(targets).parse_args([targets[0], *shlex.split(given.get("ARGS", ""))])


def check_ours(words: list[str]) -> None:
    """Fail unless `python -m local` takes the words."""
    make_parser(words).parse_args(words)


@pytest.mark.parametrize(("document", "line"), PRINTED)
def test_a_command_line_of_a_document_is_one_that_works_as_printed(document: str, line: str) -> None:
    words = shlex.split(line)
    while "=" in words[0]:
        words.pop(0)

    if words[0] == "make":
        check_make(words[1:])
    else:
        assert words[0] == ".venv/bin/python", "no other python has what it needs"
        if words[2] == "local":
            check_ours(words[3:])
        elif words[2] == "tests.harness":
            make_harness_parser(words[3:]).parse_args(words[3:])
        elif words[2] == "pytest":
            assert all((ROOT / word.partition("::")[0]).exists() for word in words[3:] if not word.startswith("-"))
        elif words[2] == "orderflow.migrate":
            make_migrate_parser().parse_args(words[3:])
        elif words[2] == "orderflow.api_keys":
            make_api_keys_parser().parse_args(words[3:])
        elif words[2] == "orderflow.event_source.dead_letters":
            make_dead_letters_parser().parse_args(words[3:])
        else:
            assert (ROOT / words[2].replace(".", "/")).with_suffix(".py").exists()


def test_command_lines_are_found() -> None:
    lines = [line for _, line in PRINTED]

    assert len(lines) > 25
    assert ".venv/bin/python -m local dead-letters redrive --all" in lines
    assert any(" -m orderflow.migrate --to " in line for line in lines)
    assert 'make chaos ARGS="--seconds 250"' in lines


def test_what_the_programs_say_to_make_is_a_target() -> None:
    said = {
        (path.name, target)
        for path in PROGRAMS
        for target in re.findall(r"[`(:] ?make ([a-z][a-z-]*)(?= |`|\))", path.read_text(encoding="utf-8"))
    }

    assert len(said) > 5
    assert {(name, target) for name, target in said if target not in TARGETS} == set()


@pytest.mark.parametrize("words", [[], ["list"], ["show", "--all"], ["redrive", "--all"], ["discard", "p0/1-0"]])
def test_whatever_dead_letters_announces_it_does(words: list[str]) -> None:
    check_ours(["dead-letters", *words])
    make_dead_letters_parser().parse_args(words)
