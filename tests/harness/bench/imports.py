"""`python -m tests.harness bench imports`: how long a function's import takes, and on what.

No system is needed: each handler is imported in interpreters of their own, its .pyc files being there. On a machine
that is busy with something else only the processor time means anything.
"""

import re
import statistics
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from rich.console import Console

from local.settings import ROOT
from local.template import FunctionTemplate, read_template
from tests.harness.tables import table_of_figures

RUNS = 7
STAGE_BUDGET_MS = 250
FRONT_DOOR_BUDGET_MS = 700
SHOWN = 4

_LINE = re.compile(r"import time:\s+(\d+) \|\s+(\d+) \| +(\S+)")
_TIMED = """\
import time
wall, processor = time.perf_counter(), time.process_time()
import {module}
print((time.perf_counter() - wall) * 1e3, (time.process_time() - processor) * 1e3)
"""


class Taken(NamedTuple):
    """What one import took."""

    elapsed_ms: float
    processor_ms: float


@dataclass(frozen=True, slots=True)
class Row:
    """One function: the medians of several imports, and the packages that took most of one for themselves."""

    function: str
    budget_ms: int
    taken: Taken
    packages_ms: dict[str, float]


def main() -> int:
    """Measure and print; return the exit status, 1 when a function is beyond its budget."""
    rows = [measure(function) for function in read_template(ROOT / "template.yaml").functions]
    show(rows, Console())
    return int(any(row.taken.processor_ms > row.budget_ms for row in rows))


def measure(function: FunctionTemplate, runs: int = RUNS) -> Row:
    """Import a function's handler so many times, and once before, so that its .pyc files are there."""
    module = function.handler.rpartition(".")[0]
    by_package_us = break_down(module)
    taken = [time_import(module) for _ in range(runs)]
    return Row(
        function=function.name,
        budget_ms=STAGE_BUDGET_MS if function.event_source else FRONT_DOOR_BUDGET_MS,
        taken=Taken(*map(statistics.median, zip(*taken, strict=True))),
        packages_ms={name: us / 1e3 for name, us in by_package_us.most_common(SHOWN)},
    )


def time_import(module: str) -> Taken:
    """Return what the import of `module` takes in an interpreter of its own."""
    return Taken(*map(float, _run("-c", _TIMED.format(module=module)).stdout.split()))


def break_down(module: str) -> Counter[str]:
    """Return how many microseconds each package takes for itself when `module` is imported."""
    return read_import_times(_run("-X", "importtime", "-c", f"import {module}").stderr.splitlines(), module)


def read_import_times(lines: Iterable[str], module: str) -> Counter[str]:
    """Read what `-X importtime` wrote: a line for each module after those that it imported itself.

    What the interpreter needed to start stands before them and does not count. Raises ValueError when `module` was
    not imported.
    """
    by_package_us: Counter[str] = Counter()
    for line in lines:
        if found := _LINE.match(line):
            own_us, name = int(found[1]), found[3]
            package = name.partition(".")[0]
            by_package_us["python itself" if package in sys.stdlib_module_names else package] += own_us
            if name == "site":
                by_package_us.clear()
            if name == module:
                return by_package_us
    raise ValueError(f"{module} was not imported")


def show(rows: Iterable[Row], console: Console) -> None:
    """Print the rows for a person."""
    table = table_of_figures("ms to import", "elapsed", "processor", "budget")
    table.add_column("of it")
    for row in rows:
        packages = ", ".join(f"{name} {ms:.0f}" for name, ms in row.packages_ms.items())
        times = (f"{ms:.0f}" for ms in row.taken)
        table.add_row(row.function, *times, str(row.budget_ms), packages)
    console.print(table)


def _run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *arguments], cwd=ROOT, capture_output=True, encoding="utf-8", check=True)
