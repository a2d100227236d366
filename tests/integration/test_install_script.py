"""local/setup/install.sh: of two at the same time one waits, and one that died in between delays no other."""

import hashlib
import os
import shutil
import signal
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from local.settings import ROOT

Install = Callable[[], subprocess.Popen[str]]

DONE_S = 60.0


def locked(directory: Path, name: str, metadata: str = "", version: str = "1.0") -> str:
    """Put a wheel without any code into `directory`, and return its entry in a lock file."""
    wheel = directory / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"{name}.py", "")
        archive.writestr(
            f"{name}-{version}.dist-info/METADATA",
            f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{metadata}",
        )
        archive.writestr(f"{name}-{version}.dist-info/WHEEL", "Wheel-Version: 1.0\nGenerator: t\nTag: py3-none-any\n")
        archive.writestr(f"{name}-{version}.dist-info/RECORD", "")
    return f"{name}=={version} --hash=sha256:{hashlib.sha256(wheel.read_bytes()).hexdigest()}"


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """Lend a directory with the script, a lock file of one tiny package, and a Python that waits for the test."""
    (tmp_path / "local/setup").mkdir(parents=True)
    for name in ("install.sh", "mutex.sh"):
        shutil.copy(ROOT / "local/setup" / name, tmp_path / "local/setup")
    (tmp_path / "requirements.txt").write_text(f"--no-index\n--find-links .\n{locked(tmp_path, 'tiny')}\n")
    python = tmp_path / "python"
    python.write_text(
        f'#!/bin/sh\nif [ "$2" = venv ]; then echo >>makings; until [ -e go ]; do sleep 0.05; done; fi\n'
        f'exec {sys.executable} "$@"\n'
    )
    python.chmod(0o755)
    return tmp_path


@pytest.fixture
def install(directory: Path) -> Iterator[Install]:
    """Lend a way to start the script in a process group of its own."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        with (directory / f"said-{len(started)}").open("w") as said:
            started.append(
                subprocess.Popen(
                    ["sh", "local/setup/install.sh", ".venv", "requirements.txt", "5"],
                    cwd=directory,
                    env={"PATH": os.environ["PATH"], "HOME": str(directory), "PYTHON": str(directory / "python")},
                    stdout=said,
                    stderr=subprocess.STDOUT,
                    text=True,
                    start_new_session=True,
                )
            )
        return started[-1]

    yield start
    for process in started:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def eventually(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DONE_S
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def lines(path: Path) -> int:
    return path.read_text().count("\n") if path.exists() else 0


def is_installed(directory: Path) -> bool:
    imported = subprocess.run([directory / ".venv/bin/python", "-c", "import tiny"], check=False)
    left = [path.name for path in directory.glob(".venv.installing*")] + list(directory.glob(".venv/.installing"))
    return imported.returncode == 0 and left == []


def test_of_two_at_the_same_time_the_second_waits_and_does_not_do_it_again(directory: Path, install: Install) -> None:
    first = install()
    eventually(lambda: lines(directory / "makings") == 1)
    second = install()
    eventually(lambda: "waiting for it" in (directory / "said-1").read_text())

    (directory / "go").touch()

    assert (first.wait(DONE_S), second.wait(DONE_S)) == (0, 0), (directory / "said-1").read_text()
    assert is_installed(directory)
    assert lines(directory / "makings") == 1
    assert (directory / "said-1").read_text() == f"Process {first.pid} is installing into .venv; waiting for it …\n"


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGINT], ids=lambda number: number.name)
def test_an_installation_that_was_ended_is_done_by_the_one_that_waits(
    number: signal.Signals, directory: Path, install: Install
) -> None:
    first = install()
    eventually(lambda: lines(directory / "makings") == 1)
    second = install()
    eventually(lambda: "waiting for it" in (directory / "said-1").read_text())

    os.killpg(first.pid, number)
    first.wait(DONE_S)
    eventually(lambda: lines(directory / "makings") == 2)
    (directory / "go").touch()

    assert second.wait(DONE_S) == 0
    assert is_installed(directory)


def test_many_that_find_the_lock_of_a_dead_process_still_take_turns(directory: Path, install: Install) -> None:
    (directory / "go").touch()
    with subprocess.Popen(["true"]) as dead:
        dead.wait()
    (directory / ".venv.installing").symlink_to(f"{dead.pid} Mon_Nov_23_10:00:00_2026_")

    several = [install() for _ in range(4)]

    assert [each.wait(DONE_S) for each in several] == [0] * 4
    assert lines(directory / "makings") == 1
    assert is_installed(directory)


def test_a_later_process_with_the_number_of_a_dead_one_is_not_waited_for(directory: Path, install: Install) -> None:
    (directory / "go").touch()
    (directory / ".venv.installing").symlink_to(f"{os.getpid()} Mon_Nov_23_10:00:00_2026_")

    assert install().wait(DONE_S) == 0
    assert is_installed(directory)


def test_an_installation_that_fails_leaves_the_next_to_try_itself(directory: Path, install: Install) -> None:
    (directory / "go").touch()
    wheel = directory / "tiny-1.0-py3-none-any.whl"
    wheel.rename(directory / "elsewhere")
    assert install().wait(DONE_S) == 1

    (directory / "elsewhere").rename(wheel)

    assert install().wait(DONE_S) == 0
    assert is_installed(directory)


def test_a_package_that_another_asks_for_with_an_extra_stays_at_the_version_of_the_lock_file(
    directory: Path, install: Install
) -> None:
    extra = "Provides-Extra: more\nRequires-Dist: third; extra == 'more'\n"
    entries = [
        locked(directory, "asks", "Requires-Dist: other[more]>=1\n"),
        locked(directory, "other", extra),
        locked(directory, "third"),
    ]
    locked(directory, "other", extra, version="2.0")  # published since
    (directory / "requirements.txt").write_text("\n".join(["--no-index", "--find-links .", *entries, ""]))
    (directory / "go").touch()

    script = install()

    assert script.wait(DONE_S) == 0, (directory / "said-0").read_text()
    site = next((directory / ".venv").glob("lib/python*/site-packages"))
    assert {"asks-1.0.dist-info", "other-1.0.dist-info", "third-1.0.dist-info"} <= {
        path.name for path in site.iterdir()
    }
