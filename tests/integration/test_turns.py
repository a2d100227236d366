"""A poller's turn on a real Redis: it acknowledges, promotes and reads in one step, and no entry falls between two."""

import time

import pytest
import redis

from orderflow.adapters.messages import name_of
from orderflow.adapters.orders import Orders
from orderflow.adapters.streams import Done, Entry, Reading, Streams
from tests.support.builders import nth_id
from tests.support.order_steps import pending
from tests.support.redis_servers import PARTITIONS, entries_of, on_single_and_cluster

pytestmark = on_single_and_cluster
NAMES = ("route", "build")


def readings(most: int = 10) -> list[Reading]:
    return [Reading(name, f"{name}_order", most) for name in NAMES]


def create_groups(streams: Streams) -> None:
    for stream, group, _ in readings():
        streams.create_group(stream, group)


def add(client: redis.Redis, stream: str, *orders: str) -> None:
    for order in orders:
        client.xadd(f"{{p0}}:{stream}", {"order": order})


def test_a_turn_brings_the_batch_of_the_first_reading_that_finds_entries(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    add(client, "build", "a", "b", "c")

    turn = streams.turn(readings(most=2))

    assert turn.place == 1
    assert [entry.fields for entry in turn.entries] == [{"order": "a"}, {"order": "b"}]


def test_what_another_function_may_read_stays_unread(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    add(client, "route", "a")
    add(client, "build", "b")

    turns = [streams.turn(readings()) for _ in range(2)]

    assert [(turn.place, [entry.fields["order"] for entry in turn.entries]) for turn in turns] == [
        (0, ["a"]),
        (1, ["b"]),
    ]
    assert streams.deliveries("build", "build_order", 10) == [1]


def test_entries_of_several_groups_are_acknowledged_and_removed_in_the_turn_that_reads_on(
    client: redis.Redis, streams: Streams
) -> None:
    create_groups(streams)
    add(client, "route", "a", "b")
    add(client, "build", "c", "d")
    batches = [streams.turn(readings(most=1)).entries, streams.turn(readings(most=1)[1:]).entries]
    done = [Done(name, f"{name}_order", [batch[0].id]) for name, batch in zip(NAMES, batches, strict=True)]

    turn = streams.turn(readings(), done=done)

    assert [entry.fields["order"] for entry in turn.entries] == ["b"]
    assert [[fields["order"] for _, fields in entries_of(client, f"{{p0}}:{name}")] for name in NAMES] == [["b"], ["d"]]


def test_a_message_that_is_due_is_read_in_the_turn_that_promotes_it(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    client.zadd("{p0}:timers", {"build 3 {}": 0})

    turn = streams.turn(readings(), timers_of=NAMES)

    assert [(entry.attempt, entry.fields) for entry in turn.entries] == [(3, {"order": "{}"})]


def test_the_timers_stay_where_another_poller_has_them(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    client.zadd("{p0}:timers", {"build 3 {}": 0})

    turn = streams.turn(readings())

    assert (list(turn.entries), turn.next_ms) == ([], None)
    assert client.zcard("{p0}:timers") == 1


@pytest.mark.parametrize("came", ["entry", "timer"])
def test_what_came_between_a_turn_and_the_wait_ends_the_wait_at_once(
    client: redis.Redis, streams: Streams, came: str
) -> None:
    create_groups(streams)
    add(client, "build", "seen before, and not acknowledged")
    streams.turn(readings())
    nothing = streams.turn(readings(), timers_of=NAMES)
    if came == "entry":
        add(client, "build", "new")
    else:
        Orders(client, PARTITIONS).schedule("build", [(pending(), 1)])

    began = time.monotonic()
    streams.wait(nothing.last_ids, 4_000)

    assert time.monotonic() - began < 2


def test_without_anything_new_a_wait_lasts_to_its_end(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    add(client, "build", "seen before, and not acknowledged")
    streams.turn(readings())
    nothing = streams.turn(readings(), timers_of=NAMES)

    began = time.monotonic()
    streams.wait(nothing.last_ids, 50)

    assert time.monotonic() - began >= 0.05


def test_an_entry_that_was_removed_while_it_was_pending_has_no_fields(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    add(client, "route", "removed", "left")
    removed, left = streams.turn(readings()).entries
    client.xdel("{p0}:route", removed.id)

    pending_entries = streams.read_pending("route", "route_order", 10)

    assert pending_entries == [Entry(removed.id, {}, 1), left]


def test_an_entry_whose_order_has_left_redis_has_no_fields_either(client: redis.Redis, streams: Streams) -> None:
    create_groups(streams)
    add(client, "route", name_of(nth_id(1), 1))

    [entry] = streams.turn(readings()).entries

    assert entry == Entry(entry.id, {}, 1)
    assert streams.read_pending("route", "route_order", 10) == [entry]
