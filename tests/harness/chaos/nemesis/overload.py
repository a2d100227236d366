"""The fault that clients make: far more orders at once than usual."""

import asyncio
from random import Random

from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.system_under_test import NotInjectedError, SystemUnderTest

BURST = 2000


def overload(system: SystemUnderTest, _random: Random) -> Fault:
    """Return a burst of orders; each must be answered 202 or 503."""

    def inject() -> None:
        if system.load is None:
            raise NotInjectedError("there is no client to post")
        answers = asyncio.run(system.load.burst(BURST))
        fault.target = f"{BURST} orders: " + ", ".join(f"{count} × {answer}" for answer, count in answers.items())

    fault = Fault(f"{BURST} orders at once", inject)
    return fault


KINDS = {"overload": Kind(f"{BURST} orders at once", overload, takes_s=3.0)}
