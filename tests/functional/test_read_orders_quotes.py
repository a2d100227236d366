"""read_orders through its Lambda handler: quotes and tokens."""

import json
from decimal import Decimal

import pytest

from orderflow.adapters.public import public_json
from orderflow.domain.amounts import to_units
from orderflow.domain.pools.swap import swap
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS
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
