"""The market over HTTP, on the chain of a real Redis: as it is after each block, and as it was reported."""

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from orderflow.adapters.reports import MARKET, PastPrice
from orderflow.domain.order import OrderRequest
from orderflow.runtime import clients
from tests.support.builders import NOW_MS
from tests.support.driven import Driven, driven
from tests.support.http_api import get


@pytest.fixture
def engine(redis_client: redis.Redis, redis_url: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Driven]:
    with driven(redis_client, redis_url, monkeypatch) as lent:
        yield lent


def read(path: str, **query: str) -> Any:
    answer = get(f"/api/market/{path}", **query)
    assert answer.status == 200, answer.text
    return answer.document


def test_pools_and_depth_follow_what_is_traded(engine: Driven) -> None:
    before = read("pools", token_in="SOL", token_out="USDC")
    order_id = engine.place(OrderRequest("SOL", "USDC", 5_000 * 10**9, "market", 2_000))
    engine.wait_until_ended(order_id)

    after = read("pools", token_in="SOL", token_out="USDC")

    assert engine.statuses(order_id)[-1] == "confirmed"
    assert after["slot"] == read("pairs")["slot"] > before["slot"]
    held = [sum(int(pool["reserve_a"]) for pool in found["pools"]) for found in (before, after)]
    assert held[1] > held[0]
    first, then = (float(found["depth"]["sell"][0]["price"]) for found in (before, after))
    assert then < first


def test_past_prices_are_those_that_reports_have_kept(engine: Driven) -> None:
    market = clients.venue().market()
    for slot in (market.slot, market.slot + 1):
        prices = {each.pair: PastPrice(slot, NOW_MS + slot, each.reference, each.venues) for each in market.pairs}
        clients.reports().keep(MARKET, "{}", NOW_MS, slot, prices)

    points = read("prices", token_in="SOL", token_out="USDC")["points"]

    [pair] = [each for each in read("pairs")["pairs"] if each["pair"] == "SOL/USDC"]
    assert [point["slot"] for point in points] == [market.slot, market.slot + 1]
    assert {(point["reference"], *sorted(point["venues"].items())) for point in points} == {
        (pair["reference"], *sorted(pair["venues"].items()))
    }
    assert len(read("prices", token_in="USDC", token_out="SOL", limit="1")["points"]) == 1
