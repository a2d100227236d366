"""Many orders in one request, each by itself: a body in, what became of each of its orders out."""

from collections.abc import Sequence
from http import HTTPStatus

import msgspec

from functions.accept_order.accepted import Accepted
from functions.accept_order.idempotency import name_of
from functions.accept_order.placement import Placement, place, read
from orderflow.runtime import async_clients
from orderflow.runtime.http.json_input import read_json_object
from orderflow.runtime.http.launched_tokens import Launched, find_launched
from orderflow.runtime.http.order_base import OrderInput
from orderflow.runtime.http.problems import FieldError, Problem, ProblemError, refused, shown

ORDERS = "orders"
MAX_ORDERS = 100


class BatchResult(msgspec.Struct, frozen=True, omit_defaults=True):
    """What became of one order: `order` when it was accepted, as its own POST answers, or the `problem`."""

    order: Accepted | None = None
    problem: Problem | None = None


class BatchAnswer(msgspec.Struct, frozen=True):
    """The results of a batch, in the order of its orders."""

    results: list[BatchResult]


def read_batch(body: bytes) -> list[object]:
    """Return the orders in a request body, not yet checked. Raises ProblemError when it holds no batch."""
    fields = read_json_object(body)
    orders: object = fields.pop(ORDERS, None)
    errors = [FieldError(shown(name) or "body", "is not a field of a batch") for name in fields]
    if not isinstance(orders, list) or not 1 <= len(orders) <= MAX_ORDERS:
        raise refused([FieldError(ORDERS, f"must be an array of 1 to {MAX_ORDERS} orders"), *errors])
    if errors:
        raise refused(errors)
    return orders


async def accept_each(items: Sequence[object], key: str | None, account: str) -> list[Accepted | Exception]:
    """Place an account's orders, each by itself, in one trip to each partition; `key` names them by their places.

    Returns for each, in order, what its own POST answers, or the error that this POST would raise.
    """
    intake, launched = async_clients.intake(), await find_launched(items, account)
    answers: dict[int, Accepted | Exception] = {}
    placements: dict[int, Placement] = {}
    for number, item in enumerate(items):
        try:
            wanted = _read(item, key, launched)
            name = name_of(key, wanted.client_order_id, account, number)
            placements[number] = place(wanted, name, intake.partitions, launched, account)
        except ProblemError as error:
            answers[number] = error
    outcomes = await intake.create_each([placement.new for placement in placements.values()])
    for (number, placement), outcome in zip(placements.items(), outcomes, strict=True):
        answers[number] = outcome if isinstance(outcome, Exception) else placement.answer(outcome)
    return [answers[number] for number in range(len(items))]


def _read(item: object, key: str | None, launched: Launched) -> OrderInput:
    if not isinstance(item, dict):
        raise ProblemError(HTTPStatus.BAD_REQUEST, "an order must be a JSON object")
    return read(item, key, launched)
