"""Faults of the network between a poller and Redis."""

from random import Random

from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.nemesis.network import State
from tests.harness.chaos.system_under_test import NotInjectedError, SystemUnderTest

LONGER_THAN_LEASE_S = 6.0
CUTS: dict[State, str] = {"silent": "nothing gets through", "refused": "connections are refused"}


def cut_poller(system: SystemUnderTest, random: Random) -> Fault:
    """Return a cut between one poller and Redis: all that either sends is held up, or connections break."""
    network = system.network
    if network is None:
        raise NotInjectedError("there is no network in between")
    name = random.choice(system.pollers)
    state = random.choice(list(CUTS))
    return Fault(f"{name}, {CUTS[state]}", lambda: network.change(name, state), lambda: network.change(name, "open"))


KINDS = {
    "cut-poller": Kind("cut the network between a poller and Redis", cut_poller, LONGER_THAN_LEASE_S),
}
