"""A store that does not answer: it is said to be unavailable soon, and at once as long as it is still being asked."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest

from functions.publish_reports.stores import OK, UNAVAILABLE, StoreLook
from orderflow.errors import ConfigurationError, RetryableError
from tests.support.waiting import eventually

LONG_S = 30.0


class Store:
    """A store that answers once it is `let`."""

    def __init__(self) -> None:
        self.let = threading.Event()
        self.asked = 0

    def ping(self) -> None:
        self.asked += 1
        assert self.let.wait(LONG_S)


@pytest.fixture
def store() -> Iterator[Store]:
    store = Store()
    yield store
    store.let.set()


def test_a_store_that_answers_is_ok_each_time(store: Store) -> None:
    store.let.set()
    look = StoreLook(store.ping)

    assert (look.state(), look.state(), store.asked) == (OK, OK, 2)


def test_one_that_does_not_answer_is_waited_for_once_and_asked_once(store: Store) -> None:
    look = StoreLook(store.ping, wait_s=0.2)
    began = time.monotonic()
    first, waited_s = look.state(), time.monotonic() - began
    patient = StoreLook(lambda: None, wait_s=LONG_S)

    again = [look.state() for _ in range(3)]

    assert [first, *again] == [UNAVAILABLE] * 4
    assert waited_s >= 0.2
    assert time.monotonic() - began < LONG_S / 2
    assert store.asked == 1
    assert patient.state() == OK
    store.let.set()
    eventually(lambda: look.state() == OK)


@pytest.mark.parametrize(
    "error", [RetryableError("gone"), ConfigurationError("DATABASE_URL is not set"), OSError("refused"), TimeoutError()]
)
def test_one_that_fails_is_asked_again_the_next_time(error: Exception) -> None:
    errors: list[Exception] = [error]

    def ping() -> None:
        if errors:
            raise errors.pop()

    look = StoreLook(ping)

    assert (look.state(), look.state()) == (UNAVAILABLE, OK)


def test_a_fault_of_the_look_itself_is_raised_and_the_store_asked_again() -> None:
    divisors = [0, 1]
    look = StoreLook(lambda: 1 // divisors.pop(0))

    with pytest.raises(ZeroDivisionError):
        look.state()
    assert look.state() == OK


def test_a_process_ends_whatever_becomes_of_its_look() -> None:
    asks = "StoreLook(threading.Event().wait, wait_s=0.01).state()"
    program = f"import threading; from functions.publish_reports.stores import StoreLook; print({asks})"

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=LONG_S, check=True)

    assert ended.stdout == f"{UNAVAILABLE}\n"
