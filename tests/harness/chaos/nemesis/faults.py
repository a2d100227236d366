"""The kinds of faults by name: what each does, how long it lasts, and how to make one."""

from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from tests.harness.chaos.system_under_test import SystemUnderTest


def nothing() -> None:
    """Do nothing: a fault that passes by itself needs no healing."""


@dataclass(slots=True)
class Fault:
    """One fault, ready to be injected into `target`.

    `victims` are the processes that the runner has to start again. The recovery from one that is `lasting` counts from
    its healing, or from its end where it ends by itself; from any other it counts from the injection.
    """

    target: str
    inject: Callable[[], object]
    heal: Callable[[], object] = nothing
    victims: tuple[str, ...] = ()
    lasting: bool = True


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of fault: `make` draws the target and the rest of it; `hold_s` passes between injecting and healing.

    `takes_s` is about how long the injecting and healing themselves take, where that is long. While a fault that
    `stops_everything` lasts, and until the system has recovered, no order is expected to go on. While one that
    `sets_a_clock` lasts, times in the ledger mean nothing.
    """

    about: str
    make: Callable[[SystemUnderTest, Random], Fault]
    hold_s: float = 0.0
    stops_everything: bool = False
    takes_s: float = 0.0
    sets_a_clock: bool = False

    @property
    def lasts_s(self) -> float:
        """How long it lasts in all."""
        return self.takes_s + self.hold_s


def kinds() -> dict[str, Kind]:
    """Return every kind of fault by its name on the command line."""
    from tests.harness.chaos.nemesis import handler_faults, network_faults, overload, process_faults, server_faults

    modules = (process_faults, server_faults, network_faults, handler_faults, overload)
    return {name: kind for module in modules for name, kind in module.KINDS.items()}
