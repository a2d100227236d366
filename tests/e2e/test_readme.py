"""The README's own curl and wscat lines, as they are printed, against the running system."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from urllib.parse import urlsplit

import pytest

README = Path(__file__).resolve().parents[2] / "README.md"


def commands(program: str) -> list[str]:
    """Return the README's commands that begin with `program`, continued lines joined."""
    blocks = re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)
    lines = "\n".join(blocks).replace("\\\n", " ").splitlines()
    return [line for line in lines if line.startswith(program)]


def shell(command: str, base_url: str, **variables: str) -> str:
    here = ["bash", "-ec", command.replace("localhost:3000", urlsplit(base_url).netloc)]
    # As at a terminal, the input stays open: wscat leaves as soon as it ends.
    terminal, keyboard = os.pipe()
    with os.fdopen(terminal) as stdin, os.fdopen(keyboard, "w"):
        done = subprocess.run(
            here, env=os.environ | variables, stdin=stdin, capture_output=True, text=True, timeout=120, check=False
        )
    assert done.returncode == 0, done.stderr
    return done.stdout


def place_order(base_url: str) -> str:
    [post, *_] = commands("curl -s http://localhost:3000/api/orders/execute")
    answer = json.loads(shell(post, base_url))
    assert answer["status"] == "pending"
    order_id: str = answer["order_id"]
    return order_id


@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not on this machine")
def test_every_curl_line_works_as_printed(base_url: str) -> None:
    order_id = place_order(base_url)
    answers = {line: json.loads(shell(line, base_url, ORDER_ID=order_id)) for line in commands("curl")}

    by_path = {line.split("localhost:3000")[1].split("?")[0].strip("'\" "): answer for line, answer in answers.items()}
    assert len(answers) == 5
    assert by_path["/api/orders/$ORDER_ID"]["order_id"] == order_id
    assert 210 < float(by_path["/api/quote"]["price"]) < 230
    assert len(by_path["/api/tokens"]["tokens"]) == 12


@pytest.mark.skipif(
    not shutil.which("npx") and "CI" not in os.environ, reason="npx (Node.js) is not on this machine; CI has it"
)
def test_the_wscat_line_shows_the_five_statuses(base_url: str) -> None:
    order_id = place_order(base_url)
    [watch] = commands("npx --yes wscat")

    output = shell(watch, base_url, ORDER_ID=order_id)

    frames = [json.loads(line) for line in re.findall(r"\{.*\}", output)]
    assert [frame["status"] for frame in frames] == ["pending", "routing", "building", "submitted", "confirmed"]
    assert 210 < frames[-1]["execution_price"] < 230
