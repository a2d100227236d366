"""`python -m local watch` as a person uses it: any order, the key that cancels it, Ctrl-C, and no terminal."""

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.request import urlopen

WATCH = [sys.executable, "-m", "local", "watch", "--base-url"]
RESTS = ["--type", "limit", "--limit-price", "100000", "--expires-in", "60"]
IN_A_TERMINAL = [
    *(sys.executable, "-c"),
    "import os, pty, sys; sys.exit(os.waitstatus_to_exitcode(pty.spawn(sys.argv[1:])))",
]
"""Runs a command in a terminal of its own, whose keys are this process' input."""
CTRL_C = b"\x03"


@contextmanager
def watching(base_url: str, *options: str, keys: bool = True) -> Iterator["subprocess.Popen[bytes]"]:
    """Lend the command while it watches, in a terminal if it is to have `keys`."""
    command = [*(IN_A_TERMINAL if keys else ()), *WATCH, base_url, *options]
    stdin = subprocess.PIPE if keys else subprocess.DEVNULL
    with subprocess.Popen(command, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        try:
            yield process
        finally:
            process.kill()


def lines_up_to(process: "subprocess.Popen[bytes]", word: str) -> str:
    """Return what is printed until a line has a word in it."""
    assert process.stdout is not None
    said = ""
    while word not in said.rpartition("\n")[0].rpartition("\n")[2]:
        line = process.stdout.readline().decode()
        assert line, said
        said += line.replace("\r\n", "\n")
    return said


def press(process: "subprocess.Popen[bytes]", key: bytes) -> None:
    assert process.stdin is not None
    process.stdin.write(key)
    process.stdin.flush()


def order_of(base_url: str, said: str) -> Any:
    order_id = said.partition("accepted    order ")[2].partition("\n")[0]
    with urlopen(f"{base_url}/api/orders/{order_id}", timeout=10) as answer:
        return json.load(answer)


def test_a_key_cancels_the_order_that_is_watched(base_url: str) -> None:
    with watching(base_url, *RESTS) as process:
        said = lines_up_to(process, "  open ")
        press(process, b"xc")
        said += lines_up_to(process, "  cancelled ")
        status = process.wait(20)

    assert "limit order: 1.5 SOL → USDC, limit price 100000, expires in 60; at " in said
    assert "c cancels the order" in said
    assert status == 1
    assert order_of(base_url, said)["status"] == "cancelled"


def test_ctrl_c_leaves_the_order_and_the_terminal_as_they_are(base_url: str) -> None:
    with watching(base_url, *RESTS) as process:
        said = lines_up_to(process, "  open ")
        press(process, CTRL_C)
        status = process.wait(20)

    assert status == 130
    assert order_of(base_url, said)["status"] == "open"


def test_without_a_terminal_it_is_watched_all_the_same(base_url: str) -> None:
    with watching(base_url, "--amount", "0.01", keys=False) as process:
        said = lines_up_to(process, "  confirmed ")
        status = process.wait(20)

    assert "cancels the order" not in said
    assert status == 0


def test_an_order_that_exists_is_watched_and_cancelled_too(base_url: str) -> None:
    with watching(base_url, *RESTS, keys=False) as placing:
        said = lines_up_to(placing, "  open ")
    order_id = order_of(base_url, said)["order_id"]

    with watching(base_url, "--order", order_id) as process:
        lines_up_to(process, "  open ")
        press(process, b"c")
        last = lines_up_to(process, "  cancelled ")
        status = process.wait(20)

    assert "0.000000000 SOL filled for 0.000000 USDC" in last
    assert status == 1
