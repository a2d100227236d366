"""`python -m tests.harness bench --against REF`: the figures of this tree and of another commit, measured in turn.

Machines are shared and noisy, so only a ratio of runs that alternate says what a change has cost. The driver, Redis and
Postgres are this tree's for both; the other commit's code runs with this tree's environment, so both need the same
packages.
"""

import statistics
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

from local.settings import ROOT
from orderflow.errors import OrderflowError
from tests.harness.bench.figures import figures_of
from tests.harness.bench.report import BenchResult
from tests.harness.tables import table_of_figures


class NoSuchTreeError(OrderflowError):
    """The commit to measure against can't be had."""


@dataclass(frozen=True, slots=True)
class Pair:
    """One run of each, one after the other."""

    other: BenchResult
    this: BenchResult


@contextmanager
def tree_of(ref: str, root: Path = ROOT) -> Iterator[Path]:
    """Lend a directory with the files of a commit. Raises NoSuchTreeError when git can't say what they are."""
    try:
        archive = subprocess.run(["git", "archive", "--format=tar", ref], cwd=root, capture_output=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        said = getattr(error, "stderr", b"").decode(errors="replace").strip()
        raise NoSuchTreeError(f"{ref} can't be measured against: {said or error}") from error
    with tempfile.TemporaryDirectory(prefix="orderflow-tree-") as directory:
        subprocess.run(["tar", "-x", "-C", directory], input=archive.stdout, check=True)
        yield Path(directory)


def run_pairs(repeat: int, other: Callable[[], BenchResult], this: Callable[[], BenchResult]) -> Iterator[Pair]:
    """Measure both `repeat` times, each first in every other pair, so that no drift of the machine favours one."""
    for number in range(repeat):
        if number % 2:
            mine = this()
            yield Pair(other(), mine)
        else:
            theirs = other()
            yield Pair(theirs, this())


@dataclass(frozen=True, slots=True)
class Comparison:
    """A figure of both: the medians, the ratio of this to the other one (of the medians), and that of each pair."""

    label: str
    other: float
    this: float
    ratio: float
    ratios: tuple[float, ...]


def compare(pairs: Sequence[Pair]) -> list[Comparison]:
    """Return every figure that both have."""
    figures = figures_of([result for pair in pairs for result in (pair.other, pair.this)])
    return [
        comparison
        for label, figure in figures.items()
        if (comparison := _compare(label, [(figure(pair.other), figure(pair.this)) for pair in pairs])) is not None
    ]


def _compare(label: str, figures: Sequence[tuple[float, float]]) -> Comparison | None:
    if not all(other and this for other, this in figures):
        return None
    other, this = (statistics.median(each) for each in zip(*figures, strict=True))
    return Comparison(label, other, this, this / other, tuple(mine / theirs for theirs, mine in figures))


def show(other: str, comparisons: Sequence[Comparison], console: Console, this: str = "this tree") -> None:
    """Print the figures of both side by side, under what each of them is called."""
    console.print(_table(other, this, comparisons))


def _table(other: str, this: str, comparisons: Sequence[Comparison]) -> Table:
    table = table_of_figures("medians", other, this, "ratio", "of the pairs")
    for each in comparisons:
        range_of_pairs = f"{min(each.ratios):.3f} – {max(each.ratios):.3f}"
        table.add_row(each.label, f"{each.other:,.1f}", f"{each.this:,.1f}", f"{each.ratio:.3f}", range_of_pairs)
    return table
