"""read_orders through its Lambda handler: what pairs are worth, the pools between two tokens, and the depth."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.reports import PastPrice
from orderflow.domain.order import OrderRequest
from orderflow.errors import RejectedError
from orderflow.runtime import async_clients
from orderflow.runtime.at_once import AtOnce
from orderflow.venues.mock.launches import Calendar
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS, market_state
from tests.support.fakes.outside import Outside
from tests.support.http_api import SOL_MINT, USDC_MINT, assert_problem, assert_refused, get
from tests.support.launched import EVERY, launched_for, live
from tests.support.launched_tokens import LaunchingVenue, make_launch

pytestmark = pytest.mark.usefixtures("_event_loop")
PAIRS, PRICES, POOLS = "/api/market/pairs", "/api/market/prices", "/api/market/pools"
NO_TOKEN = (
    "must be one of SOL, USDC, USDT, JUP, RAY, BONK, WIF, JTO, PYTH, mSOL, JitoSOL, ORCA, or the mint of one, or a"
    " token that was launched"
)


class CountingVenue(MockVenue):
    """The mock market in memory, which counts how often amounts are looked at."""

    def __init__(self, outside: Outside) -> None:
        super().__init__(outside.chain, outside.latency, outside.replication)
        self.fits = 0

    def fit(self, requests: Sequence[OrderRequest], minimums: Sequence[int], *more: Any) -> list[int | RejectedError]:
        self.fits += 1
        return super().fit(requests, minimums, *more)


@pytest.fixture
def venue(outside: Outside) -> CountingVenue:
    outside.venue = venue = CountingVenue(outside)
    return venue


def pools(token_in: str = "SOL", token_out: str = "USDC") -> Any:
    answer = get(POOLS, token_in=token_in, token_out=token_out)
    assert answer.status == 200, answer.text
    return answer.document


def test_pairs_are_listed_with_their_price_at_each_venue(outside: Outside) -> None:
    answer = get(PAIRS).document

    assert answer["slot"] == 0
    assert answer["pairs"] == [msgspec.to_builtins(pair) for pair in outside.chain.market().pairs]
    assert "SOL/USDC" in {pair["pair"] for pair in answer["pairs"]}


def keep_prices(outside: Outside, count: int) -> None:
    venues = {"meteora": "250", "raydium": "200"}
    outside.reports.prices["SOL/USDC"] = [
        PastPrice(slot, NOW_MS + 400 * slot, f"{200 + slot}", venues) for slot in range(count)
    ]


def test_past_prices_are_listed_oldest_first(outside: Outside) -> None:
    keep_prices(outside, 3)

    answer = get(PRICES, token_in="sol", token_out=USDC_MINT, limit="2")

    assert answer.status == 200
    assert [(point["slot"], point["reference"]) for point in answer.document["points"]] == [(1, "201"), (2, "202")]
    assert answer.document["points"][0] == {
        "slot": 1,
        "at": "2026-11-22T18:14:01.523Z",
        "reference": "201",
        "venues": {"meteora": "250", "raydium": "200"},
    }


def test_past_prices_the_other_way_round_are_reciprocals(outside: Outside) -> None:
    keep_prices(outside, 4)

    points = get(PRICES, token_in="USDC", token_out="SOL").document["points"]

    assert [point["slot"] for point in points] == [0, 1, 2, 3]
    assert points[3]["reference"] == "0.00492610837438"
    assert points[3]["venues"] == {"meteora": "0.004", "raydium": "0.005"}


def test_a_pair_of_which_no_prices_are_kept_has_none(outside: Outside) -> None:
    assert get(PRICES, token_in="JUP", token_out="BONK").document == {"points": []}


@pytest.mark.parametrize("limit", ["0", "2001", "-1", "x", ""])
def test_so_many_prices_can_not_be_asked_for(outside: Outside, limit: str) -> None:
    answer = get(PRICES, token_in="SOL", token_out="USDC", limit=limit)

    assert_refused(answer, "limit", "must be from 1 to 2000")


def test_without_redis_there_are_no_past_prices(outside: Outside) -> None:
    outside.reports.error = redis.ConnectionError("refused")

    assert_problem(get(PRICES, token_in="SOL", token_out="USDC"), 503)


def test_pools_are_those_of_the_pair_by_symbol_or_mint_whichever_way_round(venue: CountingVenue) -> None:
    there, back = pools(SOL_MINT, "usdc"), pools(USDC_MINT, "SOL")

    assert [pool["kind"] for pool in there["pools"]] == [
        *("meteora_damm_v2", "meteora_dlmm", "raydium_amm_v4", "raydium_cpmm")
    ]
    assert [pool["pool"] for pool in back["pools"]] == [pool["pool"] for pool in there["pools"]]
    for one, other in zip(there["pools"], back["pools"], strict=True):
        assert Decimal(one["price"]) * Decimal(other["price"]) == pytest.approx(1)
        assert (one["reserve_a"], one["fee_bps"]) == (other["reserve_a"], other["fee_bps"])


def test_depth_is_what_quotes_say(venue: CountingVenue) -> None:
    depth = pools()["depth"]

    quotes = [get("/api/quote", token_in="SOL", token_out="USDC", amount=point["amount"]) for point in depth["sell"]]
    assert [Decimal(point["price"]) for point in depth["sell"]] == [each.document["price"] for each in quotes]
    spent = Decimal(depth["buy"][-1]["amount"]) * Decimal(depth["buy"][-1]["price"])
    bought = get("/api/quote", token_in="USDC", token_out="SOL", amount=f"{spent:.6f}").document["expected_out"]
    assert Decimal(bought) == pytest.approx(Decimal(depth["buy"][-1]["amount"]))
    for side in depth.values():
        assert Decimal(side[0]["amount"]) * 220 == pytest.approx(100, rel=0.01)
        assert Decimal("0.05") < Decimal(side[-1]["impact"]) < Decimal("0.12")


def test_depth_is_measured_once_for_a_slot(outside: Outside, venue: CountingVenue) -> None:
    first = pools()
    measured = venue.fits

    assert pools() == first
    assert venue.fits == measured > 0

    outside.chain.latest = market_state(slot=1)
    assert pools()["slot"] == 1
    assert venue.fits == 2 * measured


def test_a_pair_without_pools_of_its_own_has_a_depth_over_others(venue: CountingVenue) -> None:
    answer = pools("JUP", "BONK")

    assert answer["pools"] == []
    assert len(answer["depth"]["sell"]) == len(answer["depth"]["buy"]) == 8


def test_a_token_that_was_launched_is_a_token(outside: Outside) -> None:
    launch = launched_for("USDC")
    outside.chain.calendar = Calendar(1, EVERY)
    outside.chain.latest = live(launch.open_slot + 10).after
    outside.venue = MockVenue(outside.chain, outside.latency, outside.replication)

    answer = pools(launch.token.mint, "USDC")

    assert [pool["pool"] for pool in answer["pools"]] == [launch.pool]
    assert all(len(side) > 1 for side in answer["depth"].values())
    assert Decimal(answer["depth"]["sell"][-1]["impact"]) == pytest.approx(Decimal("0.1"), abs=Decimal("0.01"))
    assert pools("JUP", launch.token.symbol)["depth"]["sell"] != []


def test_before_a_launch_there_is_nothing_and_after_it_the_field_is_named(outside: Outside) -> None:
    launch = make_launch()
    outside.venue = LaunchingVenue(outside, launch, slot=launch.announced_slot)
    assert pools("USDC", launch.token.symbol)["pools"] == []
    assert pools("USDC", launch.token.symbol)["depth"] == {"sell": [], "buy": []}

    outside.venue = LaunchingVenue(outside, launch, slot=launch.close_slot)

    answer = get(POOLS, token_in="USDC", token_out=launch.token.symbol)
    assert_refused(answer, "token_out", "can't be traded: pool closed")


@pytest.mark.parametrize(
    ("query", "field", "rule"),
    [
        ({"token_out": "USDC"}, "token_in", "is required"),
        ({"token_in": "SOL"}, "token_out", "is required"),
        ({"token_in": "SOLX", "token_out": "USDC"}, "token_in", NO_TOKEN),
        ({"token_in": "SOL", "token_out": ""}, "token_out", NO_TOKEN),
        ({"token_in": "SOL", "token_out": SOL_MINT}, "token_out", "must not be the same token as token_in"),
        ({"token_in": "SOL", "token_out": "USDC", "at": "1"}, "at", "is not a parameter of this path"),
    ],
)
@pytest.mark.parametrize("path", [PRICES, POOLS])
def test_a_pair_that_can_not_be_read_is_refused(
    outside: Outside, path: str, query: dict[str, str], field: str, rule: str
) -> None:
    assert_refused(get(path, **query), field, rule)


def test_where_too_many_quotes_wait_there_is_no_depth(outside: Outside, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(async_clients, "quoting", lambda: AtOnce("MAX_QUOTES", 0, 1))

    assert assert_problem(get(POOLS, token_in="SOL", token_out="USDC"), 503)["limit"] == "MAX_QUOTES"


@pytest.mark.parametrize("path", [PAIRS, f"{POOLS}"])
def test_without_the_chain_it_may_be_tried_again(outside: Outside, path: str) -> None:
    outside.chain.error = redis.ConnectionError("refused")

    query = {"token_in": "SOL", "token_out": "USDC"} if path == POOLS else {}
    assert_problem(get(path, **query), 503)
