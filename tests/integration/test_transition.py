"""The atomic transition on a real Redis: one step, all of it, once."""

from concurrent.futures import ThreadPoolExecutor

import msgspec
import redis

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.keys import order_key
from orderflow.adapters.messages import name_of
from orderflow.adapters.orders import KEEP_AFTER_LEDGER_MS, Orders, Transition
from orderflow.adapters.streams import Streams
from tests.support.builders import nth_id
from tests.support.order_steps import FAR_MS, FAR_SLOT, NOW_MS, pending, routed, submitted, way_of
from tests.support.redis_servers import P0, entries_of, on_single_and_cluster
from tests.support.turns import promote, read_new
from tests.support.waiting import eventually

pytestmark = on_single_and_cluster


def test_a_step_writes_state_history_status_and_next_message_together(client: redis.Redis, orders: Orders) -> None:
    order = pending()

    taken = orders.apply([Transition(order)])

    assert taken == [True]
    found = orders.find(order.order_id)
    assert found is not None
    assert found[0] == order
    assert [event.status for event in found[1]] == ["pending"]
    assert client.xlen("{p0}:status") == 1
    [(_, message)] = entries_of(client, "{p0}:route")
    assert message["attempt"] == "1"


def test_the_last_step_is_published_once_and_sent_nowhere(client: redis.Redis, orders: Orders) -> None:
    order = pending()
    failed = order.fail("no way", NOW_MS)
    orders.apply([Transition(order), Transition(failed)])

    [_, (_, published)] = entries_of(client, "{p0}:status")

    assert (published["order_id"], published["sequence"], published["status"]) == (order.order_id, "2", "failed")
    assert client.hget(order_key(P0, order.order_id), "status") == "failed"
    assert sorted(client.scan_iter()) == sorted([order_key(P0, order.order_id), "{p0}:route", "{p0}:status"])


def test_a_message_names_its_order_while_that_has_not_ended_and_has_all_of_it_then(
    client: redis.Redis, orders: Orders, streams: Streams
) -> None:
    first = msgspec.structs.replace(pending(), slice=1, parent_id=nth_id(1))
    way = way_of(first)

    assert orders.apply([Transition(order) for order in way]) == [True] * len(way)
    client.delete(order_key(P0, first.order_id))  # as a while after it was recorded

    [(_, named)] = entries_of(client, "{p0}:route")
    assert named["order"] == name_of(first.order_id, 1)
    streams.create_group("settle", "settle_slice")
    [entry] = read_new(streams, "settle", "settle_slice")
    assert order_decoder.decode(entry.data["order"]) == way[-1]


def test_of_two_racers_exactly_one_takes_the_step(client: redis.Redis, orders: Orders) -> None:
    accepted = [pending() for _ in range(50)]
    orders.apply([Transition(order) for order in accepted])
    steps = [[Transition(routed(order))] for order in accepted for _ in range(4)]

    with ThreadPoolExecutor(16) as racers:
        outcomes = list(racers.map(orders.apply, steps))

    assert sum(taken for [taken] in outcomes) == 50
    assert client.xlen("{p0}:build") == 50
    assert client.xlen("{p0}:status") == 100


def test_a_stale_step_changes_nothing(client: redis.Redis, orders: Orders) -> None:
    order = pending()
    next_step = routed(order)
    orders.apply([Transition(order), Transition(next_step)])
    before = client.hgetall(order_key(P0, order.order_id))

    taken = orders.apply([Transition(order), Transition(order.fail("too late", NOW_MS))])

    assert taken == [False, False]
    assert client.hgetall(order_key(P0, order.order_id)) == before
    assert client.xlen("{p0}:status") == 2


def test_a_step_too_early_changes_nothing(client: redis.Redis, orders: Orders) -> None:
    taken = orders.apply([Transition(routed(pending()))])

    assert taken == [False]
    assert list(client.scan_iter()) == []


def test_a_delayed_message_rests_until_it_is_due_and_then_comes_once(
    client: redis.Redis, orders: Orders, streams: Streams
) -> None:
    now, later = pending(), pending()
    orders.apply([Transition(now, delay_ms=1), Transition(later, delay_ms=60_000)])

    next_ms = promote(streams, ["route"])
    while client.xlen("{p0}:route") < 1:
        next_ms = promote(streams, ["route"])

    assert next_ms is not None
    assert 50_000 < next_ms <= 60_000
    streams.create_group("route", "route_order")
    [entry] = read_new(streams, "route", "route_order")
    assert now.order_id in entry.fields["order"]


def test_messages_for_a_stream_of_newer_code_rest_and_do_not_keep_the_others_from_it(
    client: redis.Redis, orders: Orders, streams: Streams
) -> None:
    newer, known = [pending() for _ in range(5)], pending()
    orders.schedule("simulate", [(order, 1) for order in newer])
    orders.schedule("route", [(known, 2)])

    def promoted(*names: str) -> int:
        promote(streams, names, limit=3)
        return client.xlen(f"{{p0}}:{names[-1]}")

    eventually(lambda: promoted("route") == 1)
    assert client.zcard("{p0}:timers") == len(newer)
    eventually(lambda: promoted("route", "simulate") == len(newer))


def test_the_same_message_scheduled_twice_rests_once(client: redis.Redis, orders: Orders) -> None:
    order = pending()

    orders.schedule("confirm", [(order, 60_000)])
    orders.schedule("confirm", [(order, 60_000)])

    assert client.zcard("{p0}:timers") == 1


def test_an_order_leaves_redis_only_after_it_was_let_go(client: redis.Redis, orders: Orders) -> None:
    order = pending()
    orders.apply([Transition(order)])
    lives_before = client.pttl(order_key(P0, order.order_id))

    orders.expire_after_recording([order.order_id])

    assert lives_before == -1
    assert 0 < client.pttl(order_key(P0, order.order_id)) <= KEEP_AFTER_LEDGER_MS


def test_steps_that_are_taken_together_are_all_taken_and_no_stage_gets_the_order_in_between(
    client: redis.Redis, orders: Orders
) -> None:
    order = pending()
    after = submitted(order)
    first = routed(order)
    built = first.build(("swap",), FAR_SLOT, FAR_MS, NOW_MS)
    orders.apply([Transition(order)])

    taken = orders.apply([Transition(after, through=(first, built)), Transition(pending())])

    assert taken == [True, True]
    found = orders.find(order.order_id)
    assert found is not None
    assert (found[0], [event.status for event in found[1]]) == (
        after,
        ["pending", "routing", "building", "submitted"],
    )
    assert [client.xlen(f"{{p0}}:{stream}") for stream in ("build", "submit", "status")] == [0, 0, 5]


def test_of_steps_that_are_taken_together_none_is_taken_a_second_time(client: redis.Redis, orders: Orders) -> None:
    order = pending()
    first = routed(order)
    built = first.build(("swap",), FAR_SLOT, FAR_MS, NOW_MS)
    together = Transition(submitted(order), through=(first, built))
    orders.apply([Transition(order)])

    outcomes = [orders.apply([together, Transition(order)]) for _ in range(2)]

    assert outcomes == [[True, False], [False, False]]
    assert client.xlen("{p0}:status") == 4


def test_of_steps_that_are_taken_together_none_is_where_the_order_went_another_way(
    client: redis.Redis, orders: Orders
) -> None:
    order = pending()
    first = routed(order)
    built = first.build(("swap",), FAR_SLOT, FAR_MS, NOW_MS)
    orders.apply([Transition(order), Transition(order.cancel(NOW_MS))])  # a step for a step

    assert orders.apply([Transition(submitted(order), through=(first, built))]) == [False]

    found = orders.find(order.order_id)
    assert found is not None
    assert [event.status for event in found[1]] == ["pending", "cancelled"]


def test_a_message_that_comes_again_does_not_keep_the_order_from_its_next_step(
    client: redis.Redis, orders: Orders
) -> None:
    order = pending()
    first = routed(order)
    orders.apply([Transition(order), Transition(first)])

    # Both come in one batch, where the order comes to the same stage again.
    taken = orders.apply([Transition(first), Transition(first.cancel(NOW_MS))])

    assert taken == [False, True]
    found = orders.find(order.order_id)
    assert found is not None
    assert [event.status for event in found[1]] == ["pending", "routing", "cancelled"]
