"""Ending by signals: however they come, the event is set and nothing hangs."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from orderflow.runtime.stopping import StopEvent

STORM = """
import signal
from orderflow.runtime.stopping import stop_on

stop = stop_on(signal.SIGTERM, signal.SIGINT)
print("ready", flush=True)
while not stop.wait(0.0001):
    pass
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM, signal.SIGINT])
"""


@pytest.fixture
def stop() -> StopEvent:
    return StopEvent()


def test_it_is_set_once_and_for_all(stop: StopEvent) -> None:
    before = stop.is_set(), stop.wait(0.01)

    stop.set()
    stop.set()

    assert before == (False, False)
    assert (stop.is_set(), stop.wait(), stop.is_set()) == (True, True, True)
    stop.close()


def test_it_may_be_set_any_number_of_times(stop: StopEvent) -> None:
    for _ in range(100_000):
        stop.set()

    assert stop.is_set()
    stop.close()


def test_all_who_wait_are_woken(stop: StopEvent) -> None:
    waiting = [threading.Thread(target=stop.wait) for _ in range(3)]
    for thread in waiting:
        thread.start()

    stop.set()

    for thread in waiting:
        thread.join(10)
    assert not any(thread.is_alive() for thread in waiting)
    stop.close()


def test_signals_in_the_middle_of_each_other_end_a_process_all_the_same() -> None:
    for _ in range(20):
        process = subprocess.Popen([sys.executable, "-c", STORM], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        deadline = time.monotonic() + 20

        while process.poll() is None:
            assert time.monotonic() < deadline, "it hangs"
            os.kill(process.pid, signal.SIGTERM)
            os.kill(process.pid, signal.SIGINT)

        process.stdout.close()
        assert process.returncode in (0, -signal.SIGTERM, -signal.SIGINT)
