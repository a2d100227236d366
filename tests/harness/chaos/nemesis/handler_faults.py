"""Faults of functions, and of the clock they read: asked for in the file that every poller's FaultyInvoker reads."""

from collections.abc import Callable
from contextlib import suppress
from functools import cache
from pathlib import Path
from random import Random

import msgspec

from local.settings import ROOT
from local.template import read_template
from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.nemesis.faulty_invoker import Behaviour, HandlerFault
from tests.harness.chaos.system_under_test import SystemUnderTest

HOUR_MS = 3_600_000

FEW = (1, 2, 3)
"""How often a function may fail without any record running out of attempts."""
MANY = 100_000
HOLD_S = 3.0
INVOKED_WITHIN_S = 15.0
LONG_HOLD_S = 9.0
"""Longer than all attempts on a record together: records that come to the function meanwhile are given up."""


@cache
def functions() -> tuple[str, ...]:
    """Return every function that reads a stream, in the template's order, but for the one that publishes reports.

    No client here follows those, so it is not invoked.
    """
    mappings = read_template(ROOT / "template.yaml").event_sources
    return tuple(mapping.function for mapping in mappings if mapping.function != "publish_reports")


def fails(behaviour: Behaviour, times: tuple[int, ...]) -> Callable[[SystemUnderTest, Random], Fault]:
    """Return the maker of a fault in which a function fails in one way; which function, and how often, are drawn."""

    def make(system: SystemUnderTest, random: Random) -> Fault:
        function, often = random.choice(functions()), random.choice(times)
        return _handler_fault(system, HandlerFault(function, behaviour, often), f"{function}, {often} times")

    return make


def poisoned(system: SystemUnderTest, random: Random) -> Fault:
    """Return a function that fails every time, before its work or after it, until records are given up.

    publish_status is left out: watchers miss the statuses that it gives up, and get redriven ones out of order.
    """
    function = random.choice([name for name in functions() if name != "publish_status"])
    behaviour: Behaviour = random.choice(("raise", "raise_after"))
    words = "before its work" if behaviour == "raise" else "after its work"
    return _handler_fault(system, HandlerFault(function, behaviour, MANY), f"{function}, always {words}")


def clock_steps(system: SystemUnderTest, random: Random) -> Fault:
    """Return a clock that goes an hour wrong, ahead or behind, for the functions of one poller."""
    name, sign = random.choice(system.pollers), random.choice((1, -1))
    wrong = HandlerFault(clock_offset_ms=sign * HOUR_MS, poller=name)
    return _handler_fault(system, wrong, f"{name}, an hour {'ahead' if sign > 0 else 'behind'}")


def _handler_fault(system: SystemUnderTest, asked: HandlerFault, target: str) -> Fault:
    path = system.faults_file

    def inject() -> None:
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(asked))
        new.replace(path)
        if asked.function:
            # Some functions are invoked now and then only, such as the one that buys what is launched.
            system.wait_until(lambda: bool(_failures(path)), f"{asked.function} was not invoked", INVOKED_WITHIN_S)

    def heal() -> None:
        path.unlink(missing_ok=True)
        for failure in _failures(path):
            with suppress(FileNotFoundError):
                failure.unlink()

    return Fault(target, inject, heal)


def _failures(path: Path) -> list[Path]:
    return list(path.parent.glob(f"{path.name}.*"))


KINDS = {
    "handler-raises": Kind("a function raises before its work", fails("raise", FEW), HOLD_S),
    "handler-raises-after": Kind("a function raises after its work", fails("raise_after", FEW), HOLD_S),
    "handler-hangs": Kind("a function hangs until its time-out", fails("hang", (1,)), HOLD_S),
    "handler-unknown-ids": Kind("a function answers with unknown ids", fails("unknown_ids", FEW), HOLD_S),
    "handler-garbage": Kind("a function answers with garbage", fails("garbage", FEW), HOLD_S),
    "handler-poisoned": Kind("a function fails until records are given up", poisoned, LONG_HOLD_S, True),
    "clock": Kind("a poller's clock goes an hour wrong", clock_steps, HOLD_S, sets_a_clock=True),
}
