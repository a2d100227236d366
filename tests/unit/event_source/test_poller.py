"""Functions that share a poller: each has its turns, and none holds back the others for long."""

from typing import Any

import pytest

from orderflow.adapters.streams import Entry
from orderflow.errors import RetryableError
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.slowness import QUICK_AGAIN, SLOW_S, STUCK_S
from tests.support.poller_bench import STAGE, Bench, entries, failing, in_turn

BUILD = EventSourceMapping(function="build_order", stream="build")
SUBMIT = EventSourceMapping(function="submit_order", stream="submit")
TIMERS = ["route", "build", "submit"]


def waiting(bench: Bench, seconds: float) -> Any:
    """Have the function of a bench wait in each call."""

    def wait(_ids: list[str]) -> None:
        bench.stop.now += seconds

    bench._answer = wait


def functions(bench: Bench) -> list[str]:
    return [event["Records"][0]["stream"] for event in bench.events]


def served(bench: Bench) -> list[str]:
    return [each.mapping.function for each in bench.poller.serves.functions]


def test_functions_have_their_turns_in_their_order() -> None:
    bench = Bench(failing(), STAGE, BUILD, SUBMIT)
    bench.run(*[[] for _ in range(3)])  # all of them look for what a former lease holder left
    bench.stop.clear()

    bench.run(*(entries(f"{number}-0") for number in range(6)))

    assert functions(bench) == ["route", "build", "submit", "route", "build", "submit"]


def test_a_batch_is_acknowledged_in_the_turn_that_brings_the_next() -> None:
    bench = Bench(failing(), STAGE, BUILD)

    bench.run(entries("1-0"), entries("2-0"))

    assert bench.done("read new", "invoke", "acknowledge")[:5] == [
        ("read new", 10),
        ("invoke", "1-0"),
        ("acknowledge", "1-0"),
        ("read new", 100),
        ("invoke", "2-0"),
    ]


def test_a_batch_that_waits_does_not_keep_the_other_functions_from_theirs() -> None:
    bench = Bench(in_turn(RetryableError("newer code"), None), STAGE, BUILD)

    bench.run(entries("1-0"), entries("2-0"))

    assert functions(bench) == ["route", "build"]
    assert bench.stop.waits == []


def test_an_order_that_can_not_be_ended_does_not_keep_the_other_functions_from_theirs() -> None:
    def end_order(function: str, stream: str, entry: Entry, error: str) -> None:
        raise RetryableError("the venue is unavailable")

    bench = Bench(failing("1-0"), STAGE, BUILD, end_order=end_order)

    bench.run(entries("1-0", attempt=4), entries("2-0"))

    assert functions(bench) == ["route", "build"]
    assert bench.done("acknowledge") == [("acknowledge", "2-0")]


def test_a_function_that_waited_keeps_its_poller_and_the_others_with_the_timers_go_on_in_another() -> None:
    bench = Bench(failing(), STAGE, BUILD, SUBMIT, timers_of=TIMERS)
    waiting(bench, SLOW_S * 2)

    bench.run(entries("1-0"), entries("2-0"))

    [others] = bench.parted
    assert [each.mapping.function for each in others.functions] == ["build_order", "submit_order"]
    assert others.timers_of == TIMERS
    assert served(bench) == ["route_order"]
    assert functions(bench) == ["route", "route"]


def test_the_timers_alone_go_on_in_another_poller_too() -> None:
    bench = Bench(failing(), STAGE, timers_of=TIMERS)
    waiting(bench, SLOW_S * 2)

    bench.run(entries("1-0"))

    assert [(list(others.functions), others.timers_of) for others in bench.parted] == [([], TIMERS)]


def test_a_call_that_is_under_way_for_long_holds_nobody_back_until_it_returns() -> None:
    bench = Bench(failing(), STAGE, BUILD)
    parted_meanwhile: list[int] = []

    def wait(_ids: list[str]) -> None:
        bench.stop.now += STUCK_S / 2
        bench.poller.relieve()
        parted_meanwhile.append(len(bench.parted))
        bench.stop.now += STUCK_S
        bench.poller.relieve()
        parted_meanwhile.append(len(bench.parted))

    bench._answer = wait
    bench.run(entries("1-0"))

    assert parted_meanwhile == [0, 1]
    assert served(bench) == ["route_order"]


def test_between_its_calls_a_poller_has_nothing_to_be_relieved_of() -> None:
    bench = Bench(failing(), STAGE, BUILD)
    bench.run(entries("1-0"))
    bench.stop.now += 2 * STUCK_S

    bench.poller.relieve()

    assert bench.parted == []


def test_a_function_that_has_its_own_poller_has_nobody_to_hold_back() -> None:
    bench = Bench(failing(), STAGE)
    waiting(bench, 10)

    bench.run(entries("1-0"), entries("2-0"))

    assert bench.parted == []


def test_a_function_that_is_quick_again_ends_its_own_poller_with_nothing_under_way() -> None:
    bench = Bench(failing(), STAGE, BUILD)
    waiting(bench, SLOW_S * 2)
    bench.run(entries("0-0"))
    bench.stop.clear()
    waiting(bench, 0)

    bench.run(*(entries(f"{number}-0") for number in range(1, QUICK_AGAIN + 10)))

    assert not bench.stop.is_set()
    assert len(bench.done("invoke")) == len(bench.done("acknowledge")) == QUICK_AGAIN + 1


@pytest.mark.parametrize(("next_ms", "waits"), [(3, [0.003]), (60, [0.01])])
def test_shortly_before_a_timer_is_due_redis_is_not_waited_for(
    next_ms: int, waits: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    bench = Bench(failing(), timers_of=TIMERS)
    nothing = bench.streams.turn([])._replace(next_ms=next_ms, last_ids={"route": "0-0"})
    monkeypatch.setattr(bench.streams, "turn", lambda *_, **__: nothing)

    bench.poller.go_on()

    assert (bench.stop.waits, bench.done("wait")) == (waits, [])
