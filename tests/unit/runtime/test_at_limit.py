"""What orders that rest are compared with: what is on its way before them, what a part takes, and the pools alone."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest

from orderflow.adapters.books import Resting, Sale
from orderflow.domain.conditions import Limit, Price
from orderflow.domain.order import MARKET, OrderRequest
from orderflow.domain.status import Status
from orderflow.domain.tokens import Token
from orderflow.domain.venue import Alike
from orderflow.runtime.at_limit import alike, compare_at_once, compare_behind
from tests.support.builders import make_waiting_order, make_waiting_request, nth_id
from tests.support.memory_venue import MemoryVenue

SOL = 10**9
PAIR = "SOL>USDC"


def resting(price: str, amount: str = "10", number: int = 1, **changes: Any) -> Resting:
    request = make_waiting_request("limit", amount, limit=Limit(Price(Decimal(price))), **changes)
    return Resting(make_waiting_order(Status.OPEN, request=request, order_id=nth_id(number)))


def fired(each: Sequence[Resting], *sold: int) -> dict[str, int]:
    """Return how much fires of each order, behind so much that is sold."""
    compared = compare_behind(MemoryVenue(), each, [Sale(PAIR, amount) for amount in sold])
    return {found.resting.order.order_id: found.request.amount_in for found in compared if found.fires}


def test_sales_of_about_a_size_are_counted_as_so_many_of_their_mean() -> None:
    sales = [Sale(PAIR, 5), Sale("USDC>SOL", 6), Sale(PAIR, 7), Sale(PAIR, 8), Sale(PAIR, 15)]

    assert alike(sales, {PAIR: ()}) == [
        Alike(OrderRequest("SOL", "USDC", 6, MARKET, 0), 2),
        Alike(OrderRequest("SOL", "USDC", 11, MARKET, 0), 2),
        Alike(OrderRequest("USDC", "SOL", 6, MARKET, 0), 1),
    ]
    assert alike([], {}) == []


def test_what_was_launched_counts_for_those_that_know_what_it_is() -> None:
    sun = (Token("SUN0", "a mint", 6),)

    assert alike([Sale("SUN0>SOL", 5)], {}) == []
    assert alike([Sale("SUN0>SOL", 5)], {"SUN0>SOL": sun}) == [
        Alike(OrderRequest("SUN0", "SOL", 5, MARKET, 0, tokens=sun), 1)
    ]


def test_of_a_crowd_no_more_fires_than_fits_behind_what_is_on_its_way() -> None:
    # A pool of 5,000 SOL at 200 USDC pays 199 on average for the first 22 SOL.
    crowd = [resting("198", number=number) for number in range(1, 40)]
    most = len(fired(crowd))

    left = [len(fired(crowd, *[10 * SOL] * times)) for times in range(most + 2)]

    assert 0 < most < 39
    assert left == [max(most - times, 0) for times in range(most + 2)]


def test_one_that_only_others_keep_from_firing_stays_as_it_is_and_one_that_is_too_large_does_not() -> None:
    fits, too_large = resting("198"), resting("198", "1000", 2)

    found = list(compare_behind(MemoryVenue(), [fits, too_large], [Sale(PAIR, 2_000 * SOL)]))

    assert [(each.resting, each.fires) for each in found] == [(too_large, False)]
    # With what it would receive on the pools as they are.
    [alone] = compare_behind(MemoryVenue(), [too_large], [])
    assert found[0].received == alone.received


def test_a_part_is_what_is_left_behind_what_is_on_its_way() -> None:
    order = resting("198", "1000", allow_partial=True)
    [whole], [behind] = fired([order]).values(), fired([order], 5 * SOL).values()

    assert whole - 10 * SOL < behind < whole
    assert fired([order], 100 * SOL) == {}


def test_behind_a_part_nothing_of_its_pair_fires_but_of_another_pair() -> None:
    part, same, other = resting("198", "1000", allow_partial=True), resting("198", "0.1", 2), resting("0.004", "100", 3)
    request = make_waiting_request("limit", "100", limit=other.order.request.limit, token_in="USDC", token_out="SOL")
    other = Resting(make_waiting_order(Status.OPEN, request=request, order_id=nth_id(3)))

    assert list(fired([part, same, other])) == [nth_id(1), nth_id(3)]


@pytest.mark.parametrize(("time_in_force", "amount"), [("fok", "10"), ("ioc", "10"), ("ioc", "1000")])
def test_what_is_to_be_executed_at_once_takes_the_pools_as_they_are(time_in_force: str, amount: str) -> None:
    order = resting("198", amount, time_in_force=time_in_force)

    [found] = compare_at_once(MemoryVenue(), [order])

    assert found.fires
    assert found.request.amount_in == min(
        order.order.request.amount_in, *fired([resting("198", amount, allow_partial=True)]).values()
    )


def test_nothing_is_asked_of_the_venue_for_no_order() -> None:
    assert list(compare_behind(None, [], [Sale(PAIR, 1)])) == list(compare_at_once(None, [])) == []  # type: ignore[arg-type]
