"""The socket that makes up what happens to orders: which events it sends, and how many."""

import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from websockets.sync.client import connect

from tests.harness.bench.desk_feed import COURSE, FIRST_SEQUENCE, Feed, serving
from tests.support.ports import free_port

SUBSCRIBE = '{"action":"subscribe","channel":"orders"}'


@pytest.fixture
def port() -> int:
    """Return a port that is free."""
    return free_port()


def frames_of(port: int, count: int) -> Iterator[dict[str, Any]]:
    """Yield the frames that a page gets."""
    with connect(f"ws://127.0.0.1:{port}/") as page:
        page.send(SUBSCRIBE)
        for _ in range(count):
            yield json.loads(page.recv(timeout=10))


def test_orders_take_turns_and_each_goes_its_course(port: int) -> None:
    feed = Feed(["a", "b"], rate=500)

    with serving(feed.serve, port):
        frames = frames_of(port, 13)
        assert next(frames) == {"channel": "orders", "subscribed": True, "sequence": 0}
        running = threading.Thread(target=feed.run, args=(30,))
        running.start()
        events = [frame["event"] for frame in frames]
        feed.end()
        running.join()

    assert [event["order_id"] for event in events] == ["a", "b"] * 6
    assert [event["status"] for event in events[::2]] == [*COURSE, COURSE[0]]
    assert [event["sequence"] for event in events[::2]] == list(range(FIRST_SEQUENCE, FIRST_SEQUENCE + 6))
    assert feed.sent >= 12


def test_the_last_event_of_each_order_is_known() -> None:
    feed = Feed(["a", "b", "c"], rate=1)
    feed.sent = 5

    assert feed.sequences() == {"a": FIRST_SEQUENCE + 1, "b": FIRST_SEQUENCE + 1, "c": FIRST_SEQUENCE}
