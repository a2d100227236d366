"""Writes the stream events in tests/events, as the pipeline makes them: `python -m tests.support.example_events`."""

import json
from collections.abc import Iterator

from orderflow.domain.lifecycle import COURSE
from orderflow.domain.status import Status
from orderflow.runtime.batch import StreamEvent
from tests.support.builders import (
    EVENTS,
    OTHER_ID,
    make_order,
    make_request,
    order_records,
    records,
    status_fields,
    watch_fields,
)
from tests.support.lifecycle import STAGES


def example_events() -> Iterator[tuple[str, StreamEvent]]:
    """Yield (function, event) for every function that a stream feeds."""
    back = make_request("USDC", "SOL", "250.75", slippage_bps=100)
    stages = [(stage.function, stage.stream, stage.before) for stage in STAGES]
    for function, stream, status in (*stages, ("produce_block", "transactions", Status.SUBMITTED)):
        yield function, order_records(stream, make_order(status), make_order(status, back, order_id=OTHER_ID))
    steps = [status_fields(make_order(status)) for status in Status if status is not Status.FAILED]
    # The ledger takes a step only after those before it.
    fails = [status_fields(make_order(status, back, order_id=OTHER_ID)) for status in (*COURSE[:-1], Status.FAILED)]
    yield "publish_status", records("status", [steps[0], watch_fields(), *steps[1:], fails[-1]])
    yield "record_order", records("status", [*steps, watch_fields("unsubscribe"), *fails])


def main() -> None:
    """Write the files anew."""
    for function, event in example_events():
        (EVENTS / f"{function}.json").write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
