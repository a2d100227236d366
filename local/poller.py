"""Runs the event source with the functions in the same process: `python -m local.poller NAME`."""

import signal
import sys
import threading
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from local.lifeline import end_with_parent
from local.settings import ROOT, read_local_settings
from local.template import FunctionTemplate, read_template
from orderflow.event_source.invoke import InProcess, Invoke
from orderflow.event_source.source import EventSource
from orderflow.runtime.clients import open_redis

# The poller's threads mostly wait; one that computes should not keep the others from their turn for long.
SWITCH_INTERVAL_S = 0.001


def main(owner: str) -> None:
    """Work on this process's share of the partitions until SIGTERM."""
    end_with_parent()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    settings = read_local_settings()
    template = read_template(ROOT / "template.yaml")
    mappings = template.event_sources
    functions = [template.function(mapping.function) for mapping in mappings]
    # A connection for each thread of each partition, should this process ever own them all.
    connections = (settings.partitions + 1) * (len(mappings) + 1) + 2
    source = EventSource(
        open_redis(settings.redis_url, max_connections=connections),
        mappings,
        _invoke(functions, owner, settings.faults_file),
        partitions=settings.partitions,
        owner=owner,
    )
    source.run(stop)


def _invoke(functions: Sequence[FunctionTemplate], owner: str, faults_file: str) -> Invoke:
    handlers = {function.name: handler_of(function) for function in functions}
    time_outs_s = {function.name: float(function.timeout_s) for function in functions}
    if faults_file:
        from local.chaos.misbehave import Misbehaving

        return Misbehaving(Path(faults_file), owner, handlers, time_outs_s)
    return InProcess(handlers, time_outs_s)


def handler_of(function: FunctionTemplate) -> Callable[[Any, Any], Any]:
    """Import a function's handler by the dotted path that the template gives."""
    module, _, name = function.handler.rpartition(".")
    handler: Callable[[Any, Any], Any] = getattr(import_module(module), name)
    return handler


if __name__ == "__main__":
    main(sys.argv[1])
