"""Invokes a poller's functions, and injects into them the faults that a file asks for.

A poller uses it when INVOKER names `faulty_invoker`; only `make chaos` sets that.
"""

import os
import threading
import time
from collections.abc import Callable, Mapping
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import msgspec

from orderflow.event_source.invoke import InProcess
from orderflow.runtime import clock
from orderflow.runtime.logging import get_logger

Handler = Callable[[Any, Any], Any]
Behaviour = Literal["raise", "raise_after", "hang", "unknown_ids", "garbage"]

HANG_S = 3600.0
TIME_OUT_S = 2.0
"""The time-out of a function that is to hang: shorter than the template's, so that a run is not held up."""

JUNK: tuple[Any, ...] = ("garbage", 42, ["batchItemFailures"], {"batchItemFailures": [7]}, {"batchItemFailures": "all"})
UNKNOWN = {"batchItemFailures": [{"itemIdentifier": "1-1"}]}

_real_now_ms = clock.now_ms


class HandlerFault(msgspec.Struct, frozen=True):
    """What the file holds: `function` is to show `behaviour` so many `times`, in any poller that invokes it.

    `clock_offset_ms` shifts the functions' clock in one `poller`.
    """

    function: str = ""
    behaviour: Behaviour = "raise"
    times: int = 1
    clock_offset_ms: int = 0
    poller: str = ""


def faulty_invoker(poller: str, handlers: Mapping[str, Handler], time_outs_s: Mapping[str, float]) -> "FaultyInvoker":
    """Return the invoker of the process `poller`; the environment variable FAULTS_FILE names the file."""
    return FaultyInvoker(Path(os.environ["FAULTS_FILE"]), poller, handlers, time_outs_s)


class InjectedError(Exception):
    """Raised on purpose; of no kind that the pipeline knows, like the error of a bug."""


class FaultyInvoker:
    """Invokes functions in this process as InProcess does, and makes them fail while the file at `path` asks for it.

    Each failure first makes a file `path`.1, `path`.2 …, so that all pollers together keep to the number of times,
    and the writer of the file can count them.
    """

    def __init__(
        self,
        path: Path,
        poller: str,
        handlers: Mapping[str, Handler],
        time_outs_s: Mapping[str, float],
        hang: Callable[[], None] = lambda: time.sleep(HANG_S),
    ) -> None:
        self._path = path
        self._poller = poller
        self.time_outs_s = dict(time_outs_s)
        self._hang = hang
        self._changed_at_ns = 0
        self._asked = HandlerFault()
        self._junk = cycle(JUNK)
        self._lock = threading.Lock()
        wrapped = {name: partial(self._handle, name, handler) for name, handler in handlers.items()}
        self._usual_time_outs_s = dict(time_outs_s)
        self._invoke = InProcess(wrapped, self.time_outs_s)

    def __call__(self, function: str, event: dict[str, Any]) -> Any:
        """Invoke the function; raises what InProcess raises."""
        with self._lock:
            self._read_file()
        return self._invoke(function, event)

    def _read_file(self) -> None:
        try:
            changed_at_ns = self._path.stat().st_mtime_ns
            if changed_at_ns == self._changed_at_ns:
                return
            asked = msgspec.json.decode(self._path.read_bytes(), type=HandlerFault)
        except FileNotFoundError:
            changed_at_ns, asked = 0, HandlerFault()
        self._changed_at_ns, self._asked = changed_at_ns, asked
        self.time_outs_s.update(self._usual_time_outs_s)
        if asked.behaviour == "hang":
            self.time_outs_s[asked.function] = TIME_OUT_S
        mine = asked.poller != "" and self._poller.startswith(f"{asked.poller}-")
        offset_ms = asked.clock_offset_ms if mine else 0
        clock.now_ms = lambda: _real_now_ms() + offset_ms

    def _handle(self, function: str, handler: Handler, event: Any, context: Any) -> Any:
        asked = self._asked
        if function != asked.function or not self._claim(asked.times):
            return handler(event, context)
        get_logger("chaos").warning("fault injected", extra={"function": function, "behaviour": asked.behaviour})
        match asked.behaviour:
            case "raise":
                raise InjectedError("raised before its work")
            case "raise_after":
                handler(event, context)
                raise InjectedError("raised after its work")
            case "hang":
                self._hang()
            case "unknown_ids":
                return UNKNOWN
        return next(self._junk)

    def _claim(self, times: int) -> bool:
        for number in range(1, times + 1):
            try:
                self._path.with_name(f"{self._path.name}.{number}").touch(exist_ok=False)
            except FileExistsError:
                continue
            return True
        return False
