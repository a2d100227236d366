"""What a client asked for in, an order to create out; then what became of it in, its answer out."""

from collections.abc import Mapping
from typing import Any, NamedTuple

from functions.accept_order.accepted import Accepted, accepted
from functions.accept_order.idempotency import CLIENT_ORDER_ID, Name, fingerprint
from orderflow.adapters.intake import Conflict, NewOrder
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.runtime import clients, clock, order_ids
from orderflow.runtime.http.launched_tokens import Launched
from orderflow.runtime.http.order_amounts import check_amounts
from orderflow.runtime.http.order_base import OrderInput
from orderflow.runtime.http.order_fields import HAS_CLOSED, IN_THE_FUTURE, no_target
from orderflow.runtime.http.order_input import read_order
from orderflow.runtime.http.problems import ProblemError, invalid


def read(fields: Mapping[str, Any], key: str | None, launched: Launched) -> OrderInput:
    """Return the order that `fields` ask for, in a request with this key. Raises ProblemError for what is at fault.

    One with a name may be sent again when its time, its launch or a token of it is over: its client has to know what
    became of the first.
    """
    may_be_over = key is not None or fields.get(CLIENT_ORDER_ID) is not None
    return read_order(fields, may_be_over=may_be_over, launched=launched)


class Placement(NamedTuple):
    """An order to create, and what its answer is made of: one that `is_over` is refused with that."""

    wanted: OrderInput
    name: Name | None
    new: NewOrder
    is_over: ProblemError | None

    def answer(self, outcome: OrderId | Conflict) -> Accepted | ProblemError:
        """Return what the client is answered, or why its order is refused, once the intake has answered `outcome`."""
        if not isinstance(outcome, Conflict):
            return accepted(outcome, self._request_of(outcome))
        if outcome is Conflict.IS_OVER and self.is_over is not None:
            return self.is_over
        if self.name is None:
            raise ValueError(f"an order without a name is in {outcome}")
        return self.name.reused()

    def _request_of(self, order_id: OrderId) -> OrderRequest:
        """Return what the order asks for that has this id: it may be an earlier one of the same name."""
        if self.wanted.expires_in_ms is None:
            return self.new.order.request
        return self.wanted.request(order_ids.made_at_ms(order_id))


def place(wanted: OrderInput, name: Name | None, partitions: int, launched: Launched, account: str) -> Placement:
    """Return an account's order to create; one with a name lies in its record's partition, to be made with that.

    Raises ProblemError for one that is too small, or that asks for more than there can be.
    """
    record = name.record if name else ""
    order_id = order_ids.beside(record, partitions) if name else order_ids.new()
    asked = wanted.request(order_ids.made_at_ms(order_id))
    if asked.waits:
        check_amounts(asked, clients.venue().reference_prices())
    order = Order.accept(order_id, asked, clock.now_ms(), wanted.client_order_id, account=account)
    known_by = fingerprint(asked, wanted.expires_in_ms) if name else ""
    is_over = _is_over(asked, order.created_at_ms, launched)
    return Placement(wanted, name, NewOrder(order, record, known_by, is_over is not None), is_over)


def _is_over(asked: OrderRequest, now_ms: int, launched: Launched) -> ProblemError | None:
    """Return the error of an order whose time, launch or token is over; None of any other."""
    if asked.expires_at_ms is not None and asked.expires_at_ms <= now_ms:
        return invalid("expires_at", IN_THE_FUTURE)
    if (closed := next((token.symbol for token in asked.tokens if token.symbol in launched.closed), None)) is not None:
        return invalid("token_in" if asked.token_in == closed else "token_out", HAS_CLOSED)
    past = launched.past.get(asked.snipe.mint or "") if asked.snipe else None
    return None if past is None else invalid("target.mint", no_target(past))
