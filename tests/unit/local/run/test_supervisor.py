"""local/run/supervisor.py: processes that die are started again, each time a little later."""

import threading
from types import SimpleNamespace

import pytest

from local.errors import ServerError
from local.run import supervisor
from local.run.supervisor import HEALTHY_S, RESTART_DELAYS_S, Supervisor, supervise


class FakeProcess:
    """A process that dies when its test says so."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.starts = 0
        self.status: int | None = None
        self.refuses = False

    @property
    def pid(self) -> int | None:
        return 1000 + self.starts

    def poll(self) -> int | None:
        return self.status

    def start(self) -> None:
        if self.refuses:
            raise ServerError("the disk is full")
        self.starts += 1
        self.status = None

    def stop(self, timeout_s: float) -> None:
        raise NotImplementedError


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(supervisor, "time", SimpleNamespace(monotonic=clock.monotonic))
    return clock


def dies_and_comes_back(supervised: Supervisor, process: FakeProcess, clock: Clock) -> float:
    """Let a process die, and return the seconds until it was started again."""
    starts, died_at = process.starts, clock.now
    process.status = 1
    supervised.check()
    while process.starts == starts:
        clock.now = round(clock.now + 0.1, 3)
        supervised.check()
    return round(clock.now - died_at, 3)


def test_of_processes_that_run_there_is_no_news(clock: Clock) -> None:
    process = FakeProcess("gateway")
    supervised = Supervisor([process])

    news = [supervised.check() for _ in range(3)]

    assert news == [[], [], []]
    assert process.starts == 0


@pytest.mark.parametrize(
    ("status", "ending"), [(1, "ended with status 1"), (0, "ended with status 0"), (-9, "was ended by SIGKILL")]
)
def test_a_process_that_dies_is_announced_then_started_again(clock: Clock, status: int, ending: str) -> None:
    process = FakeProcess("gateway")
    supervised = Supervisor([process])

    process.status = status
    died = supervised.check()
    meanwhile = supervised.check()
    clock.now += 0.1
    back = supervised.check()

    assert died == [f"gateway {ending}; starting it again in 0.1 s"]
    assert meanwhile == []
    assert back == ["gateway runs again (pid 1001)"]
    assert process.starts == 1


def test_a_process_that_keeps_dying_waits_longer_each_time_up_to_a_limit(clock: Clock) -> None:
    process = FakeProcess("poller-1")
    supervised = Supervisor([process])

    waits = [dies_and_comes_back(supervised, process, clock) for _ in range(7)]

    assert waits == [*RESTART_DELAYS_S, RESTART_DELAYS_S[-1], RESTART_DELAYS_S[-1]]
    assert waits == [0.1, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_process_that_lived_long_begins_again_with_the_shortest_wait(clock: Clock) -> None:
    process = FakeProcess("poller-1")
    supervised = Supervisor([process])
    early = [dies_and_comes_back(supervised, process, clock) for _ in range(3)]

    clock.now += HEALTHY_S + 1
    late = [dies_and_comes_back(supervised, process, clock) for _ in range(2)]

    assert early == [0.1, 0.5, 1.0]
    assert late == [0.1, 0.5]


def test_a_process_that_can_not_be_started_is_tried_again_later_each_time(clock: Clock) -> None:
    process, other = FakeProcess("postgres"), FakeProcess("gateway")
    supervised = Supervisor([process, other])
    process.status, process.refuses = -9, True

    died = supervised.check()
    clock.now += 0.1
    refused = supervised.check()
    other.status = 1
    meanwhile = supervised.check()
    process.refuses = False
    clock.now += 0.5
    back = supervised.check()

    assert died == ["postgres was ended by SIGKILL; starting it again in 0.1 s"]
    assert refused == ["postgres can't be started: the disk is full\ntrying again in 0.5 s"]
    assert meanwhile == ["gateway ended with status 1; starting it again in 0.1 s"]
    assert back == ["postgres runs again (pid 1001)", "gateway runs again (pid 1001)"]


def test_each_process_is_supervised_for_itself(clock: Clock) -> None:
    gateway, poller = FakeProcess("gateway"), FakeProcess("poller-1")
    supervised = Supervisor([gateway, poller])
    dies_and_comes_back(supervised, gateway, clock)

    poller.status = 3

    assert supervised.check() == ["poller-1 ended with status 3; starting it again in 0.1 s"]
    assert dies_and_comes_back(supervised, gateway, clock) == 0.5


def test_a_disk_that_takes_no_note_of_a_restart_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    process, stop = FakeProcess("gateway"), threading.Event()
    monkeypatch.setattr(supervisor, "CHECK_INTERVAL_S", 0.001)
    monkeypatch.setattr(supervisor, "RESTART_DELAYS_S", (0.0,))
    changes: list[int] = []

    def note() -> None:
        changes.append(process.starts)
        if len(changes) == 1:
            process.status = 1
        elif len(changes) == 2:
            raise OSError(28, "No space left on device")
        else:
            stop.set()

    supervise([process], stop, note)

    assert changes == [0, 0, 1]
    assert "can't write down what runs here: [Errno 28] No space left on device" in capsys.readouterr().out
