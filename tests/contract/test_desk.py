"""The desk's page: its files need no build step, no other host and nothing that its policy forbids, and are small."""

import hashlib
import re
from pathlib import Path

import pytest

from functions.serve_desk.app import PAGE
from functions.serve_desk.page_files import read_page_files

FILES = {path.name: path for path in PAGE.iterdir()}
CHARTS, LICENCE = VENDORED = ("lightweight-charts.js", "lightweight-charts.licence.txt")
CHARTS_SHA256 = "a7d4221516c7ea0bb0cc17d605df8848c1c748517a2ca43c2ce1a95ddb159006"
"""Of the file in the wheel that local/setup/requirements-vendored.txt pins; `make vendored` takes it from there."""
OURS = {name: path.read_text(encoding="utf-8") for name, path in FILES.items() if name not in VENDORED}
SCRIPTS = {name: text for name, text in OURS.items() if name.endswith(".js")}
FIRST_PAINT_BYTES = 150_000
# A namespace, and the link that the chart library's licence asks for.
NAMED_ELSEWHERE = {"http://www.w3.org/2000/svg", "https://www.tradingview.com/"}
FORBIDDEN = re.compile(
    r"\b(innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|srcdoc|DOMParser|"
    r"createContextualFragment|setHTMLUnsafe|importScripts|localhost)|\bstyle:|setAttribute\(.style.|javascript:"
)

every_script = pytest.mark.parametrize("name", sorted(SCRIPTS))


def imported(text: str) -> set[str]:
    """Return what a module imports, when it is loaded or later."""
    static = re.findall(r'^\s*(?:import|export)\b[^;]*?\bfrom\s+"([^"]+)"|^import\s+"([^"]+)"', text, re.M)
    return {name for pair in static for name in pair if name} | set(re.findall(r'\bimport\(\s*"([^"]+)"', text))


def linked() -> set[str]:
    """Return the files that index.html names."""
    return set(re.findall(r'(?:src|href)="/desk/\{version\}/([^"]+)"', OURS["index.html"]))


def test_every_file_can_be_served() -> None:
    page = read_page_files(PAGE, {})

    assert page.files.keys() | {"index.html"} == FILES.keys()


@every_script
def test_a_script_imports_files_of_the_page_by_their_names(name: str) -> None:
    assert {module.removeprefix("./") for module in imported(SCRIPTS[name])} <= FILES.keys()
    assert {module[:2] for module in imported(SCRIPTS[name])} <= {"./"}


def test_no_file_lies_there_for_nothing() -> None:
    used = linked() | {module.removeprefix("./") for text in SCRIPTS.values() for module in imported(text)}

    assert {"desk.js", "trade.js", "market.css", CHARTS} <= used
    assert FILES.keys() - used == {"index.html", LICENCE}


@pytest.mark.parametrize("name", sorted(OURS))
def test_a_file_names_no_other_host(name: str) -> None:
    assert set(re.findall(r"https?://[^\s\"'`)<>]*", OURS[name])) <= NAMED_ELSEWHERE


@every_script
def test_a_script_makes_no_markup_or_code_of_strings(name: str) -> None:
    assert FORBIDDEN.findall(SCRIPTS[name]) == []


def test_the_page_has_nothing_inline() -> None:
    page = OURS["index.html"]

    assert re.findall(r"<script(?![^>]*\bsrc=)|<style|\sstyle=|\son[a-z]+=", page) == []
    for name in ("{version}", "{socket_url}", "{auth}"):
        assert name in page


def test_the_first_view_is_little_to_load() -> None:
    """All that is ours counts, though each view is loaded when it is shown; the chart library is Market's alone."""
    page = read_page_files(PAGE, {})

    sent = {name: len(each.compressed or each.body) for name, each in page.files.items() if name not in VENDORED}
    assert sum(sent.values()) + len(page.page.compressed or page.page.body) <= FIRST_PAINT_BYTES, sent
    assert "lightweight-charts.js" not in linked()


def test_the_chart_library_is_whole_unchanged_and_under_its_licence() -> None:
    library, licence = FILES[CHARTS].read_bytes(), FILES[LICENCE].read_text(encoding="utf-8")

    assert hashlib.sha256(library).hexdigest() == CHARTS_SHA256
    (version,) = re.findall(rb"TradingView Lightweight Charts\S+ v([\d.]+)", library)
    assert f"Lightweight Charts {version.decode()}, unchanged" in licence
    assert "Copyright (c) 2023 TradingView, Inc. https://www.tradingview.com/" in licence
    assert "Apache License" in licence
    assert "END OF TERMS AND CONDITIONS" in licence


def test_what_is_built_of_the_page_is_built_again_when_it_changes() -> None:
    makefile = (Path(__file__).parents[2] / "Makefile").read_text(encoding="utf-8")

    (built,) = re.findall(r"^\.aws-sam/\.built:.*", makefile, re.M)
    assert "-path '*/page/*'" in built
