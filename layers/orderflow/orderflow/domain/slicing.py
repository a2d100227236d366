"""An order in slices: which slice is due in a slot, over how much, and how the whole ends."""

import msgspec

from orderflow.domain.conditions import Schedule
from orderflow.domain.order import MARKET, Order, OrderRequest, Progress
from orderflow.domain.status import Status
from orderflow.domain.ticks import SLOT_MS


def next_slot(order: Order) -> int | None:
    """Return the slot in which to look for the next slice; 0 for the next there is, None when nothing is to be done."""
    schedule, progress = _schedule(order), order.progress
    if progress is None:
        return 0
    if progress.is_put_off:
        return None if progress.is_under_way else 0
    if progress.begun >= schedule.slices:
        return None
    return slot_at(schedule, progress.first_slot, progress.at + 1)


def slot_at(schedule: Schedule, first_slot: int, at: int) -> int:
    """Return the slot of a time of the grid: the first at or after first slot + at · interval, without drift."""
    return first_slot + -(-at * schedule.interval_ms // SLOT_MS)


def latest_at(schedule: Schedule, first_slot: int, slot: int) -> int:
    """Return the latest time of the grid that a slot has reached."""
    return (slot - first_slot) * SLOT_MS // schedule.interval_ms


def slice_amount(order: Order) -> int:
    """Return the atoms of the next slice: what remains over the slices left, rounded down; the last takes all."""
    progress = order.progress or Progress(0)
    return order.amount_remaining // max(1, _schedule(order).slices - progress.begun)


def slice_request(order: Order) -> OrderRequest:
    """Return what the next slice asks for: a market order, or at the order's limit all or nothing."""
    request = order.request
    return OrderRequest(
        request.token_in,
        request.token_out,
        slice_amount(order),
        "limit" if request.limit else MARKET,
        request.slippage_bps,
        limit=request.limit,
        time_in_force="fok" if request.limit else "gtc",
        expires_at_ms=request.expires_at_ms,
        tokens=request.tokens,
    )


def begun(order: Order, slot: int) -> Progress:
    """Return the progress with one more slice begun in a slot; times that were missed are left out."""
    progress = order.progress
    if progress is None:
        return Progress(first_slot=slot, begun=1)
    return msgspec.structs.replace(caught_up(order, slot), begun=progress.begun + 1)


def put_off(order: Order) -> Progress:
    """Return the progress with the next slice put off, since one is still under way at its time."""
    return msgspec.structs.replace(_progress(order), is_put_off=True)


def caught_up(order: Order, slot: int) -> Progress:
    """Return the progress with the next slice at the first time of the grid after a slot."""
    progress = _progress(order)
    at = latest_at(_schedule(order), progress.first_slot, slot)
    return msgspec.structs.replace(progress, at=at, is_put_off=False)


def settled(order: Order, ended: Order, now_ms: int) -> Order:
    """Return an order after one of its slices has ended: when that was the last, confirmed or failed.

    The last slice takes all that remains, so that what it fills is the whole. The fills stay with the slices.
    """
    progress = _progress(order)
    if ended.status is Status.CONFIRMED:
        further = msgspec.structs.replace(progress, ended=progress.ended + 1, filled=progress.filled + 1)
        return order.fill(ended.request.amount_in, (), ended.amount_out or 0, now_ms, progress=further)
    further = msgspec.structs.replace(progress, ended=progress.ended + 1)
    slices = _schedule(order).slices
    if further.ended >= slices:
        return order.fail(f"filled {further.filled} of {slices} slices", now_ms)
    return order.go_on(further, now_ms)


def _progress(order: Order) -> Progress:
    if order.progress is None:
        raise ValueError(f"no slice of order {order.order_id} has begun")
    return order.progress


def _schedule(order: Order) -> Schedule:
    if order.request.schedule is None:
        raise ValueError(f"order {order.order_id} has no slices")
    return order.request.schedule
