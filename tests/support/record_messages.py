"""Records what this version leaves in Redis, orders at every place: `python -m tests.support.record_messages NAME`.

See tests/events/recorded/README.md.
"""

import asyncio
import os
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import cast

import redis

from local.run.poller import handler_of
from local.servers.redis_server import start_redis
from orderflow.adapters.keys import key, partition_of
from orderflow.adapters.messages import order_name
from orderflow.adapters.sockets import Message, Sent
from orderflow.adapters.streams import Entry, Streams
from orderflow.domain.lifecycle import LIFECYCLE
from orderflow.event_source.failure_destination import FailureDestination
from orderflow.runtime import clients
from orderflow.runtime.clients import open_redis
from orderflow.runtime.end_order import end_order
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.keys import CHAIN
from tests.support import http_api
from tests.support.builders import read_event
from tests.support.lifecycle import LINE, TEMPLATE
from tests.support.recorded import RECORDED, RecordedOrder, Recording, dump, write_recording
from tests.support.turns import promote, read_new

PARTITIONS = 2
SPEEDS = {"p0": "0", "p1": "1", CHAIN: "0"}
"""What is to come next lies on the streams of the one partition, and rests in the timers of the other."""
BACKWARDS = tuple(reversed(LINE))
FAR_MS = 4_000_000_000_000
"""The chain's time: transactions that are sent by it have not expired whenever they are played."""


class NoSockets:
    """Connections that take everything."""

    def send(self, messages: Sequence[Message]) -> Sent:
        return Sent()


class Recorder:
    """The functions over a Redis, run one batch at a time."""

    def __init__(self, client: redis.Redis) -> None:
        self.client = client
        self.streams = {partition: Streams(client, partition) for partition in SPEEDS}
        self.orders: list[RecordedOrder] = []
        for mapping in TEMPLATE.event_sources:
            for partition in filter(mapping.is_on, SPEEDS):
                self.streams[partition].create_group(mapping.stream, mapping.function)

    def post_until_each_partition_has_one(self) -> None:
        """Post orders, each under a name of its own, some with a key and some with a client_order_id."""
        missing = {"p0", "p1"}
        while missing:
            number = len(self.orders)
            amount = f"{3 + number}.25"
            if number % 2:
                body, headers = (
                    http_api.written(amount=amount, max_slippage="0.5"),
                    {"idempotency-key": f"key-{number}"},
                )
            else:
                body = http_api.written(amount=amount, max_slippage="0.5", client_order_id=f'"desk-{number}"')
                headers = {}
            answer = http_api.post(body, headers)
            assert answer.status == 202, answer.text
            order_id = answer.document["order_id"]
            self.orders.append(RecordedOrder(order_id, body, headers, "confirmed"))
            self._watch(order_id)
            missing.discard(partition_of(order_id, PARTITIONS))

    def work(self, function: str, partition: str) -> None:
        """Run a function on what is new on its stream, as its partition's poller would."""
        if entries := self.read(function, partition):
            os.environ["SPEED"] = SPEEDS[partition]
            clients.venue.cache_clear()
            stream = self._stream(function)
            records = [self._record(stream, partition, entry) for entry in entries]
            answer = handler_of(TEMPLATE.function(function))({"Records": records}, None)
            assert answer == {"batchItemFailures": []}, answer
            self.streams[partition].acknowledge(stream, function, [entry.id for entry in entries])

    def read(self, function: str, partition: str, count: int = 100) -> list[Entry]:
        """Hand out what is new on a function's stream."""
        return read_new(self.streams[partition], self._stream(function), function, count)

    def promote(self, partition: str) -> None:
        """Let the time pass for which messages rest."""
        timers = key(partition, "timers")
        for message in self.client.zrange(timers, 0, -1):
            self.client.zadd(timers, {str(message): 0})
        promote(self.streams[partition], [mapping.stream for mapping in TEMPLATE.event_sources])

    def give_up(self, function: str, partition: str) -> None:
        """Give the next record of a function up."""
        [entry] = self.read(function, partition, 1)
        mapping = next(each for each in TEMPLATE.event_sources if each.function == function)
        FailureDestination(end_order).dead_letter(self.streams[partition], mapping, [(entry, "ValueError: recorded")])

    def defer(self, function: str, partition: str) -> None:
        """Have the next record of a function fail for the first time."""
        entries = self.read(function, partition, 1)
        self.streams[partition].defer(self._stream(function), function, [(entry, 1_000) for entry in entries])

    def _watch(self, order_id: str) -> None:
        handler_of(TEMPLATE.function("watch_order"))(read_event("watch_order.default") | {"body": order_id}, None)

    @staticmethod
    def _stream(function: str) -> str:
        return next(each.stream for each in TEMPLATE.event_sources if each.function == function)

    @staticmethod
    def _record(stream: str, partition: str, entry: Entry) -> dict[str, object]:
        return {
            "messageId": entry.id,
            "eventSource": "orderflow:stream",
            "stream": stream,
            "partition": partition,
            "attempt": entry.attempt,
            "data": entry.data,
        }


def record(client: redis.Redis) -> Recording:
    """Bring orders to every place that an order can be at, and return all that is kept of them."""
    client.set("orderflow:partitions", PARTITIONS)
    recorder = Recorder(client)
    for turn in range(len(BACKWARDS) + 1):
        for partition in ("p1", CHAIN):
            recorder.promote(partition)
        for function in BACKWARDS:
            for partition in [CHAIN] if function == "produce_block" else ["p0", "p1"]:
                recorder.work(function, partition)
        if turn == 3:
            recorder.work("publish_status", "p0")
        recorder.post_until_each_partition_has_one()
    [(_, given_up)] = cast("list[tuple[str, dict[str, str]]]", client.xrange(key("p0", "build"), count=1))
    failed, _ = order_name(given_up) or ("", 0)
    recorder.give_up("build_order", "p0")
    recorder.work("route_order", "p0")
    recorder.post_until_each_partition_has_one()
    recorder.defer("route_order", "p0")
    recorder.post_until_each_partition_has_one()
    recorder.give_up("record_order", "p1")
    recorder.read("route_order", "p1")  # handed out, and never acknowledged: the poller died
    orders = [
        RecordedOrder(each.order_id, each.body, each.headers, "failed" if each.order_id == failed else each.end)
        for each in recorder.orders
    ]
    followers = {str(status): sorted(map(str, row.followers)) for status, row in LIFECYCLE.items()}
    return Recording(PARTITIONS, 1, orders, followers, list(dump(client)))


def main(name: str) -> None:
    """Write tests/events/recorded/<name>.json."""
    with tempfile.TemporaryDirectory(prefix="orderflow-") as home:
        asyncio.set_event_loop(asyncio.new_event_loop())  # which the front door's adapter for Lambda expects
        backing = start_redis(Path(home), None)
        os.environ |= {"REDIS_URL": backing.url, "PARTITIONS": str(PARTITIONS), "SEED": "1", "SPEED": "0"}
        os.environ |= {"DROP_RATE": "0", "NETWORK_FAILURE_RATE": "0"}
        ChainStore.now_ms = lambda self: FAR_MS  # type: ignore[method-assign]
        clients.sockets = NoSockets  # type: ignore[assignment]
        with open_redis(backing.url) as client:
            write_recording(RECORDED / f"{name}.json", record(client))
        backing.stop()


if __name__ == "__main__":
    main(sys.argv[1])
