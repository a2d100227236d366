"""Orders in Redis, as the stages use them: take steps, find an order, have it expire when the ledger has it."""

from collections.abc import Sequence
from typing import cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.codec import decode_event, encoder, order_decoder
from orderflow.adapters.keys import key, order_key, partition_of, watcher_keys
from orderflow.adapters.messages import kept_steps, merge, name_of
from orderflow.domain.lifecycle import first_stream
from orderflow.domain.order import Order, StatusEvent, step_of

KEEP_AFTER_LEDGER_MS = 60 * 1000
"""How long an order stays in Redis after Postgres has its end: long enough to answer most subscribers from there.

Orders that have ended are most of what Redis holds, so this sets how many orders a second a memory carries for long.
"""


class Transition(msgspec.Struct, frozen=True):
    """An order after a step, and how long it rests before the stage that its status leads to gets it."""

    order: Order
    delay_ms: int = 0

    @property
    def next_stream(self) -> str | None:
        """The stream that the order goes to; None when it has ended, or the venue has it."""
        return first_stream(self.order.status)


class Orders:
    """The orders of every partition."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client = client
        self.partitions = partitions
        self._transition = client.register_script(scripts.source("transition"))
        self._let_go = client.register_script(scripts.source("expire_after_recording"))
        self._schedule = client.register_script(scripts.source("schedule"))

    def apply(self, transitions: Sequence[Transition]) -> list[bool]:
        """Take the steps, each wholly or not at all, and return of each whether it was taken.

        False means stale: the order was no longer at the step before, so this step was made already. A partition's
        steps, to one next stream, travel as one call.
        """
        groups: dict[tuple[str, str | None], list[int]] = {}
        for index, transition in enumerate(transitions):
            partition = partition_of(transition.order.order_id, self.partitions)
            groups.setdefault((partition, transition.next_stream), []).append(index)
        taken = [False] * len(transitions)
        for (partition, stream), indices in groups.items():
            keys, arguments = _transition_call(partition, stream, [transitions[index] for index in indices])
            for index, outcome in zip(indices, self._transition(keys, arguments), strict=True):
                taken[index] = outcome == 1
        return taken

    def schedule(self, stream: str, messages: Sequence[tuple[Order, int]]) -> None:
        """Put orders on `stream` as they are, each after its delay in milliseconds; they take no step."""
        by_partition: dict[str, list[tuple[Order, int]]] = {}
        for message in messages:
            by_partition.setdefault(partition_of(message[0].order_id, self.partitions), []).append(message)
        for partition, group in by_partition.items():
            keys = [key(partition, name) for name in ("timers", "wakes", stream)]
            arguments: list[str | bytes | int] = [stream]
            for order, delay_ms in group:
                arguments += [delay_ms, name_of(order.order_id, order.sequence)]
            self._schedule(keys, arguments)

    def find(self, order_id: str) -> tuple[Order, list[StatusEvent]] | None:
        """Return an order's latest snapshot and all its events in sequence, or None when Redis has no such order."""
        partition = partition_of(order_id, self.partitions)
        fields = cast("dict[str, str]", self._client.hgetall(order_key(partition, order_id)))
        if not fields:
            return None
        kept = kept_steps(fields)
        steps = [step for number, step in enumerate(kept, start=1) if f"step:{number}" in fields]
        # The release before kept an order whole. It may have taken the last step, too.
        whole = [fields["order"]] if "order" in fields else []
        by_former = f"step:{len(kept)}" not in fields
        order = order_decoder.decode(merge([*steps, *whole] if by_former else [*whole, *steps]))
        return order, list(map(decode_event, kept))

    def expire_after_recording(self, order_ids: Sequence[str]) -> None:
        """Have orders expire in a while (KEEP_AFTER_LEDGER_MS); only to be called when the ledger has their end."""
        keys: dict[str, list[str]] = {}
        for order_id in order_ids:
            partition = partition_of(order_id, self.partitions)
            own = (order_key(partition, order_id), *watcher_keys(partition, order_id))
            keys.setdefault(partition, [key(partition, "watched:")]).extend(own)
        for of_partition in keys.values():
            self._let_go(of_partition, [KEEP_AFTER_LEDGER_MS])


def _transition_call(
    partition: str, stream: str | None, transitions: Sequence[Transition]
) -> tuple[list[str], list[str | bytes | int]]:
    """Return the keys and arguments of transition.lua for steps of one partition."""
    next_key = key(partition, stream or "status")
    keys = [key(partition, "timers"), key(partition, "wakes"), key(partition, "status"), next_key]
    arguments: list[str | bytes | int] = []
    for transition in transitions:
        order = transition.order
        keys.append(order_key(partition, order.order_id))
        arguments += [
            order.order_id,
            order.sequence,
            order.status.value,
            encoder.encode(step_of(order)),
            stream or "",
            transition.delay_ms,
        ]
    return keys, arguments
