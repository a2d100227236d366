"""The orders that the bench posts."""

import orjson

from tests.harness.bench.orders import SIZES_USD, bodies


def test_orders_go_both_ways_in_every_pair_with_the_same_value() -> None:
    orders = [orjson.loads(body) for body in bodies(10_000)]

    sold: dict[tuple[str, str], set[str]] = {}
    for order in orders:
        sold.setdefault((order["token_in"], order["token_out"]), set()).add(order["amount"])
    assert len(sold) == 2 * (2 * 10 + 1)
    assert all((token_out, token_in) in sold for token_in, token_out in sold)
    assert {len(amounts) for amounts in sold.values()} == {len(SIZES_USD)}


def test_as_many_bodies_as_asked_for() -> None:
    assert [len(bodies(count)) for count in (0, 1, 1000)] == [0, 1, 1000]
