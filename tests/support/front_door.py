"""Requires of a system at any base URL what needs nothing else: the acceptance suites and the README's own lines."""

import asyncio
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from local.settings import ROOT
from orderflow.domain.lifecycle import COURSE
from tests.harness.acceptance import run_suites

README = ROOT / "README.md"
NPX = bool(shutil.which("npx")) or "CI" in os.environ  # Node.js; CI has it


def require_suite_holds(suite: str, base_url: str) -> None:
    """Fail unless an acceptance suite, run quickly, passes."""
    report = asyncio.run(run_suites(base_url, [suite], quick=True))

    assert report.failures == []
    assert report.passed


def require_readme_lines_work(base_url: str) -> None:
    """Fail unless each line of the README for a shell works as printed after the ones before it."""
    place, watch, wait, snipe, look_around = _blocks()

    printed = list(_documents(_run("\n".join([place, watch if NPX else "", wait, snipe, look_around]), base_url)))

    placed, *frames, waiting, cancelled, sniper, launches, quote, order, listed, tokens = printed
    assert placed["status"] == "pending"
    assert (waiting["order_type"], waiting["limit_price"]) == ("limit", "250")
    assert (cancelled["order_id"], cancelled["status"]) == (waiting["order_id"], "cancelled")
    assert (order["order_id"], order["status"]) == (waiting["order_id"], "cancelled")
    assert (sniper["order_type"], sniper["status"]) == ("sniper", "pending")
    assert "launches" in launches
    assert 210 < float(quote["price"]) < 230
    assert "orders" in listed
    # Those that are launched have the slot of their launch in their symbols.
    assert len([token for token in tokens["tokens"] if token["symbol"].isalpha()]) == 12
    if NPX:
        assert [frame["status"] for frame in frames] == list(COURSE)
        assert {frame["order_id"] for frame in frames} == {placed["order_id"]}
        assert 210 < frames[-1]["execution_price"] < 230


def _blocks() -> list[str]:
    """Return the README's blocks for a shell that talk to the running system."""
    found: list[str] = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    return [block for block in found if "localhost:3000/api" in block]


def _run(script: str, base_url: str) -> str:
    """Run lines in one shell, as pasted at a terminal, and return what they print."""
    here = ["sh", "-euc", script.replace("localhost:3000", urlsplit(base_url).netloc)]
    # As at a terminal, the input stays open: wscat leaves as soon as it ends.
    terminal, keyboard = os.pipe()
    environment = {name: value for name, value in os.environ.items() if name not in ("ANSWER", "ORDER_ID")}
    with os.fdopen(terminal) as stdin, os.fdopen(keyboard, "w"):
        done = subprocess.run(
            here, env=environment, stdin=stdin, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _documents(text: str) -> Iterator[Any]:
    """Yield the JSON objects in a text, whatever stands between them."""
    decoder, at = json.JSONDecoder(), 0
    while (at := text.find("{", at)) >= 0:
        document, at = decoder.raw_decode(text, at)
        yield document
