"""Publishes reports: messages that ask for a channel's report in, the report out to the connections that follow."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any

import msgspec

from functions.publish_reports.engine import engine_report
from functions.publish_reports.made import Made
from functions.publish_reports.market import market_report
from orderflow.adapters.codec import encoder
from orderflow.adapters.reports import ENGINE, MARKET, Asked, Begun, Report
from orderflow.adapters.sockets import Message
from orderflow.runtime import clients
from orderflow.runtime.batch import (
    BatchResponse,
    Done,
    Failures,
    StreamEvent,
    StreamRecord,
    run_batch,
    stream_function,
)

UNCHANGED_MS: Mapping[str, int] = {MARKET: 4_500, ENGINE: 0}
"""How long a report that says nothing new is held back: its followers get one in 5 s, or they take it for lost."""

MAKERS: Mapping[str, Callable[[Begun], Made]] = {MARKET: market_report, ENGINE: engine_report}

_asked_decoder = msgspec.json.Decoder(Asked)


@stream_function
def lambda_handler(event: StreamEvent, _context: Any) -> BatchResponse:
    """Handle a batch of the `reports` stream."""
    return run_batch("publish_reports", event, publish_reports)


def publish_reports(records: Sequence[StreamRecord], failures: Failures) -> Done:
    """Publish the reports that a batch asks for, each once.

    What can't be reported is dropped: the next report is as good, and a dead letter of an old one good for nothing.
    """
    counts: dict[str, int] = {}

    def read(record: StreamRecord) -> None:
        channel = _asked_decoder.decode(record["data"]["order"]).report
        if channel not in counts:
            counts[channel] = 0
            counts[channel] = publish(channel)

    failures.attempt(records, read, once=True)
    return Done({"messages": sum(counts.values())})


def publish(channel: str) -> int:
    """Send a channel's report to those who follow it, if it is due and says anything new; return how many messages.

    Who has just subscribed is answered, and gets the report that there is. Who is gone follows no longer. Raises
    RetryableError when something that the report needs can't be reached; then it comes again only after a while.
    """
    reports = clients.reports()
    begun = reports.begin(channel)
    if begun is None:
        return 0
    with ExitStack() as on_failure:
        on_failure.callback(reports.put_off, begun, channel)
        messages = list(messages_of(channel, begun, fresh_report(channel, begun)))
        if messages:
            gone = clients.sockets().send(messages).gone
            reports.forget(channel, {message.connection_id for message in gone})
            reports.answered(channel, begun.new, begun.now_ms)
        on_failure.pop_all()
    return len(messages)


def fresh_report(channel: str, begun: Begun) -> Report | None:
    """Return a report that is to go to all followers; None where it is not due, or would say nothing new yet."""
    if not begun.is_due:
        return None
    made, latest = MAKERS[channel](begun), begun.latest
    if latest and latest.text == made.text and abs(begun.now_ms - latest.made_ms) < UNCHANGED_MS[channel]:
        return None
    return clients.reports().keep(channel, made.text, begun.now_ms, made.slot, made.prices)


def messages_of(channel: str, begun: Begun, fresh: Report | None) -> Iterator[Message]:
    """Yield what followers are sent: new ones an answer and then the latest report, the others a fresh one only."""
    report = fresh or begun.latest
    frame = report.frame(channel) if report else ""
    answer = encoder.encode({"channel": channel, "subscribed": True}).decode()
    for connection_id in begun.followers:
        is_new = connection_id in begun.new
        if is_new:
            yield Message(connection_id, channel, answer)
        if frame and (fresh or is_new):
            yield Message(connection_id, channel, frame)
