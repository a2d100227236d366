"""Single keys of the terminal, while something else goes on: what a key does in, whether there is a terminal out."""

import asyncio
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

try:
    import termios
    import tty
except ImportError:  # where there are no POSIX terminals there are no single keys
    termios = tty = None  # type: ignore[assignment]


@contextmanager
def pressed_keys(on_key: Callable[[str], None]) -> Iterator[bool]:
    """Have `on_key` called with each key that is pressed; yield whether any can be.

    That is so when standard input is a terminal, and this program its foreground. Ctrl-C interrupts as before, and the
    terminal is as it was afterwards. Has to be entered in a running event loop.
    """
    fd = _terminal()
    if fd is None:
        yield False
        return
    before = termios.tcgetattr(fd)
    loop = asyncio.get_running_loop()

    def read() -> None:
        pressed = os.read(fd, 64).decode(errors="replace")
        if not pressed:
            loop.remove_reader(fd)  # the terminal is gone
        for key in pressed:
            on_key(key)

    tty.setcbreak(fd)
    loop.add_reader(fd, read)
    try:
        yield True
    finally:
        loop.remove_reader(fd)
        termios.tcsetattr(fd, termios.TCSADRAIN, before)


def _terminal() -> int | None:
    """Return the descriptor of standard input if keys can be read there one by one."""
    try:
        fd = sys.stdin.fileno()
        is_ours = termios is not None and os.isatty(fd) and os.tcgetpgrp(fd) == os.getpgrp()
    except (AttributeError, OSError, ValueError):
        return None  # closed, or replaced by something that is no file
    return fd if is_ours else None
