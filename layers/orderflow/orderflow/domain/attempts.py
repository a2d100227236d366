"""What becomes of an order that waits when an attempt to execute it is refused."""

from collections.abc import Sequence

from orderflow.domain.conditions import shown_amount
from orderflow.domain.lifecycle import RESTING
from orderflow.domain.order import Order
from orderflow.errors import PoolClosedError, RejectedError, UnansweredError

MOST_WAIT_SLOTS = 64
MOST_STOP_ATTEMPTS = 10
MOST_SNIPE_ATTEMPTS = 3
MOST_ATTEMPTS_AT_ONCE = 10
"""So often is asked what an order may receive that is to be executed at once, while a venue does not answer."""
MOST_LIMIT_ATTEMPTS = 1_000
"""Each attempt leaves its steps with the order for good, so an order does not try for ever."""
MOST_STEPS = 10_000
"""An order with so many steps is neither amended nor executed in further parts, each of which counts attempts anew.

What it may take then, 1,000 attempts or slices, ends before the 32,767 steps that the ledger can number.
"""


def refused(order: Order, reason: str, slot: int, now_ms: int, unanswered: Sequence[str] = ()) -> Order:
    """Return the order after an attempt that was refused in a slot for a reason.

    One with a limit rests again, and waits 1, 2, 4 … 64 slots; one without, which is there to get out, goes again at
    once. All or nothing, and what is not to rest, is cancelled, unless a venue was `unanswered`: then it is not known
    what the market has for it, and it is looked at again in the next slot.
    """
    attempt = order.attempts + 1
    if unanswered:
        reason = f"{reason} without {' and '.join(unanswered)}, which did not answer in time"
    if order.least is None:
        if attempt >= (MOST_SNIPE_ATTEMPTS if order.request.snipe else MOST_STOP_ATTEMPTS):
            return order.fail(reason, now_ms)
        return order.fire_again(f"attempt {attempt}: {reason}", now_ms)
    if order.is_at_once and (not unanswered or attempt >= MOST_ATTEMPTS_AT_ONCE):
        return order.cancel(now_ms, reason)
    if attempt >= MOST_LIMIT_ATTEMPTS:
        return order.fail(f"attempt {attempt}: {reason}", now_ms)
    from_slot = slot + (1 if order.is_at_once else min(MOST_WAIT_SLOTS, 2**order.attempts))
    return order.reopen(f"attempt {attempt}: {reason}; next attempt from slot {from_slot}", from_slot, now_ms)


def rejected(order: Order, refusal: RejectedError, now_ms: int) -> Order:
    """Return an order after a stage has found that it can't go on as it is: for good, unless it may be tried again.

    One that waits is cancelled where its token has closed, as those are that rest then.
    """
    reason = str(refusal)
    if not order.request.waits or order.fired is None or order.status in RESTING:
        return order.fail(reason, now_ms)
    if isinstance(refusal, PoolClosedError):
        return order.cancel(now_ms, reason)
    slot = order.fired.slot if order.route is None else max(order.fired.slot, order.route.slot)
    unanswered = refusal.unanswered if isinstance(refusal, UnansweredError) else ()
    return refused(order, reason, slot, now_ms, unanswered)


def too_little(order: Order, yields: int, minimum_out: int) -> str:
    """Say how much an order would yield, and how much its limit asks for."""
    token_out = order.request.buys
    limit = shown_amount(minimum_out, token_out).removesuffix(f" {token_out.symbol}")
    return f"would yield {shown_amount(yields, token_out)}, limit {limit}"
