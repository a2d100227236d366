"""Where the model check by exhaustion starts: a world in which a record waits for the function that is explored."""

from collections.abc import Sequence
from decimal import Decimal
from typing import NamedTuple

from orderflow.adapters.intake import NewOrder
from orderflow.adapters.subscriptions import Subscription
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import Order, OrderRequest
from tests.model.arrivals import ORDER_ID, bound, bring, bring_again, keep_time, let_ended_leave, next_tick
from tests.model.drain import beat, work_off
from tests.model.explorer import Budget, Explorer, MakeActor
from tests.model.launches import LAUNCH
from tests.model.requests import (
    DESK,
    EITHER,
    EXPIRES_IN_MS,
    FAR,
    HELD_STOP,
    IN_PARTS,
    IN_SLICES,
    LAUNCHED,
    LAUNCHED_MET,
    LAUNCHED_STOP,
    MARKETS,
    MET,
    NOT_MET,
    SLICES_AT_LIMIT,
    SNIPE,
    SNIPE_ANY,
    SNIPE_MOVED,
    SNIPE_OF_ANOTHER,
    SNIPE_WITH_EXITS,
    STOP,
    STOP_AT_LIMIT,
    TRAILING,
    WITH_EXITS,
    amendment_of,
    expiring,
)
from tests.model.witness import Witness
from tests.model.world import World
from tests.support.builders import nth_id
from tests.support.lifecycle import LINE

ENDS = ("publish_status", "record_order")


class Start(NamedTuple):
    """An order that waits is on its way to a function, and meanwhile it is cancelled or amended, or its time ends.

    Before that it has come to rest, if it `rests`, and the price has gone `through` some levels. Then that goes to each
    of the `levels`, slot by slot, while nobody reads the ticks, and to `next` in the block that comes then. One that
    `expires` has a time, which is over at the start if it `has_expired`.

    One that waits for a launch is there before that opens, and is met by it once it rests; the launch's tick may come
    twice. One that was `opened` is to be looked at; one that is `late` comes in the last slot before the pool closes,
    as do all on its token, which closes once they rest.
    One that comes `again`, after it was refused, does so in one batch with late copies of its first message.
    Whatever has ended has `left` Redis before the function gets its message.
    """

    function: str
    request: OrderRequest
    meanwhile: str = "cancelled"
    rests: bool = False
    through: Sequence[str] = ()
    levels: Sequence[str] = ()
    next: str = ""
    expires: bool = False
    has_expired: bool = False
    comes_twice: bool = False
    opened: bool = False
    late: bool = False
    again: bool = False
    left: bool = False


STARTS = {
    "opened": Start("open_order", NOT_MET),
    "looked at": Start("open_order", MET),
    "fired": Start("trigger_orders", STOP, rests=True, levels=["210"]),
    "fired while it is amended": Start("trigger_orders", STOP, "amended", rests=True, levels=["210"]),
    "fired as one of two": Start("trigger_orders", EITHER, rests=True, levels=["230", "210"]),
    "fired at a limit": Start("trigger_orders", STOP_AT_LIMIT, rests=True, levels=["210"]),
    "held": Start("trigger_orders", HELD_STOP, "", rests=True, levels=["210", "220", "210", "210"]),
    "followed": Start("trigger_orders", TRAILING, "", rests=True, through=["220"], levels=["230", "226"]),
    "followed while it is amended": Start(
        "trigger_orders", TRAILING, "amended", rests=True, through=["220"], levels=["230", "224"]
    ),
    "routed": Start("route_order", MET),
    "submitted": Start("submit_order", MET),
    "landed": Start("produce_block", MET, "expired", expires=True),
    "executed": Start("confirm_order", MET),
    "executed in part": Start("confirm_order", IN_PARTS),
    "executed before its exits": Start("confirm_order", WITH_EXITS),
    "refused": Start("confirm_order", MET, next="217"),
    "refused as a stop": Start("confirm_order", STOP, rests=True, levels=["210"], next="160"),
    "expired": Start("expire_order", NOT_MET, "amended", rests=True, expires=True, has_expired=True),
    "sliced": Start("trigger_orders", SLICES_AT_LIMIT, rests=True, levels=["220", "220"], expires=True),
    "settled": Start("settle_slice", IN_SLICES),
    "settled after its time": Start("settle_slice", IN_SLICES, "expired", expires=True),
    "settled after it has left": Start("settle_slice", IN_SLICES, left=True),
    "at rest as any launch opens": Start("open_order", SNIPE_ANY, "its launch opens"),
    "looked at as its launch opens": Start("open_order", SNIPE, "its launch opens", opened=True),
    "at rest after its launch": Start("open_order", SNIPE_ANY, late=True),
    "launched": Start("trigger_orders", SNIPE, rests=True),
    "launched twice": Start("trigger_orders", SNIPE_ANY, rests=True, comes_twice=True),
    "launched as it expires": Start("trigger_orders", SNIPE_ANY, "expired", rests=True, expires=True),
    "launched as it is amended": Start("trigger_orders", SNIPE_OF_ANOTHER, "amended", rests=True),
    "expired as its launch opens": Start(
        "expire_order", SNIPE, "its tick is read", rests=True, expires=True, has_expired=True
    ),
    "sniped": Start("snipe_order", SNIPE, rests=True),
    "sniped as it expires": Start("snipe_order", SNIPE_ANY, "expired", rests=True, expires=True),
    "sniped as the price moves": Start("snipe_order", SNIPE, "a block comes", rests=True),
    "sniped as its pool closes": Start("snipe_order", SNIPE, "a block comes", late=True),
    "sniped again": Start("snipe_order", SNIPE_MOVED, rests=True, again=True),
    "refused as a snipe": Start("confirm_order", SNIPE_MOVED, rests=True),
    "sniped before its exits": Start("confirm_order", SNIPE_WITH_EXITS, rests=True),
    "closed": Start("trigger_orders", LAUNCHED, late=True, rests=True),
    "closed twice": Start(
        "trigger_orders", LAUNCHED_STOP, "expired", late=True, rests=True, comes_twice=True, expires=True
    ),
    "at rest as its token closes": Start("open_order", LAUNCHED, "its token closes", late=True),
    "looked at as its token closes": Start("open_order", LAUNCHED_STOP, "its token closes", late=True, opened=True),
    "amended as its token closes": Start("trigger_orders", LAUNCHED, "amended", late=True, rests=True),
    "routed as its token closes": Start("route_order", LAUNCHED_MET, "a block comes", late=True),
    "refused by a pool that has closed": Start("confirm_order", LAUNCHED_MET, late=True),
}
"""By what becomes of the order."""


def explorer_at(world: World, function: str, budget: Budget, meanwhile: Sequence[MakeActor] = ()) -> Explorer:
    """Return an explorer of one function, with a market order on its way to it; two for the chain."""
    witness = Witness(world)
    request = MARKETS[2] if function == "record_order" else MARKETS[0]

    def work(*functions: str) -> None:
        for name in functions:
            witness.go_on(world.reader(*bound(world, name)))

    for order_id in (ORDER_ID, nth_id(3)) if function == "produce_block" else (ORDER_ID,):
        witness.go_on(world.creator(NewOrder(Order.accept(order_id, request, world.now_ms))))
        if function in LINE:
            work(*LINE[: LINE.index(function)], *ENDS)
    route = bound(world, "route_order")
    meanwhile = [lambda: world.reader(*route)] if function in ENDS else meanwhile
    if function == "publish_status":
        work("publish_status")
        witness.go_on(world.subscriber(Subscription(ORDER_ID, "connection", "subscribe")))
    return Explorer(witness, bound(world, function), budget, meanwhile)


def explorer_of(world: World, start: Start, budget: Budget) -> Explorer:
    """Return an explorer of one function, with an order that waits on its way to it."""
    has_launches = start.request.snipe is not None or bool(start.request.tokens)
    if has_launches:
        world.begin(slot=LAUNCH.open_slot - 1)
    witness, binding = Witness(world), bound(world, start.function)
    if start.late or start.meanwhile == "its launch opens":
        keep_time(witness, left=int(start.late))
    request = expiring(start.request, world.redis_now_ms) if start.expires else start.request
    witness.go_on(world.creator(NewOrder(Order.accept(ORDER_ID, request, world.now_ms, account=DESK))))
    if start.opened:
        witness.go_on(world.reader(*binding))
    if start.rests:
        work_off(witness)
        if has_launches:
            next_tick(witness, twice=start.comes_twice)
    for level in start.through:
        world.reprice(float(level))
        beat(witness)
        work_off(witness)
    for level in start.levels:
        world.reprice(float(level))
        beat(witness)
        witness.go_on(world.reader(*bound(world, "produce_block")))
    if start.next:
        world.reprice(float(start.next))
    if start.has_expired:
        world.redis_now_ms += EXPIRES_IN_MS
    bring(witness, binding)
    if start.again:
        bring_again(witness, binding)
    if start.left:
        let_ended_leave(witness, binding)
    if start.meanwhile in ("a block comes", "its token closes"):
        beat(witness)
    block, tick = (bound(world, name) for name in ("produce_block", "trigger_orders"))
    makers = {
        "cancelled": [lambda: world.canceller(ORDER_ID, DESK)],
        "amended": [lambda: world.amender(ORDER_ID, DESK, amendment_of(request, Decimal(222)))],
        "expired": [lambda: world.waiter(EXPIRES_IN_MS)],
        "a block comes": [lambda: world.reader(*block)],
        "its launch opens": [lambda: world.reader(*block), lambda: world.reader(*tick)],
        "its token closes": [lambda: world.reader(*block), lambda: world.reader(*tick)],
        "its tick is read": [lambda: world.reader(*tick)],
        "": [],
    }
    return Explorer(witness, binding, budget, makers[start.meanwhile], at_once=3 if start.again else 1)


def explorer_at_the_clock(world: World, start: str, budget: Budget) -> Explorer:
    """Return an explorer of the chain, where an order comes to rest while it works on one record.

    At the start the clock `stands`, and the record is a transaction; or it `runs`, and the record is its heartbeat; or
    the heartbeat of a clock that `ends`, as nothing rests.
    """
    opens = [lambda: world.reader(*bound(world, "open_order", nth_id(5)))] * 2  # it comes again for a look
    order = NewOrder(Order.accept(nth_id(5), FAR, world.now_ms))
    if start == "stands":
        explorer = explorer_at(world, "produce_block", budget, opens)
        explorer.witness.go_on(world.creator(order))
        return explorer
    witness = Witness(world)
    witness.go_on(world.creator(NewOrder(Order.accept(ORDER_ID, FAR, world.now_ms))))
    work_off(witness)
    if start == "ends":
        witness.go_on(world.canceller(ORDER_ID, LOCAL_ACCOUNT))
        work_off(witness)
    witness.go_on(world.creator(order))
    beat(witness)
    return Explorer(witness, bound(world, "produce_block"), budget, opens)
