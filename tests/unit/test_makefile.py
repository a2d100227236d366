"""The Makefile, with a target more that prints what its programs would get."""

import os
import subprocess
from pathlib import Path

import pytest

from local.settings import ROOT

PRINTED = ("REDIS_URL", "DATABASE_URL", "ORDERFLOW_HOME", "X")
SHOW = f"""
show:
	@$(PREPARE); for name in {" ".join(PRINTED)}; do eval "printf '%s\\0' \\"\\$${{$$name-(none)}}\\""; done
show-args:
	@printf '%s\\0' $(ARGS)
show-base-url:
	@printf '%s\\0' $${{BASE_URL:+"$$BASE_URL"}}
"""
ODD = [
    "redis://:pa$word@host:1/0",
    "redis://:pa$$word@host:1/0",
    "$(shell echo hi)${HOME}`echo hi`",
    "a # b",
    "a 'b' \"c\" \\d \\",
    "ends in $",
    "100 % üñí, a,b;c",
    "~/x",
]


def make(directory: Path, *words: str, **environment: str) -> list[str]:
    more = directory / "more.mk"
    more.write_text(SHOW, encoding="utf-8")
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = ["make", "--no-print-directory", "-f", "Makefile", "-f", str(more), *words]
    done = subprocess.run(command, cwd=ROOT, env=kept | environment, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.decode().split("\0")[:-1]


@pytest.mark.parametrize("value", ODD)
@pytest.mark.parametrize("name", PRINTED)
def test_a_setting_on_its_line_arrives_as_it_was_given(tmp_path: Path, name: str, value: str) -> None:
    got = dict(zip(PRINTED, make(tmp_path, "show", f"{name}={value}"), strict=True))

    assert got == dict.fromkeys(PRINTED, "(none)") | {name: value}


@pytest.mark.parametrize("value", ODD)
def test_so_does_one_of_the_environment(tmp_path: Path, value: str) -> None:
    got = dict(zip(PRINTED, make(tmp_path, "show", REDIS_URL=value), strict=True))

    assert got["REDIS_URL"] == value


def test_one_on_its_line_goes_before_that_of_the_environment(tmp_path: Path) -> None:
    got = make(tmp_path, "show", "REDIS_URL=redis://:a$b@line", REDIS_URL="redis://:a$b@environment")

    assert got[0] == "redis://:a$b@line"


def test_an_empty_setting_counts_as_not_given(tmp_path: Path) -> None:
    assert make(tmp_path, "show", "REDIS_URL=", DATABASE_URL="")[:2] == ["(none)", "(none)"]


def test_arguments_are_the_shells_to_read(tmp_path: Path) -> None:
    assert make(tmp_path, "show-args", "ARGS=-k 'a or $b' \"$GREETING you\"", GREETING="hello") == [
        "-k",
        "a or $b",
        "hello you",
    ]


@pytest.mark.parametrize("value", ODD)
def test_the_address_of_a_system_arrives_as_it_was_given(tmp_path: Path, value: str) -> None:
    assert make(tmp_path, "show-base-url", f"BASE_URL={value}") == [value]
