"""The threads that work on a partition whose lease this event source holds."""

import threading
from collections.abc import Sequence

from orderflow.adapters.streams import Streams
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.event_source.invoke import Invoke
from orderflow.event_source.mapped_function import MappedFunction
from orderflow.event_source.mapping import EventSourceMapping
from orderflow.event_source.poller import Poller, Serves


class HeldPartition:
    """A partition at work: one poller with the timers and the functions that share it, and one for each other function.

    With `share`, all functions share that may; without, none does. Until `stop` is set.
    """

    def __init__(
        self,
        streams: Streams,
        mappings: Sequence[EventSourceMapping],
        invoke: Invoke,
        failure_destination: FailureDestination,
        *,
        share: bool,
    ) -> None:
        self.stop = threading.Event()
        self._streams = streams
        self._lock = threading.Lock()
        self._pollers: dict[threading.Thread, Poller] = {}
        self._functions = [MappedFunction(mapping, streams, invoke, failure_destination) for mapping in mappings]
        sharing = [function for function in self._functions if share and function.mapping.may_share]
        timers_of = list(dict.fromkeys(mapping.stream for mapping in mappings))
        with self._lock:
            self._start_shared(Serves(sharing, timers_of))
            for function in self._functions:
                if function not in sharing:
                    self._start(Serves([function]))

    def relieve(self) -> None:
        """Let no function hold back others by a call that has been under way for long; called about once a second."""
        for poller in list(self._pollers.values()):
            poller.relieve()

    def has_finished(self) -> bool:
        """Return whether all threads have ended, which happens only after `stop` is set."""
        with self._lock:
            return not any(thread.is_alive() for thread in self._pollers)

    def _start_shared(self, serves: Serves) -> None:
        self._shared = self._start(serves)

    def _start(self, serves: Serves) -> Poller:
        """Start a poller in a thread of its own; the lock is held meanwhile."""
        poller = Poller(serves, self._streams, self.stop, self._start_shared, self._lock)
        name = f"{self._streams.partition}-{'shared' if serves.timers_of is not None else serves.names}"
        thread = threading.Thread(target=self._work, args=(poller,), name=name, daemon=True)
        self._pollers = {each: other for each, other in self._pollers.items() if each.is_alive()} | {thread: poller}
        thread.start()
        return poller

    def _work(self, poller: Poller) -> None:
        poller.run()
        if self.stop.is_set():
            return
        with self._lock:
            functions, timers_of = self._shared.serves
            together = {*functions, *poller.serves.functions}
            in_order = [function for function in self._functions if function in together]
            self._shared.serves = Serves(in_order, timers_of)
