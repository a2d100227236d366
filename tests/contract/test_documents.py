"""The documents: every link leads somewhere, every decision has a number and a status, every word one meaning."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def tracked() -> list[Path]:
    """Return the files under version control and those that are about to be; without git, all that is not hidden."""
    if shutil.which("git") and (ROOT / ".git").exists():
        listed = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
        done = subprocess.run(listed, cwd=ROOT, capture_output=True, text=True, check=True)
        names = done.stdout.strip("\0").split("\0")
    else:
        names = [path.relative_to(ROOT).as_posix() for path in ROOT.rglob("*")]
        names = [name for name in names if not re.match(r"(\.(?!importlinter)|.*/__pycache__/)", name)]
    return [ROOT / name for name in names if (ROOT / name).is_file()]


FILES = tracked()
DOCUMENTS = [path for path in FILES if path.suffix == ".md"]
DECISIONS = (ROOT / "docs/decisions.md").read_text(encoding="utf-8")
GLOSSARY = (ROOT / "docs/glossary.md").read_text(encoding="utf-8")
HEADING = re.compile(
    r"^## (\d{4}) · (\d{4}-\d\d-\d\d) · (\S.*)\n\nStatus: (accepted|superseded by (\d{4}))\n\n\S", re.M
)

every_document = pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.relative_to(ROOT).as_posix())


def anchors(document: Path) -> set[str]:
    """Return the anchors that GitHub gives to a document's headings."""
    text = re.sub(r"^```.*?^```", "", document.read_text(encoding="utf-8"), flags=re.M | re.S)
    headings = re.findall(r"^#+ (.*)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links(document: Path) -> Iterator[str]:
    """Yield where a document's links lead, those to other places in the network left out."""
    for target in re.findall(r"\]\(([^)\s]+)\)", document.read_text(encoding="utf-8")):
        if "://" not in target:
            yield target


@every_document
def test_every_link_leads_somewhere(document: Path) -> None:
    lost = []
    for link in links(document):
        path, _, anchor = link.partition("#")
        target = (document.parent / path).resolve() if path else document
        known = target in FILES or any(target in file.parents for file in FILES)
        if not known or (anchor and anchor not in anchors(target)):
            lost.append(link)

    assert lost == []


def test_links_are_found() -> None:
    assert sum(1 for document in DOCUMENTS for _ in links(document)) > 10


def test_decisions_are_numbered_one_after_the_other_each_with_its_status() -> None:
    titles = re.findall(r"^## .*$", DECISIONS, re.M)
    decisions = HEADING.findall(DECISIONS)

    assert len(decisions) == len(titles) > 70, set(titles) - {
        f"## {n} · {day} · {title}" for n, day, title, *_ in decisions
    }
    assert [int(number) for number, *_ in decisions] == list(range(1, len(decisions) + 1))
    assert [day for _, day, *_ in decisions] == sorted(day for _, day, *_ in decisions)


def test_a_decision_is_superseded_by_a_later_one() -> None:
    numbers = {number for number, *_ in HEADING.findall(DECISIONS)}

    for number, *_, successor in HEADING.findall(DECISIONS):
        assert not successor or (successor in numbers and successor > number)


def test_every_decision_that_is_cited_exists() -> None:
    numbers = {number for number, *_ in HEADING.findall(DECISIONS)}
    cited = {
        (path.relative_to(ROOT).as_posix(), number)
        for path in FILES
        if path.suffix in {".lua", ".md", ".py", ".sh", ".toml", ".yaml"} and path != Path(__file__)
        for number in re.findall(r"\bdecisions? (\d+)\b", path.read_text(encoding="utf-8"), re.I)
    }

    assert len(cited) > 12
    assert {(path, number) for path, number in cited if number not in numbers} == set()


def test_a_word_of_the_glossary_stands_there_once() -> None:
    rows = re.findall(r"^\| (?!word )([a-z].*?) \|", GLOSSARY, re.M)
    words = [word for row in rows for word in re.sub(r" \(.*?\)", "", row).split(", ")]

    assert len(words) > 30
    assert sorted(words) == sorted(set(words))
