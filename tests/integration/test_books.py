"""Where orders rest, in a real Redis: what a tick finds is what its prices reach, however orders came and went."""

from collections.abc import Collection, Mapping
from decimal import Decimal
from math import inf, nextafter
from random import Random
from typing import Any

import msgspec
import pytest
import redis

from orderflow.adapters import books as books_module
from orderflow.adapters.books import COUNTED_SLOTS, Books, Rebooked, Sale
from orderflow.adapters.keys import key, order_key, order_partitions, partition_of
from orderflow.adapters.orders import Orders, Transition
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.launches import Launch
from orderflow.domain.order import Fired, Order, OrderRequest, Signature
from orderflow.domain.resting import Marks, Place, place_of
from orderflow.domain.status import Status
from orderflow.domain.ticks import PairPrices, Tick
from orderflow.domain.tokens import Token
from orderflow.runtime import order_ids
from tests.support.builders import make_order
from tests.support.launches import MINT, launch_tick, make_launch, make_sniper_request
from tests.support.redis_servers import PARTITIONS

NOW_MS = 1_763_835_240_000
PAIRS = ("SOL>USDC", "JUP>SOL")


@pytest.fixture
def books(client: redis.Redis) -> Books:
    return Books(client, PARTITIONS)


def rest(orders: Orders, *, limit: str = "", rise: str = "", fall: str = "", pair: str = PAIRS[0]) -> Order:
    """Have an order rest at its limit, or at what its stop, its profit or both wait for."""
    at = {rule: Price(Decimal(price)) for rule, price in (("take_profit", rise), ("stop_loss", fall)) if price}
    token_in, token_out = pair.split(">")
    request = OrderRequest(
        token_in,
        token_out,
        10**9,
        "limit" if limit else "oco",
        500,
        limit=Limit(Price(Decimal(limit))) if limit else None,
        triggers=tuple(Trigger(rule, 500, price=price) for rule, price in at.items()),  # type: ignore[arg-type]
    )
    order = Order.accept(order_ids.new(), request, NOW_MS)
    opened = order.open(0, NOW_MS)
    assert orders.apply([Transition(order)]) == orders.apply([Transition(opened)]) == [True]
    return opened


def found(books: Books, prices: Mapping[str, tuple[float, float]], slot: int = 7, **how: Any) -> list[str]:
    """Return the ids that a tick of best and reference prices finds."""
    tick = Tick(slot, {pair: PairPrices(*both) for pair, both in prices.items()})
    found = [books.candidates(name, tick, **how) for name in books.partitions]
    return [each.order.order_id for candidates in found for each in candidates.resting]


def first_prices(client: redis.Redis) -> dict[str, float]:
    """Return what is kept of the price that is reached first, by partition and book."""
    firsts: dict[str, float] = {}
    for partition in order_partitions(PARTITIONS):
        kept = client.hgetall(key(partition, "books"))
        firsts |= {f"{partition} {name!s}": float(price) for name, price in kept.items()}
    return firsts


def reached_first(client: redis.Redis) -> dict[str, float]:
    """Return the price that is reached first of each book, looked up in the books themselves."""
    firsts: dict[str, float] = {}
    for book in map(str, client.scan_iter("*:book:*")):
        partition, _, name = book[1:].partition("}:book:")
        prices = [float(price) for _, price in client.zrange(book, 0, -1, withscores=True)]  # type: ignore[str-unpack]
        firsts[f"{partition} {name}"] = max(prices) if name.startswith("fall:") else min(prices)
    return firsts


def test_each_rule_is_found_by_its_price_from_its_side_and_at_it_exactly(orders: Orders, books: Books) -> None:
    limit = rest(orders, limit="221.375").order_id
    rise = rest(orders, rise="250").order_id
    fall = rest(orders, fall="200.125").order_id
    rest(orders, limit="1", pair=PAIRS[1])

    assert found(books, {PAIRS[0]: (221.375, 220.0)}) == [limit]
    assert found(books, {PAIRS[0]: (nextafter(221.375, -inf), 220.0)}) == []
    assert found(books, {PAIRS[0]: (300.0, 220.0)}, limits=False) == []
    assert found(books, {PAIRS[0]: (0.0, 250.0)}) == [rise]
    assert found(books, {PAIRS[0]: (0.0, nextafter(250.0, -inf))}) == []
    assert found(books, {PAIRS[0]: (0.0, 200.125)}) == [fall]
    assert found(books, {PAIRS[0]: (0.0, nextafter(200.125, inf))}) == []


def test_the_best_price_of_a_book_comes_first(orders: Orders, books: Books) -> None:
    placed = [rest(orders, limit=price).order_id for price in ("222", "221", "223", "224")]

    ids = found(books, {PAIRS[0]: (223.0, 220.0)})

    for partition in books.partitions:
        own = [order_id for order_id in ids if partition_of(order_id, PARTITIONS) == partition]
        best_first = [placed[1], placed[0], placed[2]]
        assert own == [each for each in best_first if partition_of(each, PARTITIONS) == partition]
    assert len(ids) == 3


def test_one_whose_slot_has_come_is_found_whatever_the_prices(orders: Orders, books: Books) -> None:
    order = rest(orders, limit="221.375")
    books.rebook([Rebooked(order, Place(look_slot=9), Marks(fits_at=230.0))])

    assert found(books, {PAIRS[0]: (300.0, 220.0)}, slot=8) == []
    assert found(books, {PAIRS[0]: (0.0, 220.0)}, slot=9) == [order.order_id]


def test_so_many_of_each_book_are_found_and_so_many_by_their_slot(
    orders: Orders, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_module, "PER_BOOK", 1)
    monkeypatch.setattr(books_module, "ROOM", 1)
    monkeypatch.setattr(books_module, "LEAST_LIMITS", 1)
    monkeypatch.setattr(books_module, "BY_SLOT", 2)
    for _ in range(30):
        rest(orders, limit="221")
        rest(orders, rise="250")
        rest(orders, fall="200")
        books.rebook([Rebooked(rest(orders, limit="230"), Place(look_slot=9), Marks())])

    assert len(found(books, {PAIRS[0]: (221.0, 220.0)})) == PARTITIONS
    assert len(found(books, {PAIRS[0]: (0.0, 250.0)})) == PARTITIONS
    assert len(found(books, {PAIRS[0]: (0.0, 200.0)})) == PARTITIONS
    assert len(found(books, {}, slot=9)) == 2 * PARTITIONS
    assert len(found(books, {PAIRS[0]: (0.0, 200.0)}, beyond=2)) == 3 * PARTITIONS


def test_whether_there_may_be_more_is_said_of_what_can_be_read_or_not(
    orders: Orders, books: Books, client: redis.Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_module, "PER_BOOK", 2)
    only = [rest(orders, fall="200") for _ in range(30)]
    unreadable = max(each.order_id for each in only if partition_of(each.order_id, PARTITIONS) == "p0")
    tick = Tick(7, {PAIRS[0]: PairPrices(0.0, 200.0)})
    client.hset(order_key("p0", unreadable), "step:1", "{}")

    first = books.candidates("p0", tick)
    assert (len(first.resting), first.found, first.is_cut) == (1, 2, True)
    of_all = books.candidates("p0", tick, beyond=30)
    assert (len(of_all.resting), of_all.is_cut) == (of_all.found - 1, False)


def test_what_is_reached_first_follows_all_that_come_go_and_are_found_elsewhere(
    orders: Orders, books: Books, client: redis.Redis
) -> None:
    random, resting = Random(12), []
    for _ in range(150):
        price = f"{random.uniform(180, 260):.4f}"
        match random.randrange(5):
            case 0 | 1:
                resting.append(rest(orders, limit=price, pair=random.choice(PAIRS)))
            case 2:
                resting.append(rest(orders, rise=f"{random.uniform(230, 260):.4f}", fall=price))
            case 3 if resting:
                gone = resting.pop(random.randrange(len(resting)))
                assert orders.apply([Transition(gone.cancel(NOW_MS))]) == [True]
            case 4 if resting:
                order = random.choice(resting)
                names = str(client.hget(order_key(partition_of(order.order_id, PARTITIONS), order.order_id), "books"))
                place = Place({name: float(price) for name in names.split()}, None)
                books.rebook([Rebooked(order, place, Marks())])
        assert first_prices(client) == reached_first(client)

    for order in resting:
        assert orders.apply([Transition(order.expire(NOW_MS))]) == [True]
    assert first_prices(client) == {}
    assert {order.status for order in resting} == {Status.OPEN}


def test_an_order_that_is_gone_or_of_newer_code_keeps_no_other_from_firing(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    gone, newer, whole = rest(orders, fall="210"), rest(orders, fall="211"), rest(orders, fall="209")
    client.delete(order_key(partition_of(gone.order_id, PARTITIONS), gone.order_id))
    newer_key = order_key(partition_of(newer.order_id, PARTITIONS), newer.order_id)
    first = client.hget(newer_key, "step:1") or ""
    client.hset(newer_key, "step:1", str(first).replace('"oco"', '"of_newer_code"'))
    client.hset(newer_key, "step:2", str(client.hget(newer_key, "step:2")).replace('"oco"', '"of_newer_code"'))

    assert found(books, {PAIRS[0]: (200.0, 200.0)}) == [whole.order_id]


def test_a_launch_finds_who_waits_for_its_mint_and_who_waits_for_any_in_its_quote(
    books: Books, orders: Orders, client: redis.Redis
) -> None:
    of_another = make_launch("SUN0", token=Token("SUN0", "another mint", 6), quote="SOL")
    slow, quick = (wait(orders, make_sniper_request(priority=priority)) for priority in ("normal", "turbo"))
    for_mint = wait(orders, make_sniper_request(MINT))
    in_sol = wait(orders, msgspec.structs.replace(make_sniper_request(), token_in="SOL"))

    by_launch = [_found_by(books, launch) for launch in (make_launch(), of_another)]

    assert by_launch == [{slow, quick, for_mint}, {in_sol}]
    assert found(books, {}) == []
    # No price reaches them: what a tick has to look through does not grow with the mints that are waited for.
    assert first_prices(client) == {}


def test_of_those_who_wait_for_any_launch_a_higher_priority_comes_first(books: Books, orders: Orders) -> None:
    slow, quick = (
        [wait(orders, make_sniper_request(priority=priority)) for _ in range(5)] for priority in ("normal", "turbo")
    )

    turns = [
        [each.order.order_id for each in books.candidates(name, launch_tick(make_launch())).resting]
        for name in books.partitions
    ]

    for turn in turns:
        assert [order_id in quick for order_id in turn] == sorted((id_ in quick for id_ in turn), reverse=True)
    assert sorted(order_id for turn in turns for order_id in turn) == sorted(slow + quick)


def wait(orders: Orders, request: OrderRequest) -> str:
    """Have an order wait for a launch; return its id."""
    order = Order.accept(order_ids.new(), request, NOW_MS)
    assert orders.apply([Transition(order), Transition(order.open(0, NOW_MS))]) == [True, True]
    return order.order_id


def _found_by(books: Books, launch: Launch) -> set[str]:
    found = [books.candidates(name, launch_tick(launch)) for name in books.partitions]
    return {each.order.order_id for candidates in found for each in candidates.resting}


def trail(orders: Orders) -> Order:
    """Have a trailing stop rest."""
    trailing = Trigger("trailing_stop", 500, trail_bps=100)
    request = OrderRequest("SOL", "USDC", 10**9, "trailing_stop", 500, triggers=(trailing,))
    order = Order.accept(order_ids.new(), request, NOW_MS)
    opened = order.open(0, NOW_MS)
    assert orders.apply([Transition(order)]) == orders.apply([Transition(opened)]) == [True]
    return opened


def looked_at(books: Books, order: Order, watermark: float, slot: int) -> None:
    """Note a price as its tick does that comes in its turn."""
    marks = Marks(watermark=watermark, slot=slot)
    books.rebook([Rebooked(order, place_of(order, marks, slot), marks)])


def test_a_price_that_is_looked_at_while_a_trailing_stop_is_amended_is_not_forgotten(
    orders: Orders, books: Books
) -> None:
    order = trail(orders)
    amended = order.amend(msgspec.structs.replace(order.request, amount_in=2 * 10**9), None, NOW_MS)
    assert orders.apply([Transition(amended)]) == [True]

    looked_at(books, order, 240.123456789012345, slot=7)

    assert books.noted([amended])[0].marks.watermark == 240.123456789012345
    assert found(books, {}, slot=8) == [order.order_id]


def test_a_trailing_stop_that_is_amended_by_a_price_that_has_risen_meanwhile_is_found_by_the_next_tick(
    orders: Orders, books: Books
) -> None:
    order = trail(orders)
    looked_at(books, order, 220.5, slot=6)
    read = books.noted([order])[0].marks.watermark
    looked_at(books, order, 240.5, slot=7)
    assert found(books, {}, slot=8) == []

    amended = order.amend(msgspec.structs.replace(order.request, amount_in=2 * 10**9), read, NOW_MS)
    assert orders.apply([Transition(amended)]) == [True]

    [noted] = books.noted([amended])
    assert noted.marks == Marks(watermark=240.5, look_slot=0, slot=7)
    assert found(books, {}, slot=8) == [order.order_id]
    looked_at(books, amended, 240.5, slot=8)
    assert found(books, {}, slot=9) == []
    assert found(books, {PAIRS[0]: (0.0, 240.5 * 0.99)}, slot=9) == [order.order_id]


def test_a_tick_that_is_looked_at_after_later_ones_raises_a_watermark_but_does_not_lower_it(
    orders: Orders, books: Books
) -> None:
    order = trail(orders)
    looked_at(books, order, 220.5, slot=9)

    looked_at(books, order, 240.5, slot=7)
    looked_at(books, order, 230.5, slot=8)

    assert books.noted([order])[0].marks == Marks(watermark=240.5, look_slot=0, slot=9)
    assert found(books, {}, slot=10) == [order.order_id]


# --- A crowd at one price --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("stage", ["route", "build", "submit", "confirm"])
def test_the_more_wait_at_the_stages_the_fewer_are_found_by_their_limit_but_always_some(
    orders: Orders, books: Books, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    monkeypatch.setattr(books_module, "ROOM", 5)
    monkeypatch.setattr(books_module, "LEAST_LIMITS", 2)
    first, *_ = [rest(orders, limit="221") for _ in range(10)]
    tick = Tick(7, {PAIRS[0]: PairPrices(221.0, 220.0)})
    found = []

    for _ in range(6):
        found.append(len(books.candidates("p0", tick).resting))
        orders.schedule(stage, [(first, 0)])

    assert found == [5, 4, 3, 2, 2, 2]
    assert books.candidates("p0", tick, limits=False).resting == []


@pytest.mark.parametrize("ended_by", ["refused", "again", "routed", "confirmed", "cancelled", "failed"])
def test_what_has_fired_is_on_its_way_until_its_attempt_ends(
    client: redis.Redis, orders: Orders, books: Books, ended_by: str
) -> None:
    order = step(orders, rest(orders, limit="221").fire(Fired(7, "limit", Decimal(222), 10**9 - 1), NOW_MS))
    sale = [Sale(PAIRS[0], 10**9 - 1)]
    assert books.on_their_way(7) == sale

    if ended_by == "again":
        order = step(orders, order.fire_again("moved", NOW_MS))
    if ended_by in ("routed", "confirmed"):
        order = step(orders, order.choose_route(make_order(Status.ROUTING).chosen_route, NOW_MS))
    if ended_by == "confirmed":
        order = step(orders, order.build((), 9, NOW_MS, NOW_MS))
        order = step(orders, order.submit(Signature("0x1"), NOW_MS))
        assert books.on_their_way(7) == sale
        step(orders, order.confirm((), 10**8, NOW_MS))
    if ended_by == "refused":
        order = step(orders, order.reopen("moved", 9, NOW_MS))
        step(orders, order.fire(Fired(9, "limit", Decimal(222), 5), NOW_MS))
        sale = [Sale(PAIRS[0], 5)]
    if ended_by == "cancelled":
        step(orders, order.cancel(NOW_MS))
    if ended_by == "failed":
        step(orders, order.fail("no", NOW_MS))

    has_ended = ended_by in ("confirmed", "cancelled", "failed")
    assert books.on_their_way(9) == ([] if has_ended else sale)
    fields = client.hgetall(order_key(partition_of(order.order_id, PARTITIONS), order.order_id))
    assert ("fired" in fields) is not has_ended


def test_orders_of_all_partitions_are_on_their_way_and_none_that_a_former_release_has_left_there(
    client: redis.Redis, orders: Orders, books: Books
) -> None:
    for number in range(20):
        step(orders, rest(orders, fall="200").fire(Fired(100 + number, "stop_loss", Decimal(199), 7), NOW_MS))

    assert books.on_their_way(100 + COUNTED_SLOTS - 1) == [Sale(PAIRS[0], 7)] * 20
    assert books.on_their_way(109 + COUNTED_SLOTS) == [Sale(PAIRS[0], 7)] * 10
    assert sum(client.zcard(key(name, "fired")) for name in books.partitions) == 10


def step(orders: Orders, order: Order) -> Order:
    """Have an order take a step; return it after that."""
    assert orders.apply([Transition(order)]) == [True]
    return order


# --- Tokens that close -----------------------------------------------------------------------------------------------


def on_token(orders: Orders, symbol: str = "MOON0", *, hub: str = "USDC") -> str:
    """Have a limit rest that sells a launched token; return its id."""
    token = Token(symbol, MINT, 6)
    request = OrderRequest(
        symbol, hub, 10**9, "limit", 500, limit=Limit(Price(Decimal(2))), tokens=(token,), time_in_force="gtc"
    )
    return wait(orders, request)


def closed_found(books: Books, tick: Tick, *closed: str, **how: Any) -> list[str]:
    """Return the ids that a tick finds where some tokens have closed."""
    asked = frozenset(closed)
    found = [books.candidates(name, tick, closed=asked.intersection, **how) for name in books.partitions]
    return [each.order.order_id for candidates in found for each in candidates.resting]


@pytest.mark.parametrize(
    ("tick", "closed"), [(Tick(7, {}, closed=(make_launch(),)), ()), (Tick(8, {}), ("MOON0",))], ids=["said", "asked"]
)
def test_those_who_trade_a_token_that_has_closed_are_found_whatever_they_wait_for(
    books: Books, orders: Orders, tick: Tick, closed: tuple[str, ...]
) -> None:
    gone = {on_token(orders), on_token(orders, hub="SOL")}
    on_token(orders, "SUN0")
    rest(orders, limit="1000")

    assert set(closed_found(books, tick, *closed)) == gone
    assert closed_found(books, Tick(7, {"MOON0>SOL": PairPrices(1.0, 1.0)}), "MOON0") == []
    assert found(books, {}) == []


def test_a_tick_that_says_a_close_finds_who_waited_for_the_launch_all_the_while(books: Books, orders: Orders) -> None:
    waits = wait(orders, make_sniper_request(MINT))
    wait(orders, make_sniper_request("another mint"))
    wait(orders, make_sniper_request())

    assert closed_found(books, Tick(7, {}, closed=(make_launch(),))) == [waits]


def test_nobody_is_asked_what_has_closed_while_all_that_rests_has_a_price(books: Books, orders: Orders) -> None:
    on_token(orders)
    rest(orders, limit="1000")
    asked: list[object] = []

    def ask(names: Collection[str]) -> set[str]:
        asked.append(names)
        return set()

    prices = {"MOON0>USDC": PairPrices(1.0, 1.0), "MOON0>SOL": PairPrices(1.0, 1.0), "SOL>USDC": PairPrices(1.0, 1.0)}
    for name in books.partitions:
        assert books.candidates(name, Tick(7, prices), closed=ask).resting == []
        # A pair that has no price, of tokens that are always there.
        assert books.candidates(name, Tick(7, {"MOON0>SOL": prices["MOON0>SOL"]}), closed=ask).resting == []
    assert asked == []


def test_so_many_are_found_at_a_time_who_trade_a_token_that_has_closed(
    books: Books, orders: Orders, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(books_module, "PER_BOOK", 3)
    for _ in range(20):
        on_token(orders)

    assert 3 <= len(closed_found(books, Tick(7, {}), "MOON0")) <= 3 * PARTITIONS


@pytest.mark.parametrize("waits", [False, True])
def test_one_that_leaves_is_in_no_book_of_its_token_any_more(
    client: redis.Redis, books: Books, orders: Orders, *, waits: bool
) -> None:
    order = orders.find_each([order_id := on_token(orders)])[order_id]
    if waits:
        again = order.fire(Fired(7, "limit", Decimal(2), 10**9), NOW_MS).reopen("no", 99, NOW_MS + 1)
        order = order.fire(Fired(7, "limit", Decimal(2), 10**9), NOW_MS)
        assert orders.apply([Transition(order)]) == orders.apply([Transition(again)]) == [True]
        order = again
    assert closed_found(books, Tick(8, {}), "MOON0") == [order_id]

    assert orders.apply([Transition(order.cancel(NOW_MS))]) == [True]

    assert closed_found(books, Tick(8, {}), "MOON0") == []
    assert first_prices(client) == {}
