"""Tallies what a batch of statuses says of the engine: orders that came, those that ended, and how long they took."""

from collections.abc import Iterable

from orderflow.adapters.watchers import StatusEntry
from orderflow.domain.lifecycle import COURSE, TERMINAL
from orderflow.domain.order import OrderId
from orderflow.domain.tally import Tally, bucket_of
from orderflow.runtime.order_ids import made_at_ms


def tally(entries: Iterable[StatusEntry]) -> dict[int, Tally]:
    """Return what statuses come to, by the second since 1970 in which each was written.

    A latency is from the making of an order's id, as it comes in, to its last status. It is of orders that were
    executed on the straight way alone, which are market orders: any other has steps besides.
    """
    by_second: dict[int, Tally] = {}
    for entry in entries:
        if entry.action != "event":
            continue
        at_ms = int(entry.entry_id.partition("-")[0])
        of_second = by_second.setdefault(at_ms // 1000, Tally())
        if entry.sequence == 1:
            of_second.placed += 1
        elif entry.status in TERMINAL:
            of_second.ended += 1
            if entry.status == COURSE[-1] and entry.sequence == len(COURSE):
                bucket = bucket_of(at_ms - made_at_ms(OrderId(entry.order_id)))
                of_second.latencies[bucket] = of_second.latencies.get(bucket, 0) + 1
    return by_second
