"""Channels of reports through the front door: an idle market lives while somebody follows it, and the engine shows how
it is."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from itertools import pairwise
from typing import Any

from websockets.sync.client import ClientConnection, connect

from tests.harness.own_system import OwnSystem
from tests.support.placed_orders import place_many
from tests.support.waiting import eventually

NewRun = Callable[..., OwnSystem]
TIMEOUT_S = 20


@contextmanager
def followed(run: OwnSystem, channel: str) -> Iterator[ClientConnection]:
    """Lend a socket that has subscribed to a channel and was answered."""
    with connect(f"ws://127.0.0.1:{run.port}/api/orders/status", open_timeout=TIMEOUT_S) as socket:
        socket.send(json.dumps({"action": "subscribe", "channel": channel}))
        assert frame(socket) == {"channel": channel, "subscribed": True}
        yield socket


def frame(socket: ClientConnection) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(socket.recv(timeout=TIMEOUT_S))
    return document


def report(socket: ClientConnection, channel: str) -> dict[str, Any]:
    shown: dict[str, Any] = frame(socket)[channel]
    return shown


def stands_still(engine: ClientConnection) -> bool:
    """Return whether the market's slot is the same in two reports of the engine, which are a second apart."""
    return int(report(engine, "engine")["slot"]) == int(report(engine, "engine")["slot"])


def test_an_idle_market_lives_while_somebody_follows_it_and_at_no_speed_faster_than_a_page_can_read(
    new_run: NewRun,
) -> None:
    run = new_run(SPEED="0")
    run.start()

    with followed(run, "engine") as engine:
        assert stands_still(engine)
        with followed(run, "market") as market:
            frames = [frame(market) for _ in range(6)]
            market.send('{"action":"unsubscribe","channel":"market"}')
            while frame(market) != {"channel": "market", "unsubscribed": True}:
                pass
            eventually(lambda: stands_still(engine))
        with followed(run, "market") as market:
            again = report(market, "market")
            eventually(lambda: report(market, "market")["slot"] > again["slot"] + 5)
        # The socket is closed without a word.
        eventually(lambda: stands_still(engine))

    sequences = [each["sequence"] for each in frames]
    assert sequences == list(range(sequences[0], sequences[0] + 6))
    slots = [each["market"]["slot"] for each in frames]
    assert slots == sorted(set(slots))
    times = [datetime.fromisoformat(each["market"]["at"]) for each in frames]
    apart_ms = [round((after - before).total_seconds() * 1000) for before, after in pairwise(times)]
    assert min(apart_ms) >= 400
    assert again["slot"] >= slots[-1]


def test_the_engine_shows_what_it_does_and_no_order(new_run: NewRun) -> None:
    run = new_run(SPEED="0")
    run.start()

    with followed(run, "engine") as engine:
        before = report(engine, "engine")
        placed = place_many(run.url, 40)
        seen: list[dict[str, Any]] = []

        def has_seen_all() -> bool:
            seen.append(report(engine, "engine"))
            return bool(seen[-1]["latency_ms"]["count"] >= 30)

        eventually(has_seen_all)

    assert before["orders_per_second"] == {"placed": "0.0", "ended": "0.0"}
    assert before["stores"] == {"redis": "ok", "postgres": "ok"}
    assert [len(source["partitions"]) for source in before["event_sources"]] != []
    assert max(float(each["orders_per_second"]["placed"]) for each in seen) > 0
    assert max(float(each["orders_per_second"]["ended"]) for each in seen) > 0
    latency = {name: float(value) for name, value in seen[-1]["latency_ms"].items()}
    assert 0 < latency["p50"] <= latency["p90"] <= latency["p99"]
    assert seen[-1]["sockets"] == 1
    assert seen[-1]["dead_letters"] == 0
    text = json.dumps(seen)
    assert [order_id for order_id in placed if order_id in text] == []


def test_the_prices_of_a_market_that_is_moved_by_hand_are_reported_as_they_change(new_run: NewRun) -> None:
    run = new_run(SPEED="0", CLOCK="manual")
    run.start()

    with followed(run, "market") as market:
        first = report(market, "market")
        place_many(run.url, 3)
        eventually(lambda: report(market, "market")["pairs"] != first["pairs"])
