"""The venue port: what every venue family promises to the stages, tried on the mock market and on one in memory."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil
from typing import NamedTuple

import msgspec
import pytest
import redis

from orderflow.adapters.replication import Replication
from orderflow.domain.order import Order, OrderId, OrderRequest
from orderflow.domain.ticks import Tick
from orderflow.domain.venue import Quoted, Venue
from orderflow.errors import ConfigurationError, RejectedError
from orderflow.runtime.settings import read_settings
from orderflow.venues import Resources, open_venue
from orderflow.venues.mock.venue import MockVenue
from tests.support.builders import NOW_MS, amm_v4, nth_id
from tests.support.memory_venue import MemoryVenue
from tests.support.redis_servers import entries_of

FAMILIES = ["mock", "tests.support.memory_venue:open_venue"]
SOL_USDC = OrderRequest("SOL", "USDC", 12_500_000_000, "market", 500)
USDC_SOL = OrderRequest("USDC", "SOL", 250_750_000, "market", 500)


class Family(NamedTuple):
    """A venue family, what lets it execute the transactions that were sent, and what reads the ticks it has written."""

    venue: Venue
    execute: Callable[[Sequence[Order]], object]
    ticks: Callable[[], list[Tick]]


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest, client: redis.Redis, monkeypatch: pytest.MonkeyPatch) -> Family:
    monkeypatch.setenv("SPEED", "0")
    monkeypatch.setenv("DROP_RATE", "0")
    return opened(request.param, client)


def opened(name: str, client: redis.Redis) -> Family:
    venue = open_venue(name, Resources(read_settings, lambda: client, lambda: Replication(client, 0)))
    if isinstance(venue, MemoryVenue):
        return Family(venue, lambda _orders: None, lambda: list(venue.ticks))
    assert isinstance(venue, MockVenue)

    def ticks() -> list[Tick]:
        return [msgspec.json.decode(fields["tick"], type=Tick) for _, fields in entries_of(client, "{chain}:ticks")]

    return Family(venue, venue.produce_blocks, ticks)


def routed(venue: Venue, request: OrderRequest = SOL_USDC, number: int = 1) -> Order:
    [quoted] = venue.quote([request])
    assert isinstance(quoted, Quoted)
    return Order.accept(OrderId(nth_id(number)), request, NOW_MS).choose_route(quoted.route, NOW_MS)


def signed(venue: Venue, request: OrderRequest = SOL_USDC, number: int = 1) -> Order:
    order = routed(venue, request, number)
    [parts] = venue.prepare([order])
    built = order.build(parts.instructions, parts.last_valid_slot, parts.expires_at_ms, NOW_MS)
    return built.submit(venue.sign(built), NOW_MS)


def executed(family: Family, *orders: Order) -> None:
    family.venue.send(orders)
    family.execute(orders)


def test_every_request_gets_its_own_answer_in_its_place(family: Family) -> None:
    too_small = OrderRequest("SOL", "USDC", 1, "market", 500)

    there, none, back = family.venue.quote([SOL_USDC, too_small, USDC_SOL])

    assert isinstance(there, Quoted)
    assert isinstance(back, Quoted)
    assert isinstance(none, RejectedError)
    assert (there.route.legs[0].token_in, back.route.legs[0].token_in) == ("SOL", "USDC")
    assert there.ready_in_ms == back.ready_in_ms == 0


def test_a_route_pays_no_less_than_any_venue_that_it_names(family: Family) -> None:
    [quoted] = family.venue.quote([SOL_USDC], indicative=True)

    assert isinstance(quoted, Quoted)
    route = quoted.route
    assert len(route.quotes) > 1
    assert route.expected_out >= max(quote.amount_out for quote in route.quotes)
    assert {leg.venue for leg in route.legs} <= {quote.venue for quote in route.quotes}


def test_no_route_pays_more_on_average_than_the_best_price_and_the_prices_follow_the_trades(family: Family) -> None:
    before = family.venue.prices()
    [quoted] = family.venue.quote([SOL_USDC], indicative=True)
    executed(family, signed(family.venue, OrderRequest("SOL", "USDC", 2_000 * 10**9, "market", 5_000)))
    after = family.venue.prices()

    assert isinstance(quoted, Quoted)
    assert 0 < quoted.route.expected_out / SOL_USDC.amount_in * 10**3 <= before.prices["SOL>USDC"].best
    for tick in (before, after):
        there, back = tick.prices["SOL>USDC"], tick.prices["USDC>SOL"]
        assert there.reference == pytest.approx(1 / back.reference)
        assert there.best < there.reference * 1.01
    assert after.slot > before.slot
    assert after.prices["SOL>USDC"] != before.prices["SOL>USDC"]


def test_the_market_shows_its_pools_and_the_price_of_each_pair_after_the_latest_block(family: Family) -> None:
    before = family.venue.market()
    executed(family, signed(family.venue, OrderRequest("SOL", "USDC", 2_000 * 10**9, "market", 5_000)))
    after, tick = family.venue.market(), family.venue.prices()

    assert before.slot < after.slot == tick.slot
    [sol_usdc] = [view for view in after.pairs if view.pair == "SOL/USDC"]
    assert float(sol_usdc.reference) == pytest.approx(tick.prices["SOL>USDC"].reference)
    assert set(sol_usdc.venues) == {pool.venue for pool in after.pools}
    assert [pool.pool for pool in after.pools] == [pool.pool for pool in before.pools]
    assert after.pools != before.pools
    assert sol_usdc not in before.pairs


def test_what_would_fit_is_what_an_indicative_quote_says(family: Family) -> None:
    too_small = OrderRequest("SOL", "USDC", 1, "market", 500)
    requests = [SOL_USDC, too_small, USDC_SOL]
    there, _, back = family.venue.quote(requests, indicative=True)
    assert isinstance(there, Quoted)
    assert isinstance(back, Quoted)

    first, none, last = family.venue.fit(requests, [there.route.expected_out + 1, 1, back.route.expected_out + 1])

    assert (first, last) == (there.route.expected_out, back.route.expected_out)
    assert isinstance(none, RejectedError)


def test_one_that_fits_leaves_less_to_those_behind_it_and_nothing_is_traded(family: Family) -> None:
    large = OrderRequest("SOL", "USDC", 100 * SOL_USDC.amount_in, "market", 500)
    [alone] = family.venue.fit([large], [10**18])
    assert isinstance(alone, int)

    before, second, behind = family.venue.fit([large, large, large], [alone, alone, alone])

    assert before == alone
    # The second did not receive as much, so the third finds what the second found.
    assert isinstance(second, int)
    assert behind == second < alone
    assert family.venue.fit([large], [alone]) == [alone]


@pytest.mark.parametrize("name", FAMILIES)
@pytest.mark.parametrize(
    ("reserves", "paid", "fits"),
    [
        ((10**12, 220_000 * 10**6), 2_709_342_880, False),
        ((994_811_908_619, 221_147_332_570), 2_737_500_000, True),
        ((994_811_908_620, 221_147_332_569), 2_737_499_999, False),
    ],
)
def test_in_a_market_of_one_pool_a_limit_is_met_to_the_atom(
    client: redis.Redis,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    reserves: tuple[int, int],
    paid: int,
    fits: bool,
) -> None:
    for opening in ("orderflow.venues.mock.chain_store.opening_pools", "tests.support.memory_venue.opening_pools"):
        monkeypatch.setattr(opening, lambda *_: (amm_v4(*reserves),))
    venue = opened(name, client).venue

    # 12.5 SOL at 219.
    first, second = venue.fit([SOL_USDC, SOL_USDC], [2_737_500_000, 2_737_500_000])

    assert first == paid
    assert isinstance(second, int)
    assert (second < paid) == fits


def test_the_largest_part_pays_its_price_and_a_larger_one_would_earn_less_for_its_end(family: Family) -> None:
    large = OrderRequest("SOL", "USDC", 10**6 * 10**9, "market", 500)
    [tiny] = family.venue.fit([OrderRequest("SOL", "USDC", 10**8, "market", 500)], [10**18])
    assert isinstance(tiny, int)
    least = Fraction(tiny, 10**8) * Fraction(99, 100)

    part = family.venue.largest_part(large, least)

    assert 0 < part < large.amount_in
    more = [OrderRequest("SOL", "USDC", part + further, "market", 500) for further in (0, 10**9)]
    paid, paid_for_more = family.venue.fit(more, [10**18, 10**18])
    assert isinstance(paid, int)
    assert isinstance(paid_for_more, int)
    assert paid >= ceil(part * least)
    assert paid_for_more - paid < 10**9 * least
    assert family.venue.largest_part(more[0], least) == part
    assert family.venue.largest_part(large, 2 * least) == 0


def test_each_block_has_its_tick_from_the_time_on_that_somebody_asks(family: Family) -> None:
    executed(family, signed(family.venue, number=1))
    before = family.ticks()

    family.venue.keep_time()
    seen = []
    for number in (2, 3):
        executed(family, signed(family.venue, USDC_SOL, number))
        seen.append(family.venue.prices())
    family.venue.keep_time()

    assert before == []
    assert family.ticks() == seen
    assert seen[0].slot < seen[1].slot


def test_a_transaction_has_a_swap_for_each_leg(family: Family) -> None:
    order = routed(family.venue)

    [parts] = family.venue.prepare([order])

    assert sum("swap" in instruction for instruction in parts.instructions) == len(order.chosen_route.legs)
    assert parts.last_valid_slot >= order.chosen_route.slot
    assert parts.ready_in_ms == 0


def test_a_transaction_has_one_signature_and_no_other_has_it(family: Family) -> None:
    first, second = signed(family.venue, number=1), signed(family.venue, number=2)

    assert family.venue.sign(first) == first.signature
    assert second.signature != first.signature


def test_a_transaction_that_was_not_sent_has_no_result(family: Family) -> None:
    assert family.venue.results([signed(family.venue).signature]) == [None]


def test_a_transaction_is_executed_once_however_often_it_is_sent(family: Family) -> None:
    order = signed(family.venue)
    executed(family, order)
    [first] = family.venue.results([order.signature])

    with_result = family.venue.send([order])
    family.execute([order])

    assert first is not None
    assert first.error is None
    assert first.amount_out >= order.built_transaction.minimum_out
    assert sum(fill.amount_in for fill in first.fills if fill.token_in == "SOL") == SOL_USDC.amount_in
    assert list(with_result) == [order]
    assert family.venue.results([order.signature]) == [first]


def test_a_price_that_moved_too_far_is_an_error_and_no_swap(family: Family) -> None:
    strict = OrderRequest("SOL", "USDC", SOL_USDC.amount_in, "market", 1)
    large = OrderRequest("SOL", "USDC", 500 * SOL_USDC.amount_in, "market", 5_000)
    late, before = signed(family.venue, strict, 1), signed(family.venue, large, 2)
    executed(family, before)

    executed(family, late)

    [result] = family.venue.results([late.signature])
    assert result is not None
    assert (result.error or "").startswith("Price moved ")
    assert (result.amount_out, result.fills) == (0, ())


def test_an_abandoned_transaction_is_never_executed(family: Family) -> None:
    order = signed(family.venue)

    given_up = family.venue.abandon(order.signature, "Gave up")
    executed(family, order)

    assert given_up.error == "Gave up"
    assert family.venue.results([order.signature]) == [given_up]


def test_a_transaction_that_was_executed_can_not_be_abandoned(family: Family) -> None:
    order = signed(family.venue)
    executed(family, order)
    [result] = family.venue.results([order.signature])

    assert family.venue.abandon(order.signature, "Gave up") == result


def test_results_of_ended_orders_can_be_forgotten(family: Family) -> None:
    order = signed(family.venue)
    executed(family, order)

    family.venue.forget([order, order, routed(family.venue, number=2)])

    # Not at once: its transaction could still be sent again.
    assert family.venue.results([order.signature]) != [None]


def test_an_empty_batch_is_nothing(family: Family) -> None:
    venue = family.venue

    assert [*venue.quote([]), *venue.fit([], []), *venue.prepare([]), *venue.send([]), *venue.results([])] == []
    venue.forget([])


def test_the_load_is_the_transactions_that_were_sent_and_have_no_result(family: Family) -> None:
    before = family.venue.load()
    family.venue.send([signed(family.venue)])
    during = family.venue.load()

    assert before is None or (before.waiting, before.in_flight) == (0, 0)
    assert (during is None) == (before is None)
    assert during is None or (during.waiting, during.in_flight) == (1, 1)


@pytest.mark.parametrize("name", ["", "moc", "json", "tests.support.memory_venue:nothing", "no.such.module:open_venue"])
def test_a_family_that_is_none_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError, match=r"^VENUE='.*' can't be used: it must be mock, or module:function"):
        open_venue(name, Resources(read_settings, lambda: pytest.fail("no Redis"), lambda: pytest.fail("no Redis")))
