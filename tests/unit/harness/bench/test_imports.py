"""The imports bench reads what the interpreter says of its imports."""

from io import StringIO

import pytest
from rich.console import Console

from tests.harness.bench.imports import Row, Taken, break_down, read_import_times, show, time_import

WRITTEN = """\
import time: self [us] | cumulative | imported package
import time:       900 |        900 |   encodings
import time:      1000 |       5000 | site
import time:        30 |         30 |     redis.client
import time:        20 |         50 |   redis
import time:        10 |         10 |   json
import time:         5 |         65 | functions.route_order.handler
import time:       100 |        100 | atexit
"""


def test_what_a_module_imported_is_summed_up_by_package_and_what_came_before_or_after_it_is_left_out() -> None:
    read = read_import_times(WRITTEN.splitlines(), "functions.route_order.handler")

    assert read == {"redis": 50, "python itself": 10, "functions": 5}


def test_a_module_that_was_not_imported_is_a_mistake() -> None:
    with pytest.raises(ValueError, match=r"^nowhere was not imported$"):
        read_import_times(WRITTEN.splitlines(), "nowhere")


def test_interpreters_are_asked() -> None:
    by_package_us = break_down("tests.harness.timings")
    taken = time_import("tests.harness.timings")

    assert {"tests", "python itself"} <= set(by_package_us)
    assert taken.elapsed_ms > 0
    assert taken.processor_ms > 0


def test_every_function_has_its_line() -> None:
    output = StringIO()

    show([Row("route_order", 250, Taken(141.2, 139.8), {"redis": 80.4})], Console(file=output, width=120))

    assert "route_order" in output.getvalue()
    assert "redis 80" in output.getvalue()
