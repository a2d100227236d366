"""Whether Postgres answers, found out without waiting for it for long."""

import threading
from collections.abc import Callable
from concurrent.futures import Future

from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients

WAIT_S = 0.8
OK, UNAVAILABLE = "ok", "unavailable"


class StoreLook:
    """A store that is looked at by a thread of its own, so that one which does not answer holds up nobody for long."""

    def __init__(self, ping: Callable[[], object], wait_s: float = WAIT_S) -> None:
        self._ping = ping
        self._wait_s = wait_s
        self._looking: Future[object] | None = None

    def state(self) -> str:
        """Return `ok` or `unavailable`; the latter at once while the look before has not been answered."""
        begins = self._looking is None
        looking = self._looking = self._looking or self._begin()
        try:
            looking.result(self._wait_s if begins else 0)
        except (RetryableError, ConfigurationError, OSError):  # a time-out is an OSError
            return UNAVAILABLE
        finally:
            if looking.done():
                self._looking = None
        return OK

    def _begin(self) -> Future[object]:
        looking: Future[object] = Future()

        def look() -> None:
            try:
                looking.set_result(self._ping())
            except BaseException as error:  # noqa: BLE001 - raised where the result is waited for
                looking.set_exception(error)

        # No executor, whose threads a process waits for at its end, however long the store lets it.
        threading.Thread(target=look, name="store", daemon=True).start()
        return looking


_postgres = StoreLook(lambda: clients.ledger().ping())


def postgres_state() -> str:
    """Return whether Postgres answers."""
    return _postgres.state()
