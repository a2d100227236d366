"""Orders in Redis, as the stages use them: take steps, find an order, have it expire when the ledger has it."""

from collections.abc import Mapping, Sequence
from typing import cast

import msgspec
import redis

from orderflow.adapters import scripts
from orderflow.adapters.books import fired_text
from orderflow.adapters.codec import decode_event, encoder, order_decoder, step_decoder
from orderflow.adapters.keys import by_partition, key, order_key, partition_of, watcher_keys
from orderflow.adapters.messages import kept_steps, merge, name_of, own_steps
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.lifecycle import RESTING, SLICE_ENDED, first_stream
from orderflow.domain.order import Order, StatusEvent, step_of
from orderflow.domain.resting import first_place
from orderflow.domain.status import Status
from orderflow.errors import RetryableError

KEEP_AFTER_LEDGER_MS = 60 * 1000
"""How long an order stays in Redis after Postgres has its end: long enough to answer most subscribers from there.

Orders that have ended are most of what Redis holds, so this sets how many orders a second a memory carries for long.
"""


_STALE, _TAKEN, _ENDING = 0, 1, 2


class Transition(msgspec.Struct, frozen=True):
    """An order after a step, and how long it rests before the stage that its status leads to gets it.

    `child` is an order that is created in the same step. `through` is the order after each of the steps that lead up to
    this one, if there are several: they are taken together, and no stage gets it in between.
    """

    order: Order
    delay_ms: int = 0
    child: Order | None = None
    through: tuple[Order, ...] = ()

    @property
    def next_stream(self) -> str | None:
        """The stream that the order goes to; None when it has ended, or the venue has it."""
        if self.order.slice is not None and self.order.has_ended:
            return SLICE_ENDED
        request = self.order.request
        return first_stream(self.order.status, waits=request.waits, snipes=request.snipe is not None)


class Orders:
    """The orders of every partition."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client = client
        self.partitions = partitions
        self._transition = client.register_script(scripts.source("transition"))
        self._let_go = client.register_script(scripts.source("expire_after_recording"))
        self._schedule = client.register_script(scripts.source("schedule"))
        self._request_end = client.register_script(scripts.source("request_end"))

    def apply(self, transitions: Sequence[Transition]) -> list[bool]:
        """Take the steps, each wholly or not at all, and return of each whether it was taken.

        False means stale: the order was no longer at the step before, so this step was made already. A partition's
        steps, to one next stream, travel as one call. Raises RetryableError, when the others are taken, if an order was
        to wait or to go again whose end was requested meanwhile: who finds that in time ends it.
        """
        groups: dict[tuple[str, str | None], list[int]] = {}
        for index, transition in enumerate(transitions):
            partition = partition_of(transition.order.order_id, self.partitions)
            groups.setdefault((partition, transition.next_stream), []).append(index)
        taken, ending = [False] * len(transitions), []
        for (partition, stream), indices in groups.items():
            keys, arguments = _transition_call(partition, stream, [transitions[index] for index in indices])
            outcomes = iter(self._transition(keys, arguments))
            for index in indices:
                # Of steps that are taken together the first is stale, or they all are taken: the last one says which.
                outcome = [next(outcomes) for _ in (*transitions[index].through, transitions[index].order)][-1]
                taken[index] = outcome == _TAKEN
                if outcome == _ENDING:
                    ending.append(transitions[index].order.order_id)
        if ending:
            raise RetryableError(f"the end of {', '.join(ending)} was requested meanwhile")
        return taken

    def request_ends(self, orders: Sequence[Order], end: Status) -> list[bool]:
        """Have submitted orders end as `end` should their transactions be refused; False for one past that step.

        What was requested first stands.
        """
        noted: dict[str, bool] = {}
        for partition, group in by_partition(orders, lambda order: order.order_id, self.partitions).items():
            keys = [order_key(partition, order.order_id) for order in group]
            outcomes = self._request_end(keys, [end.value, *(order.sequence for order in group)])
            noted |= {order.order_id: bool(outcome) for order, outcome in zip(group, outcomes, strict=True)}
        return [noted[order.order_id] for order in orders]

    def requested_ends(self, order_ids: Sequence[str]) -> dict[str, Status]:
        """Return the ends that were requested of orders, by id."""
        pipeline = self._client.pipeline(transaction=False)
        for order_id in order_ids:
            pipeline.hget(order_key(partition_of(order_id, self.partitions), order_id), "ending")
        ends = zip(order_ids, pipeline.execute() if order_ids else (), strict=True)
        return {order_id: Status(end) for order_id, end in ends if end}

    def schedule(self, stream: str, messages: Sequence[tuple[Order, int]]) -> None:
        """Put orders on `stream` as they are, each after its delay in milliseconds; they take no step."""
        for partition, group in by_partition(messages, lambda message: message[0].order_id, self.partitions).items():
            keys = [key(partition, name) for name in ("timers", "wakes", stream)]
            arguments: list[str | bytes | int] = [stream]
            for order, delay_ms in group:
                arguments += [delay_ms, name_of(order.order_id, order.sequence)]
            self._schedule(keys, arguments)

    def find(self, order_id: str, account: str | None = None) -> tuple[Order, list[StatusEvent]] | None:
        """Return an order's latest snapshot and all its events in sequence, or None when Redis has no such order.

        With an `account` another's order is not there. Of an order that was filled in parts the snapshot has all fills.
        """
        fields = self._fields(order_id)
        if not _is_of(fields, account):
            return None
        kept = kept_steps(fields)
        order = _latest(fields, kept)
        if order.legs_before:
            fills = [leg for step in own_steps(fields) for leg in step_decoder.decode(step).fills]
            order = msgspec.structs.replace(order, fills=tuple(fills), legs_before=0)
        return order, list(map(decode_event, kept))

    def documents(self, order_id: str) -> list[str]:
        """Return what is kept of an order as `status` had it, which says all of it; empty when Redis has no such order.

        That is each of its steps. One that the release before kept is whole after a step, and steps after that.
        """
        fields = self._fields(order_id)
        return [*_whole(fields), *own_steps(fields)]

    def find_each(self, order_ids: Sequence[str], account: str | None = None) -> dict[str, Order]:
        """Return the latest snapshots of those of the orders that Redis has, by id, in one trip.

        With an `account` another's orders are not there. Of an order that was filled in parts a snapshot has the fills
        of the latest part. Raises RetryableError when one can't be read: newer code knows it.
        """
        pipeline = self._client.pipeline(transaction=False)
        for order_id in order_ids:
            pipeline.hgetall(order_key(partition_of(order_id, self.partitions), order_id))
        found = zip(order_ids, pipeline.execute() if order_ids else (), strict=True)
        try:
            return {
                order_id: _latest(fields, kept_steps(fields)) for order_id, fields in found if _is_of(fields, account)
            }
        except msgspec.ValidationError as error:
            raise RetryableError(f"an order is of newer code: {error}") from error

    def expire_after_recording(self, order_ids: Sequence[str]) -> None:
        """Have orders expire in a while (KEEP_AFTER_LEDGER_MS); only to be called when the ledger has their end."""
        keys: dict[str, list[str]] = {}
        for order_id in order_ids:
            partition = partition_of(order_id, self.partitions)
            own = (order_key(partition, order_id), *watcher_keys(partition, order_id))
            keys.setdefault(partition, [key(partition, "watched:")]).extend(own)
        for of_partition in keys.values():
            self._let_go(of_partition, [KEEP_AFTER_LEDGER_MS])

    def _fields(self, order_id: str) -> dict[str, str]:
        partition = partition_of(order_id, self.partitions)
        return cast("dict[str, str]", self._client.hgetall(order_key(partition, order_id)))


def _is_of(fields: Mapping[str, str], account: str | None) -> bool:
    """Return whether an order is there, and an account's where one is given."""
    return bool(fields) and (account is None or fields.get("account", LOCAL_ACCOUNT) == account)


def _latest(fields: Mapping[str, str], kept: Sequence[str]) -> Order:
    """Return an order as its hash has it; `kept` is what that has of each step."""
    steps, whole = own_steps(fields), _whole(fields)
    by_former = f"step:{len(kept)}" not in fields  # that may have taken the last step, too
    return order_decoder.decode(merge([*steps, *whole] if by_former else [*whole, *steps]))


def _whole(fields: Mapping[str, str]) -> list[str]:
    """Return the order as the release before kept it, whole, if it did."""
    return [fields["order"]] if "order" in fields else []


def _transition_call(
    partition: str, stream: str | None, transitions: Sequence[Transition]
) -> tuple[list[str], list[str | bytes | int]]:
    """Return the keys and arguments of transition.lua for steps of one partition."""
    next_key = key(partition, stream or "status")
    keys = [key(partition, "timers"), key(partition, "wakes"), key(partition, "status"), next_key]
    arguments: list[str | bytes | int] = []
    for transition in transitions:
        order = transition.order
        keys += [order_key(partition, order.order_id)] * (len(transition.through) + 1)
        for place, before in enumerate(transition.through):
            arguments += [*_step_arguments(before), "", 0, "", "", int(place > 0)]
        arguments += [*_step_arguments(order), stream or "", transition.delay_ms]
        arguments += [_place(order), _created(transition.child), int(bool(transition.through))]
    return keys, arguments


def _step_arguments(order: Order) -> list[str | bytes | int]:
    return [order.order_id, order.sequence, order.status.value, encoder.encode(step_of(order))]


def _place(order: Order) -> str:
    """Return where an order that has come to rest, or has fired, is found, as books.lua takes it."""
    if order.status in RESTING:
        return first_place(order).text
    return fired_text(order) if order.status is Status.TRIGGERED else ""


def _created(child: Order | None) -> str:
    if child is None:
        return ""
    stream = first_stream(child.status, waits=child.request.waits)
    return f"{child.order_id} {stream} {encoder.encode(step_of(child)).decode()}"
