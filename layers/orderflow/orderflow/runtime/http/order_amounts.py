"""Checks what an order's amount and its limits come to: a request in, an error with the field at fault out."""

from collections.abc import Iterator, Mapping
from decimal import Decimal

from orderflow.domain.amounts import LEAST_WORTH_USD, MAX_ATOMS, least_worth, to_units
from orderflow.domain.conditions import Limit
from orderflow.domain.order import OrderRequest
from orderflow.runtime.http.problems import invalid


def check_amounts(request: OrderRequest, prices_usd: Mapping[str, Decimal]) -> None:
    """Check that an order that waits, or each of its slices, is worth a dollar, and that its limits can be met.

    `prices_usd` has prices by symbol in US dollars per unit; a token may be missing. Raises ProblemError.
    """
    if not request.waits:
        return
    slices = request.schedule.slices if request.schedule else 1
    if request.amount_in // slices < least_worth(request.sells, prices_usd):
        raise invalid("amount", f"is worth less than {LEAST_WORTH_USD} USD" + (" a slice" if slices > 1 else ""))
    check_limits(request)


def check_limits(request: OrderRequest) -> None:
    """Check that an order's limits can be met at all. Raises ProblemError."""
    for field, limit in _limits(request):
        if request.minimum_at(limit) > MAX_ATOMS:
            most = f"{to_units(MAX_ATOMS, request.buys):f} {request.token_out}"
            raise invalid(field, f"must ask for at most {most} for the whole amount")


def _limits(request: OrderRequest) -> Iterator[tuple[str, Limit]]:
    """Yield the limits of an order with the field that each is given by."""
    if request.limit is not None:
        yield "limit_price", request.limit
    for trigger in request.triggers:
        if trigger.limit is not None:
            yield f"{trigger.rule}.limit_price" if len(request.triggers) > 1 else "limit_price", trigger.limit
