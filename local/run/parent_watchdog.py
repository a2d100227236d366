"""Ends a process when the one that started it is gone, however that ended."""

import os
import signal
import threading

SETTING = "ORDERFLOW_PARENT_WATCHDOG"
STDIN = "stdin"


def end_with_parent() -> None:
    """Send this process SIGTERM when its standard input ends, which is a pipe that only its parent holds open.

    Does nothing unless SETTING says that the standard input is such a pipe.
    """
    if os.environ.get(SETTING) == STDIN:
        threading.Thread(target=_wait_for_end, name="parent-watchdog", daemon=True).start()


def _wait_for_end() -> None:
    # Not through sys.stdin: its lock, held by this thread, would be in the way of the interpreter's end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
