"""A copy of the tree in which one file at a time is made wrong, and the tests that should notice."""

import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYTEST = [f"{ROOT}/.venv/bin/python", "-m", "pytest", "--exitfirst", "-p", "no:cacheprovider"]
BASELINE_S = 300.0


@contextmanager
def copied_tree() -> Iterator[Path]:
    """Lend a copy of what git would commit, as the working directory, whose packages are the ones that get imported."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=True,
    )
    with tempfile.TemporaryDirectory(prefix="mutants-") as directory:
        tree = Path(directory)
        for name in filter(None, listed.stdout.decode().split("\0")):
            if (ROOT / name).is_file():
                (tree / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, tree / name)
        # They come before what the editable installation names. Each mutant gets the same examples.
        os.environ["PYTHONPATH"] = f"{tree}:{tree}/layers/orderflow"
        os.environ["CI"] = os.environ["ORDERFLOW_MUTANT"] = "1"
        # A file that is changed twice within a second could pass for the one that was compiled.
        os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        os.chdir(tree)
        try:
            yield tree
        finally:
            os.chdir(ROOT)


class Trial:
    """Some tests, against a file of the copy that is made wrong in one way after the other."""

    def __init__(self, file: Path, tests: list[str]) -> None:
        self._file, self._command = file, [*PYTEST, *tests]
        self._patience_s = BASELINE_S
        self.right = file.read_text(encoding="utf-8")

    def start(self) -> None:
        """Exit with the reason unless the tests pass as things are, and fail when nothing of the file is there."""
        began = time.monotonic()
        passed, output = self._run()
        if not passed:
            sys.exit(f"Without a mutant these tests fail: {shlex.join(self._command)}\n{output[-3000:]}")
        self._patience_s = 10 + 3 * (time.monotonic() - began)
        if not self.finds("this is neither Python nor Lua"):
            sys.exit(f"These tests don't read {self._file}: {shlex.join(self._command)}")

    def finds(self, wrong: str) -> bool:
        """Return whether the tests fail, or don't end in time, with the file's text replaced."""
        self._file.write_text(wrong, encoding="utf-8")
        try:
            return not self._run()[0]
        finally:
            self._file.write_text(self.right, encoding="utf-8")

    def _run(self) -> tuple[bool, str]:
        """Run the tests; return whether they passed, and what they printed."""
        with subprocess.Popen(
            self._command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, start_new_session=True
        ) as process:
            try:
                output, _ = process.communicate(timeout=self._patience_s)
            except subprocess.TimeoutExpired:
                return False, "They took too long."
            finally:
                _end(process)
        return process.returncode == 0, output.decode(errors="replace")


def _end(process: "subprocess.Popen[bytes]") -> None:
    """End tests that are still running, so that they stop the servers that they started, which would outlive them."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            process.communicate(timeout=20)
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
