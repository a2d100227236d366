"""Runs the event source, its functions in this process or in Lambda: `python -m local.run.poller [NAME]`."""

import os
import signal
import socket
import sys
import threading
from collections.abc import Callable, Sequence
from pkgutil import resolve_name
from typing import Any

from local.run.parent_watchdog import end_with_parent
from local.settings import ROOT, LocalSettings, read_local_settings
from local.template import FunctionTemplate, read_template
from orderflow.errors import OrderflowError
from orderflow.event_source.health import HealthServer
from orderflow.event_source.invoke import InLambda, InProcess, Invoke, lambda_client
from orderflow.event_source.lag import publish_lags
from orderflow.event_source.mapping import EventSourceMapping, partitions_of
from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.event_source.scrape import scrape_of
from orderflow.event_source.source import EventSource, connections_of
from orderflow.runtime.clients import open_redis
from orderflow.runtime.end_order import end_order
from orderflow.runtime.observability import record_in
from orderflow.runtime.stopping import end_when_a_thread_fails, stop_on
from orderflow.runtime.terminal import print_whatever_the_locale

# The poller's threads mostly wait; one that computes should not delay the others for long.
SWITCH_INTERVAL_S = 0.001


def main(name: str) -> int:
    """Work on this process's share of the partitions until SIGTERM, and return the exit status."""
    print_whatever_the_locale()
    end_when_a_thread_fails("event_source")
    end_with_parent()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    stop = stop_on(signal.SIGTERM, signal.SIGINT)
    try:
        run(read_local_settings(), name, stop)
    except OrderflowError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(settings: LocalSettings, name: str, stop: threading.Event) -> None:
    """Run the event source until `stop` is set. Raises OrderflowError when it can't be started, or may not go on."""
    # The functions read it too, and have another default.
    os.environ["PARTITIONS"] = str(settings.partitions)
    template = read_template(ROOT / "template.yaml")
    mappings = template.event_sources
    functions = [template.function(mapping.function) for mapping in mappings]
    connections = connections_of(mappings, settings.partitions)
    client = open_redis(settings.redis_url, cluster=settings.redis_cluster, max_connections=connections)
    source = EventSource(
        client,
        mappings,
        _invoke(settings, mappings, functions, name),
        end_order=end_order,
        partitions=settings.partitions,
        name=name,
        share_pollers=settings.invoke == "here",
    )
    recorder = PrometheusRecorder(name)
    record_in(recorder)
    if settings.health_port:
        HealthServer(source, settings.health_port, scrape=scrape_of(recorder, client, source, mappings))
    if os.environ.get("POWERTOOLS_METRICS_NAMESPACE"):
        threading.Thread(target=publish_lags, args=(client, source, mappings, stop), name="lag", daemon=True).start()
    source.run(stop)


def _invoke(
    settings: LocalSettings, mappings: Sequence[EventSourceMapping], functions: Sequence[FunctionTemplate], name: str
) -> Invoke:
    if settings.invoke == "lambda":
        return _in_lambda(settings, mappings, functions)
    handlers = {function.name: handler_of(function) for function in functions}
    time_outs_s = {function.name: float(function.timeout_s) for function in functions}
    if settings.invoker:
        invoke: Invoke = resolve_name(settings.invoker)(name, handlers, time_outs_s)
        return invoke
    return InProcess(handlers, time_outs_s)


def _in_lambda(
    settings: LocalSettings, mappings: Sequence[EventSourceMapping], functions: Sequence[FunctionTemplate]
) -> InLambda:
    if not os.environ.keys() & {"AWS_ACCESS_KEY_ID", "AWS_PROFILE"}:
        os.environ |= {"AWS_ACCESS_KEY_ID": "local", "AWS_SECRET_ACCESS_KEY": "local"}  # nothing checks them here
    os.environ.setdefault("AWS_DEFAULT_REGION", "eu-central-1")
    partitions = len(partitions_of(mappings, settings.partitions))
    # SAM runs one invocation of a function at a time, so partitions wait for each other, all for a cold start.
    time_out_s = max(function.timeout_s for function in functions) * partitions
    client = lambda_client(settings.lambda_endpoint, len(functions) * partitions, time_out_s)
    return InLambda(client, {function.name: function.logical_id for function in functions})


def handler_of(function: FunctionTemplate) -> Callable[[Any, Any], Any]:
    """Import a function's handler by the dotted path that the template gives."""
    handler: Callable[[Any, Any], Any] = resolve_name(function.handler)
    return handler


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else socket.gethostname()))
