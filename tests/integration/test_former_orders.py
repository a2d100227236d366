"""Orders of the release before, which kept them whole, are taken on from wherever they are."""

from collections.abc import Callable

import pytest
import redis

from orderflow.adapters.codec import order_decoder
from orderflow.adapters.orders import Orders, Transition
from orderflow.adapters.streams import Streams
from orderflow.adapters.watchers import StatusEntry, Watchers
from orderflow.domain.lifecycle import COURSE, first_stream
from orderflow.domain.order import Order, event_of
from orderflow.domain.status import Status
from tests.support.builders import make_order
from tests.support.former_release import take_step
from tests.support.redis_servers import P0, on_single_and_cluster
from tests.support.turns import read_new

pytestmark = on_single_and_cluster

ON_THE_WAY = COURSE[:-1]
WHOLE_COURSE = [make_order(status) for status in COURSE]

Take = Callable[[redis.Redis, Orders, Order], object]


def take_now(_client: redis.Redis, orders: Orders, order: Order) -> None:
    """Take a step as this release does."""
    assert orders.apply([Transition(order)]) == [True]


def take_formerly(client: redis.Redis, _orders: Orders, order: Order) -> None:
    """Take a step as the release before did."""
    take_step(client, order)


def history_on_a_socket(client: redis.Redis, order: Order) -> list[str]:
    subscription = StatusEntry(order.order_id, connection_id="one", action="subscribe", entry_id="1-0")
    return [message.text for message in Watchers(client).messages(P0, [subscription])]


@pytest.mark.parametrize("reached", ON_THE_WAY)
def test_an_order_is_read_as_it_was_and_goes_on(client: redis.Redis, orders: Orders, reached: Status) -> None:
    steps = WHOLE_COURSE[: COURSE.index(reached) + 2]
    for former in steps[:-1]:
        take_step(client, former)
    before = orders.find(steps[0].order_id)

    orders.apply([Transition(steps[-1])])

    assert before == (steps[-2], [event_of(step) for step in steps[:-1]])
    assert orders.find(steps[0].order_id) == (steps[-1], [event_of(step) for step in steps])
    assert len(history_on_a_socket(client, steps[0])) == len(steps)


@pytest.mark.parametrize("reached", [status for status in ON_THE_WAY if first_stream(status)])
def test_a_message_that_holds_its_order_and_one_that_names_it_give_the_same_order(
    client: redis.Redis, orders: Orders, streams: Streams, reached: Status
) -> None:
    order = make_order(reached)
    stream = first_stream(reached) or ""
    streams.create_group(stream, "stage")
    take_step(client, order)
    # As a stage does that passes an order of the release before on.
    orders.schedule(stream, [(order, 0)])

    entries = read_new(streams, stream, "stage")
    again = streams.read_pending(stream, "stage", 10)

    assert [order_decoder.decode(entry.data["order"]) for entry in entries] == [order, order]
    assert again == entries


@pytest.mark.parametrize("mixed", range(2 ** len(COURSE)))
def test_while_both_releases_serve_either_may_take_a_step(
    client: redis.Redis, orders: Orders, streams: Streams, mixed: int
) -> None:
    for number, order in enumerate(WHOLE_COURSE):
        (take_formerly if mixed >> number & 1 else take_now)(client, orders, order)

        assert orders.find(order.order_id) == (order, [event_of(each) for each in WHOLE_COURSE[: number + 1]])
        if stream := first_stream(order.status):
            streams.create_group(stream, "stage")
            [entry] = read_new(streams, stream, "stage")
            assert order_decoder.decode(entry.data["order"]) == order
    assert len(history_on_a_socket(client, WHOLE_COURSE[0])) == len(COURSE)
