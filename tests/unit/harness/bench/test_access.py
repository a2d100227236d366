"""bench/access.py: what is wanted of the figures with keys, against those without."""

import io

import pytest
from rich.console import Console

from tests.harness.bench import access
from tests.harness.bench.access import AccessResult, wanted
from tests.harness.bench.against import Comparison

GOOD = dict.fromkeys(access.WANTED, 1.0)


def result(ratios: dict[str, float], clean: bool = True) -> AccessResult:
    """Return what three pairs came to, the others of which are far off on both sides."""
    comparisons = [Comparison(label, 1.0, ratio, ratio, (0.1, ratio, 9.0)) for label, ratio in ratios.items()]
    return AccessResult(comparisons, clean)


@pytest.mark.parametrize(
    ("label", "ratio", "reached"),
    [
        ("end-to-end orders per second", 0.91, True),
        ("end-to-end orders per second", 0.89, False),
        ("end-to-end orders per second", 1.5, True),
        ("processor time, µs an order", 1.09, True),
        ("processor time, µs an order", 1.11, False),
        ("→ confirmed, unloaded, p50 ms", 1.11, False),
        ("→ confirmed, p50 ms", 0.5, True),
    ],
)
def test_a_figure_may_be_a_tenth_worse_with_keys_and_better_by_any_amount(
    label: str, ratio: float, reached: bool
) -> None:
    found = result(GOOD | {label: ratio})

    assert {each.label: each.reached for each in wanted(found)} == dict.fromkeys(GOOD, True) | {label: reached}
    assert found.reached is reached


def test_what_was_not_measured_is_not_reached_and_neither_is_a_run_that_lost_orders() -> None:
    assert not result(dict.fromkeys(list(GOOD)[1:], 1.0)).reached
    assert not result(GOOD, clean=False).reached


def test_both_ways_are_printed_side_by_side() -> None:
    output = io.StringIO()

    access.show(result(GOOD, clean=False), Console(file=output, width=140))

    said = output.getvalue()
    assert "AUTH=open" in said
    assert "AUTH=keys" in said
    assert "orders were refused, lost or doubled" in said
