"""What is wanted of the figures of a measurement, and whether they are so."""

from collections.abc import Sequence
from typing import NamedTuple

from rich.table import Table

from tests.harness.tables import table_of_figures


class Wanted(NamedTuple):
    """A figure, what is wanted of it, and whether it is so."""

    label: str
    wanted: str
    measured: str
    reached: bool


def table_of_wanted(figures: Sequence[Wanted]) -> Table:
    """Return a table in which what is missed is marked."""
    table = table_of_figures("what is wanted", "", "measured", "reached")
    for each in figures:
        table.add_row(each.label, each.wanted, each.measured, "yes" if each.reached else "[bold red]NO[/]")
    return table
