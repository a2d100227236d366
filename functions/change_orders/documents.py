"""What is answered to those who cancel orders."""

from typing import Literal

import msgspec
from msgspec import UNSET, UnsetType

from orderflow.domain.order import Order
from orderflow.runtime.http.order_view import amounts_of
from orderflow.runtime.http.problems import Problem


class Cancelled(msgspec.Struct, frozen=True, kw_only=True):
    """An order that is cancelled, and how much of it was executed before: decimal strings in units of `token_in`.

    One whose transaction, or a slice of it, is out has `cancel` instead: it is cancelled if that is refused.
    """

    order_id: str
    status: str
    sequence: int | UnsetType = UNSET
    amount_filled: str | UnsetType = UNSET
    amount_remaining: str | UnsetType = UNSET
    cancel: Literal["requested"] | UnsetType = UNSET


class CancelResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one order: what its own DELETE answers, or the `problem`."""

    order: Cancelled | None = None
    problem: Problem | None = None


class CancelAnswer(msgspec.Struct, frozen=True):
    """The results of a request to cancel many orders, in the order of their ids."""

    results: list[CancelResult]


def cancelled(order: Order) -> Cancelled:
    """Return the answer of an order that is cancelled."""
    filled, remaining = amounts_of(order)
    return Cancelled(
        order_id=order.order_id,
        status=order.status,
        sequence=order.sequence,
        amount_filled=filled,
        amount_remaining=remaining,
    )


def requested(order: Order) -> Cancelled:
    """Return the answer of an order that is cancelled if its transaction is refused."""
    return Cancelled(order_id=order.order_id, status=order.status, cancel="requested")
