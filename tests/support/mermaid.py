"""Reads the mermaid pictures of the documents: text in, their arrows out."""

import re
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple


class Arrow(NamedTuple):
    """An arrow from one node to another, by their names in the text; its label is empty where there is none."""

    start: str
    end: str
    label: str = ""


def pictures(document: Path) -> dict[str, str]:
    """Return a document's pictures by the heading that each stands under, without their first line."""
    found: dict[str, str] = {}
    heading = ""
    for title, body in re.findall(r"^#+ (.*)$|^```mermaid\n.*\n((?:.*\n)*?)```$", document.read_text("utf-8"), re.M):
        heading = title or heading
        if body:
            found[heading] = body
    return found


def flow_arrows(picture: str) -> set[Arrow]:
    """Return the arrows of a flowchart; `a & b --> c` are two, and so are those of a node `ab["a, b"]`."""
    members = {name: text.split(", ") for name, text in re.findall(r'(\w+)\["(\w+(?:, \w+)+)"\]', picture)}
    return {
        Arrow(start, end, arrow.label)
        for line in picture.splitlines()
        for arrow in _flow_arrows(line)
        for start in members.get(arrow.start, [arrow.start])
        for end in members.get(arrow.end, [arrow.end])
    }


def state_arrows(picture: str) -> set[Arrow]:
    """Return the transitions of a state diagram; `[*]` is where it begins and ends."""
    lines = re.findall(r"^ *(\S+) --> (\S+?)(?: : (.*))?$", picture, re.M)
    return {Arrow(start, end, label) for start, end, label in lines}


def participants(picture: str) -> list[str]:
    """Return who takes part in a sequence diagram, from left to right."""
    return re.findall(r"^ *participant (\w+)", picture, re.M)


def _flow_arrows(line: str) -> Iterator[Arrow]:
    # Nodes and labels take turns: a -- "label" --> b --> c.
    parts = re.split(r' -- "([^"]*)" --> | --> ', line.strip())
    nodes = [re.findall(r"(\w+)(?:\[.*?\]|\(.*?\))?(?: & |$)", part or "") for part in parts[::2]]
    for (starts, ends), label in zip(pairwise(nodes), parts[1::2], strict=True):
        yield from (Arrow(start, end, label or "") for start in starts for end in ends)
