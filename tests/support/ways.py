"""Ways of orders that wait, step by step: tried again, filled in parts, amended, taken back, in slices."""

from collections.abc import Callable
from decimal import Decimal

import msgspec

from orderflow.domain.attempts import refused
from orderflow.domain.conditions import Limit, Price, Rule, Trigger
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest, Signature
from orderflow.domain.routing import Route
from orderflow.domain.slicing import begun, put_off, settled
from orderflow.domain.status import Status
from tests.support.builders import make_request, make_slice, make_waiting_request, route_for
from tests.support.launched_tokens import launch_route, make_launch, make_snipe_request
from tests.support.order_steps import FAR_MS, FAR_SLOT, NOW_MS, pending

SLOT = 17
SECOND_MS = 1_000
EXPIRES_AT_MS = NOW_MS + 86_400_000
CHILD_ID = OrderId("01a20477-0e30-7f12-9c41-0d1e2f3a4b5c")


class Way(list[Order]):
    """An order after each of its steps, which come a second apart."""

    def __init__(self, request: OrderRequest) -> None:
        super().__init__([pending(request=request)])

    @property
    def last(self) -> Order:
        """The order as it is."""
        return self[-1]

    def go(self, *steps: Callable[[Order, int], Order]) -> "Way":
        """Take steps; each is given the order and the time."""
        for step in steps:
            self.append(step(self.last, self.last.updated_at_ms + SECOND_MS))
        return self

    def fire(self, amount_in: int | None = None) -> "Way":
        """Fire the order, or a part of it."""
        request = self.last.request
        rule: Rule | None = request.triggers[0].rule if request.triggers else None
        fired = Fired(SLOT, rule or "limit", Decimal("220.50"), amount_in or self.last.amount_remaining)
        return self.go(lambda order, now_ms: order.fire(fired, now_ms))

    def launch(self) -> "Way":
        """Have the launch open that the order waits for."""
        launch = make_launch()
        fired = Fired(launch.open_slot, "launch", Decimal("12.5"), self.last.amount_remaining, launch)
        return self.go(lambda order, now_ms: order.fire(fired, now_ms))

    def send(self) -> "Way":
        """Go on until the transaction is out."""
        number = sum(order.status is Status.SUBMITTED for order in self) + 1
        return self.go(
            lambda order, now_ms: order.choose_route(_route(order), now_ms),
            lambda order, now_ms: order.build(("swap",), FAR_SLOT, FAR_MS, now_ms),
            lambda order, now_ms: order.submit(Signature(f"0x{number:02x}"), now_ms),
        )

    def refuse(self) -> "Way":
        """Have the attempt be refused."""
        return self.go(lambda order, now_ms: refused(order, 'Price moved 5.01% (max "5.00%")', SLOT, now_ms))

    def land(self, child_id: OrderId | None = None, *, slot: int = SLOT) -> "Way":
        """Have the transaction be executed as its route says."""
        route = self.last.chosen_route
        return self.go(lambda order, now_ms: order.confirm(route.legs, route.expected_out, now_ms, child_id, slot=slot))


def _route(order: Order) -> Route:
    launch = order.fired.launch if order.fired else None
    return launch_route(order.amount_remaining, launch) if launch else route_for(order.to_execute)


def opened(request: OrderRequest) -> Way:
    """Return the way of an order that rests."""
    return Way(request).go(lambda order, now_ms: order.open(SLOT, now_ms))


def tried_again() -> Way:
    """Return the way of a limit that is refused twice, the second time before its transaction is out."""
    way = opened(make_waiting_request(expires_at_ms=EXPIRES_AT_MS)).fire().send().refuse()
    return way.fire().refuse().fire().send().land()


def stopped() -> Way:
    """Return the way of a stop that goes again after each refusal, until it fails."""
    way = opened(make_waiting_request("stop_loss")).fire()
    while way.last.status is not Status.FAILED:
        way.send().refuse()
    return way


def in_parts() -> Way:
    """Return the way of an order that is executed in three parts, one of them at the second attempt."""
    way = opened(make_waiting_request(allow_partial=True))
    part = way.last.request.amount_in // 4
    way.fire(part).send().land()
    way.fire(part).send().refuse().fire(part).send().land()
    return way.fire().send().land()


def amended() -> Way:
    """Return the way of an order of which a part is executed, and which is amended twice and cancelled then."""
    way = opened(make_waiting_request(allow_partial=True, expires_at_ms=EXPIRES_AT_MS))
    first = make_waiting_request(amount="7.5", allow_partial=True, expires_at_ms=EXPIRES_AT_MS + 60_000)
    price = Price(Decimal("0.0045"), inverted=True)
    second = msgspec.structs.replace(first, limit=Limit(price), expires_at_ms=None)
    return (
        way.fire(way.last.request.amount_in // 4)
        .send()
        .land()
        .go(
            lambda order, now_ms: order.amend(first, None, now_ms),
            lambda order, now_ms: order.amend(second, None, now_ms),
            lambda order, now_ms: order.cancel(now_ms),
        )
    )


def expired() -> Way:
    """Return the way of a stop that expires when its second attempt is refused."""
    way = opened(make_waiting_request("trailing_stop", expires_at_ms=EXPIRES_AT_MS)).fire().send().refuse().send()
    return way.go(lambda order, now_ms: order.expire(now_ms))


def not_all() -> Way:
    """Return the way of an order of which a part is executed, and the rest cancelled for a reason."""
    way = opened(make_waiting_request(time_in_force="ioc"))
    way.fire(way.last.request.amount_in // 2).send().land()
    return way.go(lambda order, now_ms: order.cancel(now_ms, "immediate or cancel: the rest is cancelled"))


def cancelled_market_order() -> Way:
    """Return the way of a market order whose cancel was requested before its transaction was refused."""
    way = Way(make_request()).send()
    return way.go(lambda order, now_ms: order.cancel(now_ms, "Price moved 5.01% (max allowed: 5.00%)"))


def expired_market_order() -> Way:
    """Return the way of a market order, such as a slice, whose time is over before its transaction has landed."""
    way = Way(msgspec.structs.replace(make_request(), expires_at_ms=EXPIRES_AT_MS)).send()
    return way.go(lambda order, now_ms: order.expire(now_ms))


def bracket() -> Way:
    """Return the way of a market order that makes its exits when it is confirmed."""
    exits = (Trigger("take_profit", 500, price=Price(Decimal("0.0052"))),)
    return Way(msgspec.structs.replace(make_request(), exits=exits)).send().land(CHILD_ID)


def in_slices(*ends: Status) -> Way:
    """Return the way of an order in slices that end so, each of them after the time of the next one."""
    way = opened(make_waiting_request("twap"))
    for end in ends:
        ended = make_slice(way.last, end)
        way.go(
            lambda order, now_ms: order.go_on(begun(order, SLOT), now_ms, CHILD_ID),
            lambda order, now_ms: order.go_on(put_off(order), now_ms),
            lambda order, now_ms, ended=ended: settled(order, ended, now_ms),  # type: ignore[misc]
        )
    return way


def sniped() -> Way:
    """Return the way of an order that buys at a launch at its second attempt, and makes its exits then."""
    exits = (Trigger("stop_loss", 2_000, entry_bps=3_000),)
    way = opened(make_snipe_request(exits=exits)).launch().send().refuse()
    return way.send().land(CHILD_ID, slot=make_launch().open_slot + 2)


DONE, REFUSED = Status.CONFIRMED, Status.FAILED
WAYS: dict[str, Callable[[], Way]] = {
    "tried-again": tried_again,
    "stopped": stopped,
    "in-parts": in_parts,
    "amended": amended,
    "expired": expired,
    "not-all": not_all,
    "cancelled-market-order": cancelled_market_order,
    "expired-market-order": expired_market_order,
    "bracket": bracket,
    "sniped": sniped,
    "in-slices": lambda: in_slices(DONE, REFUSED, DONE, DONE),
    "slices-fail": lambda: in_slices(REFUSED, DONE, DONE, REFUSED),
}
"""Each makes an order of its own."""
