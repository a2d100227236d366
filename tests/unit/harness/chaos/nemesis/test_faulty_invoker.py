"""chaos/nemesis/faulty_invoker.py: functions fail as the file asks, so often, and work again when it is gone."""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from orderflow.event_source.invoke import FunctionError
from orderflow.runtime import clock
from tests.harness.chaos.nemesis.faulty_invoker import JUNK, TIME_OUT_S, UNKNOWN, Behaviour, FaultyInvoker, HandlerFault

EVENT = {"Records": [{"messageId": "1-0"}]}
ANSWER: dict[str, Any] = {"batchItemFailures": []}
HOUR_MS = 3_600_000


class Works:
    """Counts how often a function did its work."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def handler(self, name: str) -> Callable[[Any, Any], Any]:
        def handle(event: Any, context: Any) -> Any:
            assert (event, context) == (EVENT, None)
            self.done.append(name)
            return ANSWER

        return handle


@pytest.fixture
def works() -> Works:
    return Works()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "faults.json"


@pytest.fixture(autouse=True)
def right_clock() -> Iterator[None]:
    """Set the clock right again after a test that put it wrong."""
    now_ms = clock.now_ms
    yield
    clock.now_ms = now_ms


def invoker(path: Path, works: Works, poller: str = "poller-1-42") -> FaultyInvoker:
    names = ("route_order", "build_order")
    return FaultyInvoker(path, poller, {name: works.handler(name) for name in names}, dict.fromkeys(names, 30.0))


def ask(path: Path, asked: HandlerFault) -> None:
    """Write the file, a little later than whatever was there."""
    before_ns = path.stat().st_mtime_ns if path.exists() else 0
    path.write_bytes(msgspec.json.encode(asked))
    os.utime(path, ns=(0, max(path.stat().st_mtime_ns, before_ns + 1)))


def answers(invoke: FaultyInvoker, function: str, times: int) -> list[Any]:
    """Return what invocations answered, or the errors that they raised."""
    results: list[Any] = []
    for _ in range(times):
        try:
            results.append(invoke(function, EVENT))
        except FunctionError as error:
            results.append(str(error))
    return results


def test_without_a_file_functions_do_their_work(path: Path, works: Works) -> None:
    assert answers(invoker(path, works), "route_order", 2) == [ANSWER, ANSWER]
    assert works.done == ["route_order"] * 2


@pytest.mark.parametrize(
    ("behaviour", "wrong", "worked"),
    [
        ("raise", "InjectedError: raised before its work", 1),
        ("raise_after", "InjectedError: raised after its work", 3),
        ("unknown_ids", UNKNOWN, 1),
    ],
)
def test_a_function_fails_so_many_times(
    path: Path, works: Works, behaviour: Behaviour, wrong: Any, worked: int
) -> None:
    invoke = invoker(path, works)
    ask(path, HandlerFault("route_order", behaviour, 2))

    assert answers(invoke, "route_order", 3) == [wrong, wrong, ANSWER]
    assert works.done == ["route_order"] * worked


def test_garbage_is_of_several_kinds(path: Path, works: Works) -> None:
    invoke = invoker(path, works)
    ask(path, HandlerFault("route_order", "garbage", len(JUNK)))

    assert answers(invoke, "route_order", len(JUNK)) == list(JUNK)
    assert works.done == []


def test_other_functions_are_left_alone(path: Path, works: Works) -> None:
    invoke = invoker(path, works)
    ask(path, HandlerFault("route_order", "raise", 2))

    assert answers(invoke, "build_order", 2) == [ANSWER, ANSWER]


def test_pollers_keep_to_the_number_of_times_together(path: Path, works: Works) -> None:
    one, other = invoker(path, works), invoker(path, works, "poller-2-42")
    ask(path, HandlerFault("route_order", "unknown_ids", 3))

    found = [answers(invoke, "route_order", 1)[0] for invoke in (one, other, one, other, one)]

    assert found == [UNKNOWN, UNKNOWN, UNKNOWN, ANSWER, ANSWER]
    assert len(list(path.parent.glob("faults.json.*"))) == 3


def test_when_the_file_is_gone_all_is_well(path: Path, works: Works) -> None:
    invoke = invoker(path, works)
    ask(path, HandlerFault("route_order", "raise", 100))
    assert answers(invoke, "route_order", 1) != [ANSWER]

    path.unlink()

    assert answers(invoke, "route_order", 1) == [ANSWER]


def test_a_function_that_is_to_hang_hangs_within_a_short_time_out(path: Path, works: Works) -> None:
    limits_s: list[float] = []
    handlers = {"route_order": works.handler("route_order")}
    invoke = FaultyInvoker(
        path, "poller-1-42", handlers, {"route_order": 30.0}, lambda: limits_s.append(invoke.time_outs_s["route_order"])
    )
    ask(path, HandlerFault("route_order", "hang", 1))

    answers(invoke, "route_order", 1)

    assert limits_s == [TIME_OUT_S]
    assert works.done == []
    path.unlink()
    assert answers(invoke, "route_order", 1) == [ANSWER]
    assert invoke.time_outs_s == {"route_order": 30.0}


@pytest.mark.parametrize("offset_ms", [HOUR_MS, -HOUR_MS])
def test_the_clock_goes_wrong_in_the_poller_that_is_named(path: Path, works: Works, offset_ms: int) -> None:
    before_ms = clock.now_ms()
    ask(path, HandlerFault(clock_offset_ms=offset_ms, poller="poller-1"))

    invoker(path, works, "poller-11-42")("route_order", EVENT)
    elsewhere_ms = clock.now_ms()
    invoke = invoker(path, works, "poller-1-42")
    invoke("route_order", EVENT)
    here_ms = clock.now_ms()

    assert abs(elsewhere_ms - before_ms) < 60_000
    assert abs(here_ms - before_ms - offset_ms) < 60_000

    path.unlink()
    invoke("route_order", EVENT)

    assert abs(clock.now_ms() - before_ms) < 60_000
