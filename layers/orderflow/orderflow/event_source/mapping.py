"""What binds one function to one stream, in Lambda's own words for an event source mapping."""

from typing import Literal

import msgspec


class EventSourceMapping(msgspec.Struct, frozen=True, kw_only=True):
    """Read `stream` of every partition and hand its records to `function`, in batches.

    `scope` says which partitions have the stream: those of the `orders`, or the mock `chain`'s own.
    `ordered` keeps the records of a partition in order: a failed record is tried again in its place and holds
    back those behind it. Otherwise a failed record waits in the timer set while the others go on.
    """

    function: str
    stream: str
    scope: Literal["orders", "chain"] = "orders"
    ordered: bool = False
    batch_size: int = 100
    maximum_batching_window_ms: int = 0
    maximum_retry_attempts: int = 3
