"""The event source as a program: Redis Streams in, invocations of Lambda out. `python -m orderflow.event_source`

On AWS it is a Fargate service; with LAMBDA_ENDPOINT it invokes in LocalStack or `sam local start-lambda` just as well.
"""

import os
import secrets
import signal
import socket
import sys
import threading

from orderflow.errors import OrderflowError
from orderflow.event_source.health import HealthServer
from orderflow.event_source.invoke import InLambda, lambda_client
from orderflow.event_source.lag import publish_lags
from orderflow.event_source.prometheus import PrometheusRecorder
from orderflow.event_source.scrape import scrape_of
from orderflow.event_source.settings import EventSourceSettings, connect
from orderflow.event_source.source import EventSource, connections_of, threads_of
from orderflow.runtime.end_order import end_order
from orderflow.runtime.logging import get_logger
from orderflow.runtime.observability import record_in
from orderflow.runtime.settings import read_settings
from orderflow.runtime.stopping import end_when_a_thread_fails, stop_on
from orderflow.runtime.terminal import print_whatever_the_locale

INVOCATION_S = 45.0
"""Longer than any function's time-out, so that an invocation is never cut off while its function still runs."""

logger = get_logger("event_source")


def main() -> int:
    """Work until SIGTERM, finish the batches under way, and return the exit status."""
    print_whatever_the_locale()
    end_when_a_thread_fails("event_source")
    stop = stop_on(signal.SIGTERM, signal.SIGINT)
    try:
        run(read_settings(EventSourceSettings), stop)
    except OrderflowError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def run(settings: EventSourceSettings, stop: threading.Event) -> None:
    """Run the event source until `stop` is set. Raises OrderflowError when it can't be started, or may not go on."""
    bindings = settings.bindings
    lambda_ = lambda_client(settings.lambda_endpoint, threads_of(bindings, settings.partitions), INVOCATION_S)
    client = connect(settings, connections_of(bindings, settings.partitions))
    # Not the name of its predecessor on this host and in this container, which may still be about to end.
    name = f"{socket.gethostname()}-{secrets.token_hex(4)}"
    invoke = InLambda(lambda_, {binding.function: binding.function_name for binding in bindings})
    source = EventSource(
        client,
        bindings,
        invoke,
        end_order=end_order,
        partitions=settings.partitions,
        name=name,
        drain_s=INVOCATION_S,
    )
    recorder = PrometheusRecorder()
    record_in(recorder)
    health = HealthServer(source, settings.health_port, scrape=scrape_of(recorder, client, source, bindings))
    if os.environ.get("POWERTOOLS_METRICS_NAMESPACE"):
        threading.Thread(target=publish_lags, args=(client, source, bindings, stop), name="lag", daemon=True).start()
    logger.info("started", extra={"owner": name, "partitions": settings.partitions, "health_port": health.port})
    source.run(stop)
    health.close()
    logger.info("stopped", extra={"owner": name})


if __name__ == "__main__":
    sys.exit(main())
