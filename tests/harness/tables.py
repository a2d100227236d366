"""Tables for people: a label in the first column, figures in all others."""

from typing import Any

from rich.table import Table


def table_of_figures(*columns: str, **options: Any) -> Table:
    """Return an empty table with these columns, all but the first aligned to the right; `options` are rich's own."""
    table = Table(*columns, **options)
    for column in table.columns[1:]:
        column.justify = "right"
    return table
