"""What is printed where the encoding lacks a character: something readable, and never an error."""

import os
import subprocess
import sys

import pytest

SAY = """
from orderflow.runtime.terminal import print_whatever_the_locale
import logging, sys

print_whatever_the_locale()
print("Migrating … SOL → USDC × 2 − 1 · “ok”, Zürich, \\udcff, 鈍")
logging.basicConfig(stream=sys.stdout)
logging.warning("… 鈍")
"""


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("ascii", 'Migrating ... SOL -> USDC x 2 - 1 - "ok", Z\\xfcrich, \\udcff, \\u920d'),
        ("iso8859-1", 'Migrating ... SOL -> USDC × 2 - 1 · "ok", Zürich, \\udcff, \\u920d'),
        ("utf-8", "Migrating … SOL → USDC × 2 − 1 · “ok”, Zürich, \\udcff, 鈍"),
    ],
)
def test_what_an_encoding_lacks_is_written_in_plain_characters(encoding: str, said: str) -> None:
    environment = os.environ | {"PYTHONIOENCODING": encoding, "PYTHONUTF8": "0"}

    done = subprocess.run([sys.executable, "-c", SAY], env=environment, capture_output=True)

    assert (done.returncode, done.stderr) == (0, b"")
    first, second = done.stdout.decode(encoding).splitlines()
    assert first == said
    assert second.startswith("WARNING:root:")
