"""Faults of functions, and of the clock they see: asked for through the file that the pollers look at."""

from collections.abc import Callable
from contextlib import suppress
from random import Random

import msgspec

from tests.harness.chaos.faults import Fault, Kind
from tests.harness.chaos.misbehave import Behaviour, Misbehaviour
from tests.harness.chaos.system_under_test import NotInjectedError, SystemUnderTest

FUNCTIONS = (
    *("route_order", "build_order", "submit_order", "confirm_order"),
    *("publish_status", "record_order", "produce_block"),
)
HOUR_MS = 3_600_000

FEW = (1, 2, 3)
"""So often a function may fail without any record running out of attempts."""
MANY = 100_000
HOLD_S = 3.0
LONG_HOLD_S = 9.0
"""Longer than all attempts on a record together: whatever comes to the function meanwhile is given up."""


def misbehaves(behaviour: Behaviour, times: tuple[int, ...]) -> Callable[[SystemUnderTest, Random], Fault]:
    """Return the maker of a function's misbehaviour, a few times in all; the function and how often are drawn."""

    def make(subject: SystemUnderTest, random: Random) -> Fault:
        function, often = random.choice(FUNCTIONS), random.choice(times)
        return _asked(subject, Misbehaviour(function, behaviour, often), f"{function}, {often} times")

    return make


def poisoned(subject: SystemUnderTest, random: Random) -> Fault:
    """Return a function that fails at all it is given, before its work or after it, until records are given up.

    publish_status is left out: what it gives up its watchers miss, and what is redriven comes to them out of order.
    """
    function = random.choice([name for name in FUNCTIONS if name != "publish_status"])
    behaviour: Behaviour = random.choice(("raise", "raise_after"))
    words = "before its work" if behaviour == "raise" else "after its work"
    return _asked(subject, Misbehaviour(function, behaviour, MANY), f"{function}, always {words}")


def clock_steps(subject: SystemUnderTest, random: Random) -> Fault:
    """Return a clock that goes an hour wrong, ahead or behind, for the functions of one poller."""
    name, sign = random.choice(subject.pollers), random.choice((1, -1))
    asked = Misbehaviour(clock_offset_ms=sign * HOUR_MS, poller=name)
    return _asked(subject, asked, f"{name}, an hour {'ahead' if sign > 0 else 'behind'}")


def _asked(subject: SystemUnderTest, asked: Misbehaviour, target: str) -> Fault:
    path = subject.faults_file

    def inject() -> None:
        new = path.with_suffix(".new")
        new.write_bytes(msgspec.json.encode(asked))
        new.replace(path)

    def heal() -> None:
        path.unlink(missing_ok=True)
        claimed = list(path.parent.glob(f"{path.name}.*"))
        for claim in claimed:
            with suppress(FileNotFoundError):
                claim.unlink()
        if asked.function and not claimed:
            raise NotInjectedError(f"{asked.function} was not invoked while it was to misbehave")

    return Fault(target, inject, heal)


KINDS = {
    "handler-raises": Kind("a function raises before its work", misbehaves("raise", FEW), HOLD_S),
    "handler-raises-after": Kind("a function raises after its work", misbehaves("raise_after", FEW), HOLD_S),
    "handler-hangs": Kind("a function hangs until its time-out", misbehaves("hang", (1,)), HOLD_S),
    "handler-unknown-ids": Kind("a function answers with unknown ids", misbehaves("unknown_ids", FEW), HOLD_S),
    "handler-garbage": Kind("a function answers with garbage", misbehaves("garbage", FEW), HOLD_S),
    "handler-poisoned": Kind("a function fails until records are given up", poisoned, LONG_HOLD_S, True),
    "clock": Kind("a poller's clock goes an hour wrong", clock_steps, HOLD_S),
}
