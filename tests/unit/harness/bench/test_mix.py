"""The orders that the bench posts."""

from itertools import islice, pairwise

import orjson
import pytest

from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.harness.bench.mix import LEAST_USD, MEDIAN_USD, MIXES, MOST_USD, SMALL_USD, bodies, mixed_sizes


@pytest.mark.parametrize("mix", MIXES)
def test_each_order_is_followed_by_one_the_other_way_of_the_same_value(mix: str) -> None:
    orders = [orjson.loads(body) for body in islice(bodies(mix), 10_000)]

    for order, back in zip(orders[::2], orders[1::2], strict=True):
        assert (order["token_in"], order["token_out"]) == (back["token_out"], back["token_in"])
        values = [float(each["amount"]) * float(OPENING_PRICES[each["token_in"]]) for each in (order, back)]
        assert values[0] == pytest.approx(values[1], rel=2e-3)


def test_small_orders_go_both_ways_in_every_pair_with_pools_in_every_size() -> None:
    sold: dict[tuple[str, str], set[str]] = {}
    for body in islice(bodies("small"), 1_000):
        order = orjson.loads(body)
        sold.setdefault((order["token_in"], order["token_out"]), set()).add(order["amount"])

    assert len(sold) == 2 * (2 * 10 + 1)
    assert {len(amounts) for amounts in sold.values()} == {len(SMALL_USD)}


def test_mixed_orders_go_between_any_two_tokens() -> None:
    orders = (orjson.loads(body) for body in islice(bodies(), 5_000))

    assert len({(order["token_in"], order["token_out"]) for order in orders}) == len(TOKENS) * (len(TOKENS) - 1)


def test_mixed_sizes_are_log_normal_between_their_ends() -> None:
    sizes = mixed_sizes(101)

    assert sizes[50] == pytest.approx(MEDIAN_USD)
    assert (sizes[0], sizes[-1]) == (LEAST_USD, MOST_USD)
    assert all(before <= size for before, size in pairwise(sizes))
    assert sizes[40] * sizes[60] == pytest.approx(MEDIAN_USD**2)


def test_mixes_are_the_same_in_every_run() -> None:
    assert list(islice(bodies(), 100)) == list(islice(bodies(), 100))
