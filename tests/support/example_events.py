"""Writes the stream events in tests/events, as the pipeline makes them: `python -m tests.support.example_events`."""

import json
from collections.abc import Iterator

from orderflow.adapters.reports import CHANNELS
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.status import Status
from orderflow.runtime.batch import StreamEvent
from tests.support.builders import (
    EVENTS,
    NOW_MS,
    OTHER_ID,
    WAITING_TYPES,
    make_order,
    make_request,
    make_slice,
    make_waiting_order,
    make_waiting_request,
    nth_id,
    opening_tick,
    order_records,
    records,
    report_records,
    status_fields,
    tick_records,
    watch_fields,
)
from tests.support.launches import MINT, make_sniper, make_sniper_request
from tests.support.lifecycle import STAGES


def example_events() -> Iterator[tuple[str, StreamEvent]]:
    """Yield (function, event) for every function that a stream feeds."""
    back = make_request("USDC", "SOL", "250.75", slippage_bps=100)
    stages = [(stage.function, stage.stream, stage.before) for stage in STAGES]
    for function, stream, status in (*stages, ("produce_block", "transactions", Status.SUBMITTED)):
        yield function, order_records(stream, make_order(status), make_order(status, back, order_id=OTHER_ID))
    yield from _of_orders_that_wait()
    steps = [status_fields(make_order(status)) for status in COURSE]
    # The ledger takes a step only after those before it.
    fails = [status_fields(make_order(status, back, order_id=OTHER_ID)) for status in (*COURSE[:-1], Status.FAILED)]
    yield "publish_status", records("status", [steps[0], watch_fields(), *steps[1:], fails[-1]])
    yield "record_order", records("status", [*steps, watch_fields("unsubscribe"), *fails])
    yield "publish_reports", report_records(*CHANNELS)


def _of_orders_that_wait() -> Iterator[tuple[str, StreamEvent]]:
    """Yield (function, event) for the functions that only orders that wait come to."""
    new = [
        make_waiting_order(Status.PENDING, order_type, order_id=nth_id(number))
        for number, order_type in enumerate(WAITING_TYPES, start=1)
    ]
    yield "open_order", order_records("open", *new, make_waiting_order(Status.OPEN, order_id=OTHER_ID))
    yield "trigger_orders", tick_records(opening_tick())
    for_mint = make_sniper(Status.TRIGGERED, make_sniper_request(mint=MINT), order_id=OTHER_ID)
    yield "snipe_order", order_records("snipe", make_sniper(Status.TRIGGERED), for_mint)
    # What the timer of an order's time names is the order as it came in.
    until_now = make_waiting_request("stop_loss", time_in_force="gtd", expires_at_ms=NOW_MS)
    yield "expire_order", order_records("expire", make_waiting_order(Status.PENDING, request=until_now))
    in_slices = make_waiting_order(Status.OPEN, "twap")
    yield "settle_slice", order_records("settle", make_slice(in_slices), make_slice(in_slices, Status.FAILED))


def main() -> None:
    """Write the files anew."""
    for function, event in example_events():
        (EVENTS / f"{function}.json").write_text(json.dumps(event, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
