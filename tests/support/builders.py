"""Builds what the tests talk about, through the domain's own steps: requests, pools, orders, records, events."""

import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

import msgspec

from orderflow.adapters.codec import encoder
from orderflow.adapters.reports import message_for
from orderflow.domain.amounts import to_atoms
from orderflow.domain.conditions import Limit, Price, Schedule, Trigger
from orderflow.domain.instructions import instructions_for
from orderflow.domain.lifecycle import COURSE
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest, OrderType, step_of
from orderflow.domain.pools import AmmV4, Cpmm, DammV2, Pool
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.routing import Route
from orderflow.domain.slicing import begun, settled, slice_request
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import TOKENS
from orderflow.runtime.batch import StreamEvent, StreamRecord
from orderflow.venues.mock.background import chain_seconds, opening_prices
from orderflow.venues.mock.chain import Blocks, MarketState, produce
from orderflow.venues.mock.keys import CHAIN
from orderflow.venues.mock.latency import BLOCKHASH_VALID_SLOTS, Latency
from orderflow.venues.mock.prices import OPENING_PRICES
from orderflow.venues.mock.signer import sign
from orderflow.venues.mock.universe import VENUES, opening_pools

EVENTS = Path(__file__).parents[1] / "events"
NOW_MS = 1_795_371_241_123
"""22 November 2026, 18:14:01.123 UTC."""

ORDER_ID = "01a20477-0e28-7d4b-9a3f-2b7c5d8e9f10"
OTHER_ID = "01a20477-0e29-7c11-8b52-6d0f4a1e3c02"
"""Of the same partition as the other one, up to four of them."""
CONNECTION_ID = "OLNmQeKPFiACEYA="


def nth_id(number: int) -> OrderId:
    """Return one of many ids."""
    return OrderId(f"01a20477-0e28-7d4b-9a3f-{number:012x}")


@cache
def market(seed: int = 1) -> dict[str, Pool]:
    """Return the opening pools by address, in the order of the venue; not to be changed."""
    return dict(sorted((pool.pool, pool) for pool in opening_pools(seed)))


def market_state(slot: int = 0, pools: Mapping[str, Pool] | None = None) -> MarketState:
    """Return the market that opens with seed 1, as it would be at `slot` with these pools."""
    return MarketState(slot, opening_prices(), dict(market() if pools is None else pools))


def route_for(
    request: OrderRequest, *, slot: int = 0, pools: Mapping[str, Pool] | None = None, venues: Sequence[str] = ()
) -> Route:
    """Return the best route on the opening market, or on `pools`, over the venues that answer in time or `venues`."""
    latency = Latency(seed=1, speed=1)
    answering = venues or latency.quotes(slot, request, VENUES).venues
    view = MarketView((market() if pools is None else pools).values(), chain_seconds(slot), OPENING_PRICES)
    return choose_route(view, slot, request, answering, VENUES, latency.network_fee(slot, request))


def land(orders: Sequence[Order], state: MarketState | None = None, now_ms: int = NOW_MS) -> Blocks:
    """Return what becomes of orders that land at once, before anybody else trades."""
    at = state or market_state()
    return produce(1, at, orders, lambda _: at.slot, now_ms)


def make_request(
    token_in: str = "SOL", token_out: str = "USDC", amount: str = "12.5", slippage_bps: int = 500
) -> OrderRequest:
    """Return a request for `amount` units."""
    return OrderRequest(token_in, token_out, to_atoms(Decimal(amount), TOKENS[token_in]), "market", slippage_bps)


def make_order(
    status: Status = Status.PENDING,
    request: OrderRequest | None = None,
    *,
    order_id: str = ORDER_ID,
    now_ms: int = NOW_MS,
    expires_at_ms: int = NOW_MS + 60_000,
    reason: str = "Price moved 5.01% (max allowed: 5.00%)",
) -> Order:
    """Return a market order that has come as far as `status` on the opening market; a failed one failed when submitted.

    Raises ValueError for a status that only orders that wait have, or that a client asks for.
    """
    if status not in (*COURSE, Status.FAILED):
        raise ValueError(f"no stage makes a market order {status}")
    order = Order.accept(OrderId(order_id), request or make_request(), now_ms)
    way = COURSE[: COURSE.index(status) + 1] if status in COURSE else COURSE[:-1]
    for reached in way[1:]:
        order = _step(order, reached, now_ms, expires_at_ms)
    return order.fail(reason, now_ms) if status is Status.FAILED else order


def order_at(status: Status) -> Order:
    """Return an order that has come to `status`: a market order where one can."""
    return make_order(status) if status in (*COURSE, Status.FAILED) else make_waiting_order(status)


def _step(order: Order, status: Status, now_ms: int, expires_at_ms: int) -> Order:
    if status is Status.ROUTING:
        return order.choose_route(_opening_route(order.to_execute), now_ms)
    if status is Status.BUILDING:
        route = order.chosen_route
        return order.build(instructions_for(route), route.slot + BLOCKHASH_VALID_SLOTS, expires_at_ms, now_ms)
    if status is Status.SUBMITTED:
        return order.submit(sign(order), now_ms)
    (execution,) = land([order], now_ms=now_ms).executions
    return order.confirm(execution.fills, execution.amount_out, now_ms)


_opening_route = cache(route_for)

_TAKE_PROFIT = Trigger("take_profit", 500, price=Price(Decimal(250)))
_STOP_LOSS = Trigger("stop_loss", 2_000, price=Price(Decimal(200)))
_WAITING_FOR: dict[OrderType, dict[str, Any]] = {
    "limit": {"limit": Limit(Price(Decimal(219)))},
    "take_profit": {"triggers": (_TAKE_PROFIT,)},
    "stop_loss": {"triggers": (_STOP_LOSS,)},
    "trailing_stop": {"triggers": (Trigger("trailing_stop", 2_000, trail_bps=100),)},
    "oco": {"triggers": (_TAKE_PROFIT, _STOP_LOSS)},
    "twap": {"schedule": Schedule(4, 60_000)},
}
WAITING_TYPES = tuple(_WAITING_FOR)
"""The types of orders that wait."""


def make_waiting_request(order_type: OrderType = "limit", amount: str = "12.5", **changes: Any) -> OrderRequest:
    """Return a request for `amount` SOL that waits: at 219 where it has a limit, at 250 and 200 where it has triggers.

    The market opens at about 220, so that a limit order is met there, and no other.
    """
    conditions = _WAITING_FOR[order_type] | changes
    return msgspec.structs.replace(make_request(amount=amount), order_type=order_type, **conditions)


def make_waiting_order(
    status: Status = Status.OPEN,
    order_type: OrderType = "limit",
    request: OrderRequest | None = None,
    *,
    order_id: str = ORDER_ID,
    now_ms: int = NOW_MS,
    part: int | None = None,
    reason: str = "Price moved 5.01% (max allowed: 5.00%)",
) -> Order:
    """Return an order that waits, of a type or a `request`, after the steps by which it comes to `status`.

    It is executed on the opening market: all of it or `part`, which are atoms, half of it where it is
    `partially_filled`. An order in slices is after its first slice then. One that failed did so when its transaction
    was out, one that was taken back while it rested. Raises ValueError for a status to which the order can't come.
    """
    order = Order.accept(OrderId(order_id), request or make_waiting_request(order_type), now_ms)
    if status is Status.PENDING:
        return order
    order = order.open(0, now_ms)
    if status is Status.OPEN:
        return order
    if status is Status.CANCELLED:
        return order.cancel(now_ms)
    if status is Status.EXPIRED:
        return order.expire(now_ms)
    if order.request.schedule is not None:
        return _sliced(order, status, now_ms, reason)
    rule = order.request.triggers[0].rule if order.request.triggers else "limit"
    half = order.request.amount_in // 2 if status is Status.PARTIALLY_FILLED else None
    fired = order.fire(Fired(0, rule, Decimal(220), part or half or order.request.amount_in), now_ms)
    return _on_its_way(fired, status, now_ms, reason)


def _on_its_way(order: Order, status: Status, now_ms: int, reason: str) -> Order:
    """Return an order that was fired as far as `status`."""
    if status is Status.TRIGGERED:
        return order
    if status is Status.FAILED:
        return _on_its_way(order, Status.SUBMITTED, now_ms, reason).fail(reason, now_ms)
    for reached in COURSE[1 : COURSE.index(status) + 1] if status in COURSE else COURSE[1:]:
        order = _step(order, reached, now_ms, now_ms + 60_000)
    return order


def _sliced(order: Order, status: Status, now_ms: int, reason: str) -> Order:
    """Return an order in slices with its first slice executed, or all of them where it is confirmed."""
    if status is Status.FAILED:
        return order.fail(reason, now_ms)
    if status not in (Status.PARTIALLY_FILLED, Status.CONFIRMED):
        raise ValueError(f"an order in slices is never {status}")
    while order.status is not status:
        order = settled(with_slice(order, now_ms), make_slice(order, now_ms=now_ms), now_ms)
    return order


def with_slice(order: Order, now_ms: int = NOW_MS, slot: int = 0) -> Order:
    """Return an order in slices that rests, with its next slice under way since a slot."""
    progress = begun(order, slot)
    return order.go_on(progress, now_ms, nth_id(progress.begun))


def make_slice(order: Order, status: Status = Status.CONFIRMED, *, now_ms: int = NOW_MS) -> Order:
    """Return the next slice of an order: as it has come to `status` on the opening market."""
    number = (order.progress.begun if order.progress else 0) + 1
    request = slice_request(order)
    make = make_waiting_order if request.waits else make_order
    slice_ = make(status, request=request, order_id=nth_id(number), now_ms=now_ms)
    return msgspec.structs.replace(slice_, parent_id=order.order_id, slice=number)


def opening_tick(slot: int = 0) -> Tick:
    """Return what every pair is worth on the opening market."""
    return MarketPrices().tick(slot, market().values(), chain_seconds(slot))


def amm_v4(reserve_a: int = 10**15, reserve_b: int = 10**12) -> AmmV4:
    """Return a Raydium AMM v4 pool of SOL and USDC."""
    return AmmV4(
        pool="raydium:SOL-USDC",
        venue="raydium",
        token_a="SOL",
        token_b="USDC",
        reserve_a=reserve_a,
        reserve_b=reserve_b,
    )


def cpmm(reserve_a: int = 10**15, reserve_b: int = 10**12, fee_rate: int = 2_500) -> Cpmm:
    """Return a Raydium CPMM pool of SOL and USDC."""
    return Cpmm(
        pool="raydium:cpmm:SOL-USDC",
        venue="raydium",
        token_a="SOL",
        token_b="USDC",
        reserve_a=reserve_a,
        reserve_b=reserve_b,
        fee_rate=fee_rate,
    )


def damm_v2(reserve_a: int = 10**15, reserve_b: int = 10**12, fee_rate: int = 2_500_000) -> DammV2:
    """Return a Meteora DAMM v2 pool of SOL and USDC."""
    return DammV2(
        pool="meteora:SOL-USDC",
        venue="meteora",
        token_a="SOL",
        token_b="USDC",
        reserve_a=reserve_a,
        reserve_b=reserve_b,
        fee_rate=fee_rate,
    )


def vault(pool: Pool, token: str) -> int:
    """Return the atoms of `token` that lie in a pool's vault, those that no longer take part in pricing included."""
    if token == pool.token_a:
        return pool.reserve_a + pool.withheld_a
    return pool.reserve_b + pool.withheld_b


def records(stream: str, data: Sequence[dict[str, str]], *, partition: str = "p0", attempt: int = 1) -> StreamEvent:
    """Return the event with which a stream's function is invoked on entries with these fields."""
    return {
        "Records": [
            StreamRecord(
                messageId=f"{NOW_MS}-{number}",
                eventSource="orderflow:stream",
                stream=stream,
                partition=partition,
                attempt=attempt,
                data=fields,
            )
            for number, fields in enumerate(data)
        ]
    }


def order_records(stream: str, *orders: Order, attempt: int = 1) -> StreamEvent:
    """Return the event with which a stage is invoked on orders."""
    partition = CHAIN if stream == "transactions" else "p0"
    return records(stream, [{"order": encode(order)} for order in orders], partition=partition, attempt=attempt)


def tick_records(*ticks: Tick) -> StreamEvent:
    """Return the event with which the function that fires orders is invoked on ticks."""
    return records("ticks", [{"tick": encode(tick)} for tick in ticks], partition=CHAIN)


def report_records(*channels: str) -> StreamEvent:
    """Return the event with which the function that publishes reports is invoked for channels."""
    return records("reports", [{"order": message_for(channel)} for channel in channels], partition=CHAIN)


def status_fields(order: Order) -> dict[str, str]:
    """Return the fields of the status entry that has an order's last step."""
    return {
        "order_id": order.order_id,
        "sequence": str(order.sequence),
        "status": order.status.value,
        "event": encode(step_of(order)),
    }


def watch_fields(
    action: str = "subscribe", order_id: str = ORDER_ID, connection_id: str = CONNECTION_ID
) -> dict[str, str]:
    """Return the fields of the status entry that asks for an order's statuses, or no longer for them."""
    return {"order_id": order_id, "connection_id": connection_id, "action": action}


def message_ids(event: StreamEvent, *numbers: int) -> list[str]:
    """Return the ids of an event's records, of all or of those numbered."""
    ids = [record["messageId"] for record in event["Records"]]
    return [ids[number] for number in numbers] if numbers else ids


def read_event(name: str) -> Any:
    """Return an example event of tests/events."""
    return json.loads((EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def encode(document: object) -> str:
    """Return a document as it is written to Redis."""
    return encoder.encode(document).decode()
