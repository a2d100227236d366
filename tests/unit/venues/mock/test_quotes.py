"""Quotes on launched tokens: over their own pool, directly or over hops, and refused while that is not open."""

from fractions import Fraction

import msgspec
import pytest

from orderflow.domain.launches import Launch, Priority
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools.swap import quote, swap
from orderflow.domain.router.market_view import MarketView
from orderflow.domain.venue import Quoted
from orderflow.errors import RejectedError
from orderflow.venues.mock.background import chain_seconds
from orderflow.venues.mock.latency import SIGNATURE_FEE, Latency
from orderflow.venues.mock.quotes import Quotes
from tests.support.builders import make_request
from tests.support.fakes.chain import FakeChain
from tests.support.launched import buying, launched_for, live, snipe

USDC_LAUNCH, SOL_LAUNCH = launched_for("USDC"), launched_for("SOL")
OPENED = max(USDC_LAUNCH.open_slot, SOL_LAUNCH.open_slot) + 30
REFUSED = {"before": "pool is not open", "after": "pool closed"}


def quotes_at(slot: int) -> tuple[FakeChain, Quotes]:
    chain = FakeChain()
    chain.latest = live(slot).after
    return chain, Quotes(chain, Latency(seed=1, speed=1))


def reason(answer: object) -> str:
    assert isinstance(answer, RejectedError)
    return str(answer)


@pytest.mark.parametrize("launch", [USDC_LAUNCH, SOL_LAUNCH], ids=lambda launch: launch.quote)
def test_a_launched_token_is_bought_in_its_pool_and_sold_there_again(launch: Launch) -> None:
    chain, quotes = quotes_at(OPENED)
    pool, now_s = chain.latest.launched[launch.pool], chain_seconds(OPENED)
    buy = buying(launch, 10**7)
    sell = msgspec.structs.replace(buy, token_in=launch.token.symbol, token_out=launch.quote, amount_in=10**12)

    for request in (buy, sell):
        [quoted] = quotes.quote([request], indicative=True)

        assert isinstance(quoted, Quoted)
        [leg] = quoted.route.legs
        assert (leg.pool, leg.venue) == (launch.pool, launch.venue)
        assert leg.amount_out == quote(pool, request.token_in, request.amount_in, now_s).amount_out


def test_hops_lead_to_a_launched_token_and_between_two_of_them() -> None:
    _, quotes = quotes_at(OPENED)
    both = (USDC_LAUNCH.token, SOL_LAUNCH.token)
    over = OrderRequest("JUP", SOL_LAUNCH.token.symbol, 10**7, "market", 500, tokens=both[1:])
    between = OrderRequest(both[0].symbol, both[1].symbol, 10**11, "market", 500, tokens=both)

    first, second = quotes.quote([over, between], indicative=True)

    assert isinstance(first, Quoted)
    assert isinstance(second, Quoted)
    assert first.route.legs[-1].pool == SOL_LAUNCH.pool
    assert {leg.token_in for leg in first.route.legs} >= {"JUP", "SOL"}
    assert [second.route.legs[0].pool, second.route.legs[-1].pool] == [USDC_LAUNCH.pool, SOL_LAUNCH.pool]
    assert len(first.route.legs) < 8, "a further leg costs as much as for any other token"


def test_who_asks_for_other_tokens_gets_the_route_that_there_is_without_launches() -> None:
    chain, quotes = quotes_at(OPENED)
    request, launched = make_request("JUP", "WIF", "40000"), buying(USDC_LAUNCH, 10**7)

    with_launches = [quotes.quote(batch, indicative=True)[-1] for batch in ([request], [launched, request], [request])]

    chain.latest = msgspec.structs.replace(chain.latest, launched={})
    [without] = Quotes(chain, Latency(seed=1, speed=1)).quote([request], indicative=True)
    assert with_launches == [without] * 3


def test_pools_beside_a_view_are_not_in_it() -> None:
    chain, _ = quotes_at(OPENED)
    view = MarketView(chain.latest.pools.values(), chain_seconds(OPENED))
    symbol = USDC_LAUNCH.token.symbol

    beside = view.beside([chain.latest.launched[USDC_LAUNCH.pool]])

    assert beside.pair("USDC", symbol) is not None
    assert view.pair("USDC", symbol) is None
    assert view.network("SOL", symbol).pairs == ()
    assert [pair.token_out for pair in beside.network("USDC", symbol).pairs][:1] == [symbol]
    standing, same = view.network("JUP", "WIF"), beside.network("JUP", "WIF")
    assert standing.topology.paths == same.topology.paths


@pytest.mark.parametrize(("when", "slot"), [("before", USDC_LAUNCH.open_slot - 1), ("after", USDC_LAUNCH.close_slot)])
def test_a_pool_that_is_not_open_is_refused_whatever_asks_for_it(when: str, slot: int) -> None:
    _, quotes = quotes_at(slot)
    request, other = buying(USDC_LAUNCH, 10**7), make_request()

    refused, quoted = quotes.quote([request, other], indicative=False)
    unfit, fits = quotes.fit([request, other], [1, 1])
    [sniped] = quotes.quote_launched([snipe(USDC_LAUNCH, 10**7)])

    assert [reason(refused), reason(unfit), reason(sniped)] == [REFUSED[when]] * 3
    assert isinstance(quoted, Quoted)
    assert isinstance(fits, int)
    assert quotes.largest_part(request, Fraction(1, 10**12)) == 0


def test_requests_that_fit_one_behind_the_other_find_what_is_left_of_a_launched_pool() -> None:
    chain, quotes = quotes_at(OPENED)
    pool, now_s = chain.latest.launched[USDC_LAUNCH.pool], chain_seconds(OPENED)
    request = buying(USDC_LAUNCH, 10**8)
    first, after = swap(pool, "USDC", 10**8, now_s)
    second, _ = swap(after, "USDC", 10**8, now_s)

    for _ in range(2):
        assert quotes.fit([request, request], [1, 1]) == [first.amount_out, second.amount_out]


def test_the_largest_part_of_a_launched_token_earns_its_price() -> None:
    chain, quotes = quotes_at(OPENED)
    pool, now_s = chain.latest.launched[USDC_LAUNCH.pool], chain_seconds(OPENED)
    first_price = pool.first_price("USDC", now_s)

    part = quotes.largest_part(buying(USDC_LAUNCH, 10**9), Fraction(first_price * 0.99))

    assert part == pytest.approx(USDC_LAUNCH.liquidity * 0.008, rel=0.5)
    assert quotes.largest_part(buying(USDC_LAUNCH, 10**9), Fraction(first_price * 1.01)) == 0


@pytest.mark.parametrize(("priority", "tip"), [("normal", 10_000), ("fast", 200_000), ("turbo", 2_000_000)])
def test_a_snipe_is_routed_through_its_pool_at_once(priority: Priority, tip: int) -> None:
    chain, quotes = quotes_at(USDC_LAUNCH.open_slot)

    [quoted] = quotes.quote_launched([snipe(USDC_LAUNCH, 10**7, priority)])

    assert isinstance(quoted, Quoted)
    route = quoted.route
    expected = quote(chain.latest.launched[USDC_LAUNCH.pool], "USDC", 10**7, chain_seconds(route.slot))
    assert (quoted.ready_in_ms, quoted.unanswered, route.quotes) == (0, (), ())
    assert (route.slot, route.venue) == (USDC_LAUNCH.open_slot, USDC_LAUNCH.venue)
    assert (route.amount_in, route.expected_out) == (10**7, expected.amount_out)
    assert [(leg.pool, leg.share_bps) for leg in route.legs] == [(USDC_LAUNCH.pool, 10_000)]
    assert route.network_fee == SIGNATURE_FEE + tip
    assert 0 < route.price_impact < 1


def test_a_launched_token_is_quoted_also_where_its_venue_answers_late() -> None:
    _, quotes = quotes_at(OPENED)
    requests = [buying(USDC_LAUNCH, 10**6 + number) for number in range(1_000)]
    latency = Latency(seed=1, speed=1)
    late = [
        request
        for request in requests
        if USDC_LAUNCH.venue not in latency.quotes(OPENED, request, ("meteora", "raydium")).venues
    ]

    assert late
    assert all(isinstance(answer, Quoted) for answer in quotes.quote(late, indicative=False))
