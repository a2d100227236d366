"""Faults of processes: killed, frozen, replaced one after the other, and the whole system with its runner."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import psutil

from tests.harness.chaos.nemesis.faults import Fault, Kind
from tests.harness.chaos.system_under_test import SystemUnderTest

LONGER_THAN_LEASE_S = 6.0


def kill(names: Sequence[str], system: SystemUnderTest) -> Fault:
    """Return the death of processes, all at once."""

    def inject() -> None:
        for process in [system.process(name) for name in names]:
            process.send_signal(signal.SIGKILL)

    return Fault(" + ".join(names), inject, victims=tuple(names), lasting=False)


def freeze(names: Sequence[str], system: SystemUnderTest) -> Fault:
    """Return processes that stop where they are, with all that they have started, and go on later."""
    frozen: list[psutil.Process] = []

    def inject() -> None:
        for name in names:
            process = system.process(name)
            frozen.extend([process, *process.children(recursive=True)])
        _signal_all(frozen, signal.SIGSTOP)

    return Fault(" + ".join(names), inject, lambda: _signal_all(frozen, signal.SIGCONT))


def _signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def rolling_restart(system: SystemUnderTest, _random: Random) -> Fault:
    """Return the replacement of every poller in turn, each once the one before holds leases again."""

    def replace(name: str) -> None:
        before = system.process(name)
        offset = system.output_size()
        before.terminate()
        system.wait_until(lambda: f"{name} runs again" in system.output_since(offset), f"{name} was not replaced")
        system.wait_until(lambda: _has_its_share(system, name), f"{name} holds no lease after its replacement")

    def inject() -> None:
        for name in system.pollers:
            replace(name)

    return Fault(" then ".join(system.pollers), inject)


def _has_its_share(system: SystemUnderTest, name: str) -> bool:
    holders = system.lease_holders().values()
    return all(holders) and (name in holders or len(holders) < system.workers)


def restart_system(system: SystemUnderTest, _random: Random) -> Fault:
    """Return an orderly stop of everything, and a new start."""
    own_system = system.own_system
    return Fault("everything", lambda: own_system.stop(signal.SIGINT), lambda: _start_again(system))


def kill_system(system: SystemUnderTest, _random: Random) -> Fault:
    """Return the death of the runner, which its children follow, and a new start."""
    own_system = system.own_system
    return Fault("everything", lambda: own_system.stop(signal.SIGKILL), lambda: _start_again(system))


def _start_again(system: SystemUnderTest) -> None:
    system.own_system.start()


def _of(
    act: Callable[[Sequence[str], SystemUnderTest], Fault], name: str
) -> Callable[[SystemUnderTest, Random], Fault]:
    return lambda system, _random: act([name], system)


def _of_a_poller(act: Callable[[Sequence[str], SystemUnderTest], Fault]) -> Callable[[SystemUnderTest, Random], Fault]:
    return lambda system, random: act([random.choice(system.pollers)], system)


def _kill_two(system: SystemUnderTest, random: Random) -> Fault:
    return kill(random.sample(["gateway", "redis", "postgres", *system.pollers], 2), system)


KINDS = {
    "kill-gateway": Kind("SIGKILL the gateway", _of(kill, "gateway")),
    "kill-poller": Kind("SIGKILL a poller", _of_a_poller(kill)),
    "kill-redis": Kind("SIGKILL Redis", _of(kill, "redis"), stops_everything=True),
    "kill-postgres": Kind("SIGKILL Postgres", _of(kill, "postgres")),
    "kill-two": Kind("SIGKILL two processes at once", _kill_two, stops_everything=True),
    "stop-gateway": Kind("freeze the gateway (SIGSTOP)", _of(freeze, "gateway"), LONGER_THAN_LEASE_S),
    "stop-poller": Kind("freeze a poller for longer than its lease", _of_a_poller(freeze), LONGER_THAN_LEASE_S),
    "stop-both-pollers": Kind(
        "freeze every poller for longer than their leases",
        lambda system, _random: freeze(system.pollers, system),
        LONGER_THAN_LEASE_S,
        stops_everything=True,
    ),
    "stop-redis": Kind("freeze Redis", _of(freeze, "redis"), 3.0, stops_everything=True),
    "stop-postgres": Kind("freeze Postgres", _of(freeze, "postgres"), LONGER_THAN_LEASE_S),
    "rolling-restart": Kind("SIGTERM to each poller in turn", rolling_restart, takes_s=6.0),
    "restart-system": Kind("stop everything in order (SIGINT), start it again", restart_system, 0.5, True, 5.0),
    "kill-system": Kind("SIGKILL the runner, start everything again", kill_system, 0.5, True, 5.0),
}
