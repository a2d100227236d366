"""Launches on a real Redis: their pools come and go with blocks, each opening is in one tick, and no atom is lost."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters.replication import Replication
from orderflow.domain.launches import Launch
from orderflow.domain.order import Order
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.venue import Quoted
from orderflow.venues.mock.chain import produce
from orderflow.venues.mock.chain_store import ChainStore
from orderflow.venues.mock.latency import Latency
from orderflow.venues.mock.launches import launch_at
from orderflow.venues.mock.venue import MockVenue
from tests.harness.chaos.checkers import audit
from tests.harness.chaos.history.contents import FillRow, LedgerContents
from tests.harness.chaos.mock_market import read_chain
from tests.support.builders import NOW_MS, nth_id
from tests.support.launched import gained, snipe
from tests.support.redis_servers import entries_of, on_single_and_cluster

pytestmark = on_single_and_cluster

EVERY = 50
FIRST = launch_at(1, 0)
POOLS, FLOWS, TICKS = "{chain}:pools", "{chain}:flows", "{chain}:ticks"


def a_venue(client: redis.Redis, every: int = EVERY) -> MockVenue:
    """Return what one process has of the market."""
    chain = ChainStore(client, 1, beat_ms=0, launch_every=every)
    return MockVenue(chain, Latency(seed=1, speed=0, drop_rate=0), Replication(client, min_replicas=0))


@pytest.fixture
def venue(client: redis.Redis) -> MockVenue:
    return a_venue(client)


def live(venue: MockVenue, *to_slots: int) -> None:
    """Let the market live on to slots, each by a block of its own."""
    for slot in to_slots:
        venue._produce((), least_slots=slot - venue.chain.slot())


def ticks_of(client: redis.Redis) -> list[Tick]:
    return [msgspec.json.decode(fields["tick"], type=Tick) for _, fields in entries_of(client, TICKS)]


def launches_in(ticks: list[Tick]) -> Iterator[Launch]:
    for tick in ticks:
        yield from tick.launches


def conserved(venue: MockVenue, *executed: Order) -> bool:
    """Whether all pools hold what they opened with, what others have paid in, and what orders have."""
    paid = Counter(venue.chain.flows())
    for result in venue.results([order.signature for order in executed]):
        for fill in result.fills if result else ():
            paid[fill.pool, fill.token_in] += fill.amount_in
            paid[fill.pool, fill.token_out] -= fill.amount_out
    opening, now = venue.chain.opening(), venue.chain.state()[1].all_pools
    return gained(opening, now) == {place: atoms for place, atoms in paid.items() if atoms}


def signed(venue: MockVenue, order: Order) -> Order:
    """Return an order with its route, its transaction and its signature."""
    [quoted] = venue.quote_launched([order])
    assert isinstance(quoted, Quoted)
    routed = order.choose_route(quoted.route, NOW_MS)
    [parts] = venue.prepare([routed])
    assert parts.ready_in_ms == 0
    built = routed.build(parts.instructions, parts.last_valid_slot, parts.expires_at_ms, NOW_MS)
    return built.submit(venue.sign(built), NOW_MS)


def test_each_opening_is_in_the_tick_of_its_block_and_in_no_other(client: redis.Redis, venue: MockVenue) -> None:
    venue.keep_time()
    ends = [1, 10, 30, 31, 32, 33, 90, 91, 200, 201, 202, 260]

    for place, end in enumerate(ends):
        live(a_venue(client) if place % 2 else venue, end)

    opened = [launch for slot in range(0, 261, EVERY) if (launch := launch_at(1, slot)).open_slot <= 260]
    ticks = ticks_of(client)
    assert sorted(launch.announced_slot for launch in launches_in(ticks)) == [each.announced_slot for each in opened]
    for before, tick in zip([0, *ends], ticks, strict=False):
        assert all(before < launch.open_slot <= tick.slot for launch in tick.launches)
        assert all(launch.pair in tick.prices for launch in tick.launches)


def test_a_block_that_came_too_late_says_no_opening(client: redis.Redis, venue: MockVenue) -> None:
    rival = a_venue(client)
    live(venue, FIRST.open_slot - 1)
    venue.keep_time()
    block, state = rival.chain.state()
    blocks = produce(1, state, [], lambda _: 0, NOW_MS, least_slots=1, launch_every=EVERY)
    live(venue, FIRST.open_slot)

    assert not rival.chain.commit(block, blocks)

    assert blocks.launches == (FIRST,)
    assert [tick.launches for tick in ticks_of(client)] == [(FIRST,)]
    assert venue.prices().launches == ()


def test_pools_of_launches_are_on_the_chain_only_while_they_are_open(client: redis.Redis, venue: MockVenue) -> None:
    standing = {pool.pool for pool in venue.chain.state()[1].pools.values()}
    live(venue, FIRST.open_slot - 1)
    before = client.hexists(POOLS, FIRST.pool)
    live(venue, FIRST.open_slot)
    opened = client.hexists(POOLS, FIRST.pool)
    live(venue, FIRST.close_slot)

    assert (before, opened, client.hexists(POOLS, FIRST.pool)) == (False, True, False)
    left = {str(name) for name in client.hkeys(POOLS)} - standing
    assert left == {launch.pool for launch in venue.launches() if launch.open_slot <= FIRST.close_slot}
    # Of a launch that nobody else has traded in nothing is left, else the flows would grow for ever.
    assert not [name for name in client.hkeys(FLOWS) if FIRST.pool in str(name)]
    assert a_venue(client).chain.state() == venue.chain.state()
    assert conserved(venue)


def test_the_market_is_the_same_by_however_many_blocks_and_processes(client: redis.Redis, venue: MockVenue) -> None:
    for slot in range(1, 121):
        live(a_venue(client) if slot % 3 else venue, slot)
    one_by_one = a_venue(client).chain.state()[1]
    client.flushall()

    live(venue, 120)

    assert a_venue(client).chain.state()[1] == one_by_one
    assert len(one_by_one.launched) > 1


def test_a_snipe_lands_a_slot_or_two_later_and_no_atom_is_lost(client: redis.Redis, venue: MockVenue) -> None:
    live(venue, FIRST.open_slot)
    orders = [signed(venue, snipe(FIRST, 10**6 + n, "turbo", nth_id(n))) for n in range(1, 21)]

    venue.send(orders)
    venue.produce_blocks(orders)

    slots = Counter(result.slot - FIRST.open_slot for result in venue.results([o.signature for o in orders]) if result)
    assert slots.keys() == {1, 2}
    assert slots[1] > slots[2]
    assert all(result and result.error is None for result in venue.results([order.signature for order in orders]))
    assert conserved(venue, *orders)
    live(venue, FIRST.close_slot)
    assert FIRST.pool not in venue.chain.state()[1].launched
    assert conserved(venue, *orders)


def test_the_audit_of_chaos_finds_no_atom_missing_with_launches_and_finds_one_that_is(
    client: redis.Redis, venue: MockVenue
) -> None:
    live(venue, FIRST.open_slot)
    order = signed(venue, snipe(FIRST, 10**6))
    venue.send([order])
    venue.produce_blocks([order])
    [result] = venue.results([order.signature])
    assert result is not None
    fills = [
        FillRow(order.order_id, 1, each.pool, each.token_in, each.amount_in, each.token_out, each.amount_out, "0x1")
        for each in result.fills
    ]

    for slot in (venue.chain.slot(), FIRST.open_slot + 400, FIRST.close_slot):
        if slot > venue.chain.slot():
            live(venue, slot)
        chain = read_chain(client)
        assert any(address not in chain.opening for address in chain.pools)
        assert audit.conserved(LedgerContents([], [], fills), chain).violations == []
        assert len(audit.conserved(LedgerContents([], [], []), chain).violations) == 2


def test_tokens_are_found_from_their_announcement_on(client: redis.Redis, venue: MockVenue) -> None:
    late = launch_at(1, EVERY).token
    names = [FIRST.token.symbol.lower(), FIRST.token.mint, late.mint, "NONE1", "SOL"]
    first = {names[0]: FIRST.token, names[1]: FIRST.token}

    assert venue.find_tokens(names) == first
    live(venue, EVERY)
    assert venue.find_tokens(names) == first | {late.mint: late}
    assert [launch.token for launch in venue.launches()] == [late, FIRST.token]
    assert a_venue(client, every=0).find_tokens(names) == {}


def test_without_launches_a_chain_holds_what_it_held_before(client: redis.Redis) -> None:
    venue = a_venue(client, every=0)
    venue.keep_time()
    live(venue, 30, 31, 90)
    without = dumped(client)
    client.flushall()
    bare = MockVenue(ChainStore(client, 1), Latency(seed=1, speed=0), Replication(client, min_replicas=0))
    bare.keep_time()

    live(bare, 30, 31, 90)

    assert dumped(client) == without
    assert venue.launches(past=9) == []
    assert all(
        set(msgspec.json.decode(fields["tick"])) == {"slot", "prices"} for _, fields in entries_of(client, TICKS)
    )


def dumped(client: redis.Redis) -> tuple[dict[Any, Any], dict[Any, Any], list[dict[str, str]]]:
    """Return the pools, the flows and the ticks of the chain as they are kept."""
    ticks = [fields for _, fields in entries_of(client, TICKS)]
    return client.hgetall(POOLS), client.hgetall(FLOWS), ticks


def test_each_close_is_in_the_tick_of_its_block_and_in_no_other(client: redis.Redis, venue: MockVenue) -> None:
    venue.keep_time()
    last = FIRST.close_slot + 4 * EVERY
    ends = [FIRST.close_slot - 1, FIRST.close_slot, FIRST.close_slot + 1, FIRST.close_slot + EVERY, last]

    for place, end in enumerate(ends):
        live(a_venue(client) if place % 2 else venue, end)

    ticks = ticks_of(client)
    closed = [launch for slot in range(0, last, EVERY) if (launch := launch_at(1, slot)).close_slot <= last]
    said = [launch for tick in ticks for launch in tick.closed]
    assert sorted(launch.announced_slot for launch in said) == [launch.announced_slot for launch in closed]
    assert ticks[1].closed == (FIRST,)
    for before, tick in zip([0, *ends], ticks, strict=False):
        assert all(before < launch.close_slot <= tick.slot for launch in tick.closed)
        assert not any(tick.trades(launch.token.symbol) for launch in tick.closed)
    assert ticks[0].trades(FIRST.token.symbol)


@pytest.mark.parametrize("every", [EVERY, 0])
def test_a_token_has_closed_from_its_slot_on_whatever_the_setting_is_by_then(client: redis.Redis, every: int) -> None:
    later, unknown = launch_at(1, 50), launch_at(2, 0).token
    names = {FIRST.token.symbol, FIRST.token.mint, later.token.symbol, unknown.symbol, unknown.mint, "SOL"}
    venue = a_venue(client)
    live(venue, FIRST.close_slot - 1)
    before = a_venue(client, every).closed(names)

    live(venue, FIRST.close_slot)

    assert before == set()
    assert a_venue(client, every).closed(names) == {FIRST.token.symbol, FIRST.token.mint}
    assert a_venue(client, every).closed([]) == set()


def test_a_tick_of_the_release_before_says_no_close_and_its_code_reads_one_that_does(
    client: redis.Redis, venue: MockVenue
) -> None:
    class Before(msgspec.Struct, frozen=True, omit_defaults=True):
        slot: int
        prices: dict[str, PairPrices]
        launches: tuple[Launch, ...] = ()

    venue.keep_time()
    live(venue, FIRST.close_slot)
    [(_, fields)] = entries_of(client, TICKS)

    known = msgspec.json.decode(fields["tick"], type=Before)

    assert msgspec.json.decode(fields["tick"], type=Tick).closed == (FIRST,)
    assert msgspec.json.decode(msgspec.json.encode(known), type=Tick).closed == ()
    assert known.prices == venue.prices().prices
