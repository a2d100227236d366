"""local/run/supervisor.py: processes that die are started again, each time a little later."""

import threading
from types import SimpleNamespace

import pytest

from local.run import supervisor
from local.run.supervisor import HEALTHY_S, RESTART_S, Watch, watch_over
from local.servers.backing import BackingError


class FakeChild:
    """A process that dies when told."""

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
            raise BackingError("the disk is full")
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


def dies_and_comes_back(watch: Watch, child: FakeChild, clock: Clock) -> float:
    """Let a child die, and return the seconds until it was started again."""
    starts, died_at = child.starts, clock.now
    child.status = 1
    watch.check()
    while child.starts == starts:
        clock.now = round(clock.now + 0.1, 3)
        watch.check()
    return round(clock.now - died_at, 3)


def test_of_children_that_run_there_is_no_news(clock: Clock) -> None:
    child = FakeChild("gateway")
    watch = Watch([child])

    news = [watch.check() for _ in range(3)]

    assert news == [[], [], []]
    assert child.starts == 0


@pytest.mark.parametrize(
    ("status", "ending"), [(1, "ended with status 1"), (0, "ended with status 0"), (-9, "was ended by SIGKILL")]
)
def test_a_child_that_dies_is_announced_then_started_again(clock: Clock, status: int, ending: str) -> None:
    child = FakeChild("gateway")
    watch = Watch([child])

    child.status = status
    died = watch.check()
    meanwhile = watch.check()
    clock.now += 0.1
    back = watch.check()

    assert died == [f"gateway {ending}; starting it again in 0.1 s"]
    assert meanwhile == []
    assert back == ["gateway runs again (pid 1001)"]
    assert child.starts == 1


def test_a_child_that_keeps_dying_waits_longer_each_time_up_to_a_limit(clock: Clock) -> None:
    child = FakeChild("poller-1")
    watch = Watch([child])

    waits = [dies_and_comes_back(watch, child, clock) for _ in range(7)]

    assert waits == [*RESTART_S, RESTART_S[-1], RESTART_S[-1]]
    assert waits == [0.1, 0.5, 1.0, 2.0, 4.0, 4.0, 4.0]


def test_a_child_that_lived_long_begins_again_with_the_shortest_wait(clock: Clock) -> None:
    child = FakeChild("poller-1")
    watch = Watch([child])
    early = [dies_and_comes_back(watch, child, clock) for _ in range(3)]

    clock.now += HEALTHY_S + 1
    late = [dies_and_comes_back(watch, child, clock) for _ in range(2)]

    assert early == [0.1, 0.5, 1.0]
    assert late == [0.1, 0.5]


def test_a_child_that_can_not_be_started_is_tried_again_later_each_time(clock: Clock) -> None:
    child, other = FakeChild("postgres"), FakeChild("gateway")
    watch = Watch([child, other])
    child.status, child.refuses = -9, True

    died = watch.check()
    clock.now += 0.1
    refused = watch.check()
    other.status = 1
    meanwhile = watch.check()
    child.refuses = False
    clock.now += 0.5
    back = watch.check()

    assert died == ["postgres was ended by SIGKILL; starting it again in 0.1 s"]
    assert refused == ["postgres can't be started: the disk is full\ntrying again in 0.5 s"]
    assert meanwhile == ["gateway ended with status 1; starting it again in 0.1 s"]
    assert back == ["postgres runs again (pid 1001)", "gateway runs again (pid 1001)"]


def test_each_child_is_watched_for_itself(clock: Clock) -> None:
    gateway, poller = FakeChild("gateway"), FakeChild("poller-1")
    watch = Watch([gateway, poller])
    dies_and_comes_back(watch, gateway, clock)

    poller.status = 3

    assert watch.check() == ["poller-1 ended with status 3; starting it again in 0.1 s"]
    assert dies_and_comes_back(watch, gateway, clock) == 0.5


def test_a_disk_that_takes_no_note_of_a_restart_ends_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    child, stop = FakeChild("gateway"), threading.Event()
    monkeypatch.setattr(supervisor, "WATCH_S", 0.001)
    monkeypatch.setattr(supervisor, "RESTART_S", (0.0,))
    changes: list[int] = []

    def note() -> None:
        changes.append(child.starts)
        if len(changes) == 1:
            child.status = 1
        elif len(changes) == 2:
            raise OSError(28, "No space left on device")
        else:
            stop.set()

    watch_over([child], stop, note)

    assert changes == [0, 0, 1]
    assert "can't write down what runs here: [Errno 28] No space left on device" in capsys.readouterr().out
