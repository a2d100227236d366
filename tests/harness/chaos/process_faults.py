"""Faults of processes: killed, frozen, replaced one after the other, and the whole system with its runner."""

import signal
from collections.abc import Callable, Sequence
from contextlib import suppress
from random import Random

import psutil

from tests.harness.chaos.faults import Fault, Kind
from tests.harness.chaos.system_under_test import SystemUnderTest

LONGER_THAN_LEASE_S = 6.0


def kill(names: Sequence[str], subject: SystemUnderTest) -> Fault:
    """Return the death of processes, all at once."""

    def inject() -> None:
        for process in [subject.process(name) for name in names]:
            process.send_signal(signal.SIGKILL)

    return Fault(" + ".join(names), inject, victims=tuple(names), lasting=False)


def freeze(names: Sequence[str], subject: SystemUnderTest) -> Fault:
    """Return processes that stop where they are, with all that they have started, and go on later."""
    frozen: list[psutil.Process] = []

    def inject() -> None:
        for name in names:
            process = subject.process(name)
            frozen.extend([process, *process.children(recursive=True)])
        _signal_all(frozen, signal.SIGSTOP)

    return Fault(" + ".join(names), inject, lambda: _signal_all(frozen, signal.SIGCONT))


def _signal_all(processes: Sequence[psutil.Process], number: signal.Signals) -> None:
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            process.send_signal(number)


def rolling_restart(subject: SystemUnderTest, _random: Random) -> Fault:
    """Return the replacement of every poller in turn, each when the one before owns partitions again."""

    def replace(name: str) -> None:
        before = subject.process(name)
        offset = subject.written()
        before.terminate()
        subject.wait_until(lambda: f"{name} runs again" in subject.said(offset), f"{name} was not replaced")
        subject.wait_until(lambda: _is_settled(subject, name), f"{name} owns no partition after its replacement")

    def inject() -> None:
        for name in subject.pollers:
            replace(name)

    return Fault(" then ".join(subject.pollers), inject)


def _is_settled(subject: SystemUnderTest, name: str) -> bool:
    owners = subject.owners().values()
    return all(owners) and (name in owners or len(owners) < subject.workers)


def restart_system(subject: SystemUnderTest, _random: Random) -> Fault:
    """Return an orderly stop of everything, and a new start."""
    system = subject.system
    return Fault("everything", lambda: system.stop(signal.SIGINT), lambda: _start_again(subject))


def kill_system(subject: SystemUnderTest, _random: Random) -> Fault:
    """Return the death of the runner, which its children follow, and a new start."""
    system = subject.system
    return Fault("everything", lambda: system.stop(signal.SIGKILL), lambda: _start_again(subject))


def _start_again(subject: SystemUnderTest) -> None:
    subject.system.start()


def _of(
    act: Callable[[Sequence[str], SystemUnderTest], Fault], name: str
) -> Callable[[SystemUnderTest, Random], Fault]:
    return lambda subject, _random: act([name], subject)


def _of_a_poller(act: Callable[[Sequence[str], SystemUnderTest], Fault]) -> Callable[[SystemUnderTest, Random], Fault]:
    return lambda subject, random: act([random.choice(subject.pollers)], subject)


def _kill_two(subject: SystemUnderTest, random: Random) -> Fault:
    return kill(random.sample(["gateway", "redis", "postgres", *subject.pollers], 2), subject)


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
        lambda subject, _random: freeze(subject.pollers, subject),
        LONGER_THAN_LEASE_S,
        stops_everything=True,
    ),
    "stop-redis": Kind("freeze Redis", _of(freeze, "redis"), 3.0, stops_everything=True),
    "stop-postgres": Kind("freeze Postgres", _of(freeze, "postgres"), LONGER_THAN_LEASE_S),
    "rolling-restart": Kind("SIGTERM to each poller in turn", rolling_restart, takes_s=6.0),
    "restart-system": Kind("stop everything in order (SIGINT), start it again", restart_system, 0.5, True, 5.0),
    "kill-system": Kind("SIGKILL the runner, start everything again", kill_system, 0.5, True, 5.0),
}
