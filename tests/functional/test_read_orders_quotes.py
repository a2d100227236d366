"""read_orders through its Lambda handler: quotes and tokens."""

import json
from decimal import Decimal

import pytest

from orderflow.adapters.public import public_json
from orderflow.domain.amounts import to_units
from orderflow.domain.market_prices import MarketPrices
from orderflow.domain.pools.swap import swap
from orderflow.domain.status import Status
from orderflow.domain.ticks import Tick
from orderflow.domain.tokens import TOKENS
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.universe import METEORA, RAYDIUM, VENUES
from tests.support.builders import (
    make_order,
    market,
    market_state,
    read_event,
)
from tests.support.fakes.outside import Outside
from tests.support.http_api import SOL_MINT, assert_refused, call, get
from tests.support.memory_venue import MemoryVenue

pytestmark = pytest.mark.usefixtures("_event_loop")


MARKET = {"token_in": "SOL", "token_out": "USDC"}


def test_a_quote_shows_the_route_and_what_it_yields(outside: Outside) -> None:
    answer = call(read_event("read_orders.get_quote"))

    route = make_order(Status.ROUTING).chosen_route
    assert answer.status == 200
    assert answer.document == {
        "token_in": "SOL",
        "token_out": "USDC",
        "amount": "12.500000000",
        "expected_out": "2746.933337",
        "minimum_out": "2609.586671",
        "price": Decimal("219.75466696"),
        "price_impact": 0,
        "improvement_bps": 0,
        "network_fee": {"token": "SOL", "amount": f"{to_units(route.network_fee, TOKENS['SOL']):f}"},
        "fees": [{"token": "SOL", "amount": "0.012500000"}],
        "route": json.loads(public_json(route), parse_float=Decimal),
    }


def test_a_quote_is_of_the_pools_as_they_are_now(outside: Outside) -> None:
    before = call(read_event("read_orders.get_quote")).document["expected_out"]
    moved = {
        address: swap(pool, "SOL", 4 * 10**11, 0)[1]
        for address, pool in market().items()
        if address.endswith(":SOL-USDC")
    }
    outside.chain.latest = market_state(pools=market() | moved)

    after = call(read_event("read_orders.get_quote")).document["expected_out"]

    assert Decimal(after) < Decimal(before)


def test_a_quote_of_a_large_order_shows_what_the_split_gains_and_every_legs_fee(outside: Outside) -> None:
    quote = get("/api/quote", token_in="SOL", token_out="USDC", amount="2000").document

    legs, quotes = quote["route"]["legs"], quote["route"]["quotes"]
    assert quote["improvement_bps"] > 0
    assert quote["price_impact"] > 0
    assert {leg["venue"] for leg in legs} >= {METEORA, RAYDIUM}
    assert sum(leg["share_bps"] for leg in legs if leg["token_in"] == "SOL") == 10_000
    assert [fee["token"] for fee in quote["fees"]] == [leg["fee_token"] for leg in legs]
    assert Decimal(quote["expected_out"]).scaleb(6) > max(int(each["amount_out"]) for each in quotes)


def test_a_quote_asks_every_venue_even_one_that_would_miss_the_deadline(outside: Outside) -> None:
    outside.latency = Latency(seed=1, speed=1, failure_rate=1)

    quote = call(read_event("read_orders.get_quote")).document

    assert [each["venue"] for each in quote["route"]["quotes"]] == list(VENUES)


def test_a_quote_over_several_hops_shows_each(outside: Outside) -> None:
    quote = get("/api/quote", token_in="JUP", token_out="WIF", amount="100").document

    legs = quote["route"]["legs"]
    assert (legs[0]["token_in"], legs[-1]["token_out"]) == ("JUP", "WIF")
    assert len(quote["fees"]) == len(legs) >= 2


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"amount": "0"}, "amount", "must be greater than zero"),
        ({"amount": "nan"}, "amount", "must be a decimal number"),
        (
            {"amount": "0.000000001"},
            "amount",
            "1 atoms are too few: meteora would pay out nothing (error 6039, 0x1797)",
        ),
        ({"token_out": "SOL"}, "token_out", "must not be the same token as token_in"),
        ({"max_slippage": "0.6"}, "max_slippage", "must be from 0.01 to 0.5"),
        ({"colour": "red"}, "colour", "is not a field of an order"),
    ],
)
def test_a_quote_that_can_not_be_given_says_why(outside: Outside, query: dict[str, str], field: str, rule: str) -> None:
    answer = get("/api/quote", **({"token_in": "SOL", "token_out": "USDC", "amount": "1"} | query))

    assert_refused(answer, field, rule)


def test_the_tokens_are_listed_with_their_mints_and_decimals(outside: Outside) -> None:
    tokens = get("/api/tokens").document["tokens"]

    assert len(tokens) == 12
    assert tokens[0] == {"symbol": "SOL", "mint": SOL_MINT, "decimals": 9, "opening_price": 220}


@pytest.mark.parametrize(
    ("amount", "shown"),
    [
        ("7.123456789012345", "7.123456789"),
        ("0.30000000000000004", "0.300000000"),
        ("1e-7", "0.000000100"),
        ("1.5e+1", "15.000000000"),
        ("7", "7.000000000"),
    ],
)
def test_a_quote_takes_its_numbers_as_an_order_does(outside: Outside, amount: str, shown: str) -> None:
    answer = get("/api/quote", **MARKET, amount=amount, max_slippage="0.0312345678901")

    assert answer.status == 200
    assert answer.document["amount"] == shown
    expected, least = (Decimal(answer.document[key]).scaleb(6) for key in ("expected_out", "minimum_out"))
    assert least == expected - int(expected) * 312 // 10_000


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"amount": "1e-10"}, "amount", "must be at least 0.000000001 SOL"),
        ({"amount": "NaN"}, "amount", "must be a decimal number"),
        ({"amount": "Infinity"}, "amount", "must be a decimal number"),
        ({"amount": "null"}, "amount", "must be a decimal number"),
        ({"amount": "undefined"}, "amount", "must be a decimal number"),
        ({"amount": ""}, "amount", "must be a decimal number"),
        ({"amount": "-0"}, "amount", "must be greater than zero"),
        ({"amount": "1e+21"}, "amount", "must be at most 18446744073.709551615 SOL"),
        ({"amount": "1", "max_slippage": "0.5000001"}, "max_slippage", "must be from 0.01 to 0.5"),
    ],
)
def test_a_number_that_no_quote_can_be_given_for_is_named(
    outside: Outside, query: dict[str, str], field: str, rule: str
) -> None:
    assert_refused(get("/api/quote", **MARKET, **query), field, rule)


SIDES = {"token_in": "USDC", "token_out": "SOL", "amount": "100"}


def reference(pair: str) -> Decimal:
    """Return the opening market's reference price of a pair."""
    state = market_state()
    tick = MarketPrices().tick(state.slot, state.pools.values(), chain_seconds(state.slot))
    return Decimal(repr(tick.prices[pair].reference))


def test_a_quote_of_a_market_order_says_nothing_of_waiting(outside: Outside) -> None:
    by_default, by_name = (
        get("/api/quote", **MARKET, amount="1"),
        get("/api/quote", **MARKET, amount="1", order_type="market"),
    )

    assert by_default.text == by_name.text
    assert "distance_bps" not in by_default.document


@pytest.mark.parametrize(
    ("limit", "minimum", "bps"),
    [
        ({"limit_price": "221.37"}, "2767.125000", "72.97"),
        ({"limit_price": "219"}, "2737.500000", "-34.45"),
        ({"min_amount_out": "2746.933337"}, "2746.933337", "0"),
        ({"min_amount_out": "2746.933338"}, "2746.933338", "0.01"),
    ],
)
def test_a_quote_of_a_limit_order_says_how_far_the_market_is_from_it(
    outside: Outside, limit: dict[str, str], minimum: str, bps: str
) -> None:
    quoted = get("/api/quote", **MARKET, amount="12.5", order_type="limit", **limit).document

    assert quoted["order_type"] == "limit"
    assert quoted["expected_out"] == "2746.933337"
    assert quoted["minimum_out"] == minimum
    assert quoted["distance_bps"] == Decimal(bps)
    assert "trigger_price" not in quoted


def test_a_buyer_s_limit_is_quoted_as_it_is_written(outside: Outside) -> None:
    quoted = get("/api/quote", **SIDES, order_type="limit", limit_price="219.99", price_in="token_in").document

    assert quoted["minimum_out"] == "0.454566117"
    yields, least = Decimal(quoted["expected_out"]), Decimal(quoted["minimum_out"])
    assert (quoted["distance_bps"] > 0) == (yields < least)
    assert abs(quoted["distance_bps"] - (least - yields) / least * 10_000) <= Decimal("0.01")


@pytest.mark.parametrize(
    ("order_type", "side", "price", "slippage"),
    [("take_profit", 1, "250", 500), ("stop_loss", -1, "200", 2_000), ("stop_loss", -1, "230", 2_000)],
)
def test_a_quote_of_a_trigger_says_how_far_the_reference_price_has_to_go(
    outside: Outside, order_type: str, side: int, price: str, slippage: int
) -> None:
    quoted = get("/api/quote", **MARKET, amount="12.5", order_type=order_type, trigger_price=price).document

    now, at = reference("SOL>USDC"), Decimal(price)
    assert abs(quoted["reference_price"] - now) < Decimal("1e-8")
    assert quoted["trigger_price"] == at
    assert abs(quoted["distance_bps"] - side * (at - now) / at * 10_000) <= Decimal("0.01")
    expected = int(Decimal(quoted["expected_out"]).scaleb(6))
    assert int(Decimal(quoted["minimum_out"]).scaleb(6)) == expected - expected * slippage // 10_000


def test_prices_in_the_token_sold_are_shown_so_and_compared_the_other_way_round(outside: Outside) -> None:
    given = {**SIDES, "order_type": "stop_loss", "trigger_price": "230", "price_in": "token_in"}

    quoted = get("/api/quote", **given).document

    # A buyer's stop: SOL has to rise to 230 USDC.
    now = 1 / reference("USDC>SOL")
    assert abs(quoted["reference_price"] - now) < Decimal("1e-8")
    assert quoted["trigger_price"] == 230
    assert abs(quoted["distance_bps"] - (230 - now) / 230 * 10_000) <= Decimal("0.01")
    assert quoted["distance_bps"] > 0


def test_a_trigger_with_a_limit_is_executed_for_no_less_than_that(outside: Outside) -> None:
    given = {"order_type": "stop_loss", "trigger_price": "200", "limit_price": "198"}

    assert get("/api/quote", **MARKET, amount="12.5", **given).document["minimum_out"] == "2475.000000"


def test_a_trailing_stop_is_quoted_as_if_it_came_in_now(outside: Outside) -> None:
    trailing = {**MARKET, "amount": "1", "order_type": "trailing_stop", "trail_bps": "100"}

    active = get("/api/quote", **trailing).document
    waiting = get("/api/quote", **trailing, activation_price="250").document

    now = reference("SOL>USDC")
    assert abs(active["trigger_price"] - now * 99 / 100) < Decimal("1e-8")
    assert active["distance_bps"] == Decimal("101.02")
    assert waiting["trigger_price"] is None
    assert abs(waiting["distance_bps"] - (250 - now) / 250 * 10_000) <= Decimal("0.01")


def test_where_the_market_has_no_price_none_is_shown(outside: Outside) -> None:
    outside.venue = MemoryVenue()
    outside.venue.prices = lambda: Tick(0, {})  # type: ignore[method-assign]

    quoted = get("/api/quote", **MARKET, amount="1", order_type="stop_loss", trigger_price="200").document

    assert [quoted[name] for name in ("distance_bps", "reference_price", "trigger_price")] == [None, None, None]


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"order_type": "limit"}, "limit_price", "is required for a limit order"),
        ({"limit_price": "220"}, "limit_price", "is not a field of a market order"),
        ({"order_type": "limit", "limit_price": "null"}, "limit_price", "must be a decimal number"),
        ({"order_type": "limit", "limit_price": "220", "then": "{}"}, "then", "must be a JSON object"),
        (
            {"order_type": "limit", "limit_price": "220", "allow_partial": "yes"},
            "allow_partial",
            "must be true or false",
        ),
        ({"order_type": "limit", "limit_price": "220", "amount": "0.004"}, "amount", "is worth less than 1 USD"),
        *[
            ({"order_type": name}, "order_type", "must be one of market, limit, take_profit, stop_loss, trailing_stop")
            for name in ("oco", "twap", "dca", "")
        ],
        (
            {"order_type": "sniper"},
            "order_type",
            "must not be sniper: what such an order buys has no price before it is launched",
        ),
    ],
)
def test_a_quote_that_can_not_be_given_of_an_order_that_waits_says_why(
    outside: Outside, query: dict[str, str], field: str, rule: str
) -> None:
    assert_refused(get("/api/quote", **({**MARKET, "amount": "12.5"} | query)), field, rule)


def test_what_else_an_order_says_may_stand_in_a_query(outside: Outside) -> None:
    given = {"order_type": "limit", "limit_price": "220", "time_in_force": "gtd", "expires_in": "60"}

    assert get("/api/quote", **MARKET, amount="1", **given, allow_partial="true").status == 200
