"""chaos/workload/conditions.py: orders of every type, the same for the same seed, priced about where the market is."""

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import islice
from random import Random
from typing import Any

import pytest

from orderflow.domain import base58
from orderflow.domain.tokens import TOKENS
from orderflow.runtime.http.order_input import read_order
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.terms import expires_at_s, least_of, triggers_of
from tests.harness.chaos.workload.conditions import Prices, amendment, conditions
from tests.harness.chaos.workload.launches import Announced
from tests.harness.chaos.workload.orders import identities
from tests.support.launched_tokens import UNKNOWN_MINT

NOW_S = 1_795_371_241.123
PRICES = Prices(Decimal("219.3"), Decimal(220))
SELL = Identity("SOL", "USDC", 12_500_000_001)
BUY = Identity("USDC", "SOL", 25_000_007)


def drawn(seed: int, count: int, prices: Prices | None = PRICES) -> list[Post]:
    """Return posts of the first identities, with what was drawn for them."""
    random = Random(seed)
    return [
        Post(identity, conditions=conditions(random, identity, prices, NOW_S))
        for identity in islice(identities(), count)
    ]


def test_every_type_is_drawn_and_the_same_again_for_the_same_seed() -> None:
    posts = drawn(1, 500)

    types = Counter(post.order_type for post in posts)
    assert set(types) == {"market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "sniper"}
    assert {post.conditions.get("time_in_force") for post in posts} == {None, "fok", "ioc"}
    fields = {name for post in posts for name in post.conditions}
    assert {"then", "allow_partial", "min_amount_out", "price_in", "expires_at", "expires_in"} <= fields
    assert [post.body() for post in posts] == [post.body() for post in drawn(1, 500)]
    assert [post.body() for post in posts] != [post.body() for post in drawn(2, 500)]


def test_where_prices_are_not_known_it_is_a_market_order_and_the_draws_after_it_are_the_same() -> None:
    random = Random(1)
    first = conditions(random, SELL, None, NOW_S)

    assert first == {"order_type": "market"}
    assert conditions(random, SELL, PRICES, NOW_S) == conditions_after_one(Random(1))


def conditions_after_one(random: Random) -> object:
    conditions(random, SELL, PRICES, NOW_S)
    return conditions(random, SELL, PRICES, NOW_S)


def test_some_limits_are_near_the_market_and_some_are_far() -> None:
    random, near, far = Random(1), 0, 0
    for _ in range(500):
        asked = conditions(random, SELL, PRICES, NOW_S)
        if asked["order_type"] == "limit" and (least := least_of(SELL, asked)):
            apart = abs(least * 1000 / Fraction(PRICES.sells_at) - 1)
            near, far = near + (apart <= Fraction(31, 10_000)), far + (apart >= Fraction(499, 10_000))

    assert (near > 50, far > 20) == (True, True)


def test_triggers_rest_on_their_side_of_the_reference() -> None:
    random, sides = Random(1), set()
    for _ in range(500):
        for rule, trigger in triggers_of(conditions(random, SELL, PRICES, NOW_S)):
            if "trigger_price" in trigger:
                sides.add((rule, Decimal(trigger["trigger_price"]) > PRICES.reference))

    assert sides == {("take_profit", True), ("stop_loss", False)}


def test_times_are_written_with_an_offset_and_are_some_seconds_ahead() -> None:
    times = [at_s for post in drawn(1, 500) if (at_s := expires_at_s(post.conditions))]

    assert times
    assert all(2 <= at_s - NOW_S <= 8 for at_s in times)


def snipers(launches: Sequence[Announced] = ()) -> list[Mapping[str, Any]]:
    random = Random(1)
    made = [conditions(random, BUY, PRICES, NOW_S, launches) for _ in range(1000)]
    return [asked for asked in made if asked["order_type"] == "sniper"]


def test_orders_wait_for_announced_launches_for_any_and_for_some_that_never_come() -> None:
    announced = [Announced("a mint", "USDC", 70), Announced("another", "USDC", 90)]

    with_launches = Counter(asked["target"].get("mint", "any") for asked in snipers(announced))

    assert {"any", "a mint", "another"} < with_launches.keys()
    unknown = with_launches.keys() - {"any", "a mint", "another"}
    assert unknown
    assert all(len(base58.decode(mint) or b"") == 32 for mint in unknown)
    assert {asked["target"].get("mint", "any") for asked in snipers()}.isdisjoint({"a mint", "another"})


def test_what_clients_ask_of_a_launch_is_what_the_api_takes() -> None:
    for asked in snipers([Announced(UNKNOWN_MINT, "USDC", 70)]):
        request = read_order(Post(BUY._replace(token_out=""), conditions=asked).body(), may_be_over=True).request(0)
        assert request.snipe is not None
        assert request.token_out == ""
    assert {"filters", "then", "max_slippage", "expires_in"} <= {name for asked in snipers() for name in asked}
    random = Random(1)
    made = [conditions(random, Identity("JUP", "USDC", 10**8), PRICES, NOW_S)["order_type"] for _ in range(500)]
    assert "sniper" not in made


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ({"order_type": "limit", "limit_price": "200"}, {"limit_price", "amount"}),
        ({"order_type": "stop_loss", "trigger_price": "200"}, {"trigger_price"}),
        ({"order_type": "trailing_stop", "trail_bps": 100}, {"trail_bps"}),
        ({"order_type": "sniper", "target": {"any": True}}, {"amount", "filters", "priority", "max_slippage"}),
        ({"order_type": "market"}, set()),
        ({"order_type": "limit", "min_amount_out": "1"}, set()),
        ({"order_type": "twap", "limit_price": "200"}, set()),
    ],
)
def test_one_field_of_an_order_that_waits_is_amended(asked: dict[str, object], fields: set[str]) -> None:
    made = [amendment(Random(seed), SELL, asked) for seed in range(20)]

    assert {name for each in made for name in each} == fields
    assert all(len(each) <= 1 for each in made)
    amounts = {SELL.with_amount(each["amount"]).amount_in for each in made if "amount" in each}
    assert amounts <= {2 * SELL.amount_in}


def test_an_amount_is_written_with_all_its_atoms() -> None:
    assert SELL.amount == "12.500000001"
    assert SELL.with_amount(SELL.amount) == SELL
    assert TOKENS["SOL"].decimals == 9
