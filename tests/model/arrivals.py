"""Brings orders to where the model check by exhaustion starts: to a function, to rest, to the opening of a launch."""

from orderflow.adapters.intake import NewOrder
from orderflow.adapters.keys import key, partition_of
from orderflow.adapters.orders import KEEP_AFTER_LEDGER_MS
from orderflow.domain.order import Order
from orderflow.venues.mock.keys import CHAIN, chain_key
from tests.model.drain import beat, work_off, work_once
from tests.model.launches import LAUNCH
from tests.model.requests import FAR
from tests.model.witness import Witness
from tests.model.world import PARTITIONS, Binding, World
from tests.support.builders import nth_id
from tests.support.lifecycle import TICKS

MOST_STEPS = 50
ORDER_ID = nth_id(2)


def bound(world: World, function: str, order_id: str = ORDER_ID) -> Binding:
    """Return where a function gets the records of an order."""
    places = {CHAIN, partition_of(order_id, PARTITIONS)}
    return next(each for each in world.bindings() if each[0].function == function and each[1] in places)


def bring(witness: Witness, binding: Binding) -> None:
    """Let the other functions work until a record waits for this one."""
    others = [each for each in witness.world.bindings() if each != binding]
    for _ in range(MOST_STEPS):
        if witness.stream_of(*binding).unread(binding[0].function):
            return
        work_once(witness, others)
    raise AssertionError(f"nothing comes to {binding}")


def let_ended_leave(witness: Witness, binding: Binding) -> None:
    """Let all but one function work until nothing is left to do, and then what has ended leave Redis."""
    world = witness.world
    others = [each for each in world.bindings() if each != binding]
    while work_once(witness, others):
        pass
    world.expire_keys(KEEP_AFTER_LEDGER_MS + 1)
    witness.check()


def keep_time(witness: Witness, *, left: int = 0) -> None:
    """Have the clock run, as another order rests, and its next beat come.

    Or have a launch come, and so many slots be `left` until it closes.
    """
    world = witness.world
    witness.go_on(world.creator(NewOrder(Order.accept(nth_id(4), FAR, world.now_ms))))
    work_off(witness)
    beat(witness)
    if left:
        work_off(witness)
        # Nothing happens to its pool for an hour, once the crowd has gone.
        witness.memory.slot = LAUNCH.close_slot - left
        world.client.hset(chain_key("slot"), "slot", str(witness.memory.slot))


def next_tick(witness: Witness, *, twice: bool) -> None:
    """Have the block come in which the launch opens or closes, and its tick: again too, as from the dead letters."""
    world = witness.world
    beat(witness)
    witness.go_on(world.reader(*bound(world, "produce_block")))
    if twice:
        [fields] = witness.snapshot.streams[chain_key(TICKS)].entries.values()
        world.client.xadd(chain_key(TICKS), {"tick": fields["tick"], "function": "trigger_orders"})
        witness.check()


def bring_again(witness: Witness, binding: Binding) -> None:
    """Let a function and all others work until a refused order comes to it again, between copies of its message."""
    world, (mapping, partition) = witness.world, binding
    [message] = witness.stream_of(*binding).entries.values()
    witness.go_on(world.reader(*binding))
    bring(witness, bound(world, "confirm_order"))
    stream, order = key(partition, mapping.stream), message["order"]
    world.client.xadd(stream, {"attempt": 1, "order": order})
    witness.check()
    witness.go_on(world.reader(*bound(world, "confirm_order")))
    world.client.xadd(stream, {"attempt": 1, "order": order})
    witness.check()
