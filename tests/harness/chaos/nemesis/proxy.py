"""Passes bytes between pollers and Redis, or not: `python -m tests.harness.chaos.nemesis.proxy TARGET PATH …`.

Each PATH is the socket of one poller. A line `PATH open|silent|refused` on standard input changes its state, and is
echoed when that is done; the end of standard input ends the process.
"""

import asyncio
import os
import sys
from contextlib import suppress
from pathlib import Path
from typing import cast

import uvloop


class End(asyncio.Protocol):
    """One end of a connection through a gate; what it receives goes out at the other, as soon as there is one."""

    def __init__(self, gate: "Gate", other: "End | None" = None) -> None:
        self._gate = gate
        self._other = other
        self._early: list[bytes] = []
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self._gate.ends.add(self)
        if self._other is None:
            self._gate.join(self)

    def data_received(self, data: bytes) -> None:
        if self._other is None:
            self._early.append(data)
        elif self._other.transport is not None:
            self._other.transport.write(data)

    def connection_lost(self, error: Exception | None) -> None:
        self._gate.ends.discard(self)
        if self._other is not None and self._other.transport is not None:
            self._other.transport.close()

    def meet(self, other: "End") -> None:
        """Pass on from here to `other`, first the bytes that came before it was there."""
        self._other = other
        if other.transport is not None:
            other.transport.writelines(self._early)
            if self.transport is None or self.transport.is_closing():
                other.transport.close()


class Gate:
    """A poller's path to Redis: open, silent (nothing gets through, and no error is raised), or refused.

    As on a real network, bytes that were sent into the silence arrive after it, since both kernels keep trying.
    """

    def __init__(self, path: str, target: str) -> None:
        self.ends: set[End] = set()
        self._path = path
        self._target = target
        self._passable = asyncio.Event()
        self._server: asyncio.AbstractServer | None = None
        self._joining: set[asyncio.Task[None]] = set()

    async def change(self, state: str) -> None:
        """Take on a state."""
        if state == "open":
            self._passable.set()
            if self._server is None:
                self._server = await asyncio.get_running_loop().create_unix_server(lambda: End(self), self._path)
        else:
            self._passable.clear()
        if state == "refused" and self._server is not None:
            self._server.close()
            self._server = None
            Path(self._path).unlink(missing_ok=True)
            for end in list(self.ends):
                if end.transport is not None:
                    end.transport.abort()
        for end in self.ends:
            if end.transport is not None and not end.transport.is_closing():
                (end.transport.resume_reading if state == "open" else end.transport.pause_reading)()

    def join(self, near: End) -> None:
        """Connect a new client with Redis as soon as the gate is open."""
        task = asyncio.create_task(self._join(near))
        self._joining.add(task)
        task.add_done_callback(self._joining.discard)

    async def _join(self, near: End) -> None:
        await self._passable.wait()
        try:
            _, far = await asyncio.get_running_loop().create_unix_connection(lambda: End(self, near), self._target)
        except OSError:
            if near.transport is not None:
                near.transport.close()
        else:
            near.meet(far)


async def main(target: str, paths: list[str]) -> None:
    """Serve until standard input ends."""
    gates = {path: Gate(path, target) for path in paths}
    for gate in gates.values():
        await gate.change("open")
    print("ready", flush=True)
    reader = asyncio.StreamReader()
    with os.fdopen(0, "rb") as stdin:
        await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), stdin)
        while line := (await reader.readline()).decode().strip():
            path, _, state = line.rpartition(" ")
            await gates[path].change(state)
            print(line, flush=True)
    for path in paths:
        Path(path).unlink(missing_ok=True)


if __name__ == "__main__":
    with suppress(KeyboardInterrupt):
        uvloop.run(main(sys.argv[1], sys.argv[2:]))
