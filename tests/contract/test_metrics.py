"""The table of metrics against the code that writes them: no other is written, and each of them is."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from orderflow.runtime.metrics import METRICS, Metric, prometheus_name

ROOT = Path(__file__).parents[2]
TABLE = ROOT / "layers/orderflow/orderflow/runtime/metrics.py"
SOURCES = [
    ast.parse(path.read_text(encoding="utf-8"))
    for folder in ("functions", "layers/orderflow/orderflow", "local")
    for path in (ROOT / folder).rglob("*.py")
    if path != TABLE
]
BY_NAME, BY_MAPPING = {"Values", "record", "_count"}, {"Done", "count", "count_events"}
"""What takes a metric's name as its first argument, and what takes values by the names of their metrics."""


def names_in(name: str, arguments: list[ast.expr]) -> Iterator[ast.expr | None]:
    """Yield what stands for metrics in a call."""
    if name == "Refusals":
        yield from arguments[1:] or [ast.Constant("refused")]  # its message, or its usual one
    elif name in BY_NAME:
        yield arguments[0]
    elif name in BY_MAPPING:
        yield from (key for argument in arguments if isinstance(argument, ast.Dict) for key in argument.keys)


def written() -> Iterator[str]:
    """Yield the metrics that calls in the code name outright."""
    for node in (node for source in SOURCES for node in ast.walk(source)):
        match node:
            case ast.Call(ast.Name(name) | ast.Attribute(attr=name), arguments):
                constants = [each for each in names_in(name, arguments) if isinstance(each, ast.Constant)]
                yield from (each.value for each in constants if isinstance(each.value, str))


def test_what_is_written_by_name_is_in_the_table() -> None:
    names = set(written())

    assert {"refused", "too many requests", "stale", "retries", "lag", "slot"} <= names
    assert names - METRICS.keys() == set()


def test_what_is_in_the_table_is_written_somewhere() -> None:
    constants = {
        node.value
        for source in SOURCES
        for node in ast.walk(source)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }

    assert METRICS.keys() - constants == set()


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_each_has_its_row_in_the_document(metric: Metric) -> None:
    document = (ROOT / "docs/operations.md").read_text(encoding="utf-8")
    _, _, after = document.partition("| metric of Prometheus |")
    table, _, _ = after.partition("\n\n")
    name = prometheus_name(metric)

    # Those of one kind stand in one row, without what all names have in common.
    assert f"`{name}`" in table or f"`{name.removeprefix('orderflow_').removesuffix('_total')}`" in table
