"""Ends a process when the one that started it is gone, however that ended."""

import os
import signal
import threading


def end_with_parent() -> None:
    """Send this process SIGTERM when its standard input ends, which is a pipe that only its parent holds open."""
    if os.environ.get("ORDERFLOW_LIFELINE") == "stdin":
        threading.Thread(target=_wait_for_end, name="lifeline", daemon=True).start()


def _wait_for_end() -> None:
    # Not through sys.stdin: its lock, held by this thread, would be in the way of the interpreter's end.
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)
