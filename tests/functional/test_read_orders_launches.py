"""read_orders through its Lambda handler: launches, tokens that were launched, and orders that wait for a launch."""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
import redis

from orderflow.adapters.books import Resting
from orderflow.domain.order import Fired, Order, OrderId, OrderRequest, Signature, event_of
from orderflow.domain.resting import Marks
from orderflow.domain.tokens import Token
from orderflow.errors import PoolNotOpenError, RejectedError
from tests.support.builders import NOW_MS, ORDER_ID
from tests.support.fakes.outside import Outside
from tests.support.http_api import assert_problem, assert_refused, delete, get
from tests.support.launched_tokens import (
    MOON,
    UNKNOWN_MINT,
    LaunchingVenue,
    launch_route,
    make_launch,
    make_snipe_request,
)
from tests.support.ledger_rows import fills_of, row_of

pytestmark = pytest.mark.usefixtures("_event_loop")

OPEN, CLOSE, EVERY = 30, 100, 25


def nth(number: int) -> Any:
    """Return a launch that is announced at 25 times a number, opens 30 slots later, and closes 100 slots after that."""
    slot = number * EVERY
    token = Token(f"FROG{slot}", f"{UNKNOWN_MINT[:-3]}{number:03}".replace("0", "z"), 6)
    return make_launch(token=token, announced_slot=slot, open_slot=slot + OPEN, close_slot=slot + OPEN + CLOSE)


@pytest.fixture
def venue(outside: Outside) -> LaunchingVenue:
    """Lend a market in which MOON200 trades, and FROG225 is about to."""
    in_sol = make_launch(token=Token("FROG225", UNKNOWN_MINT, 6), quote="SOL", announced_slot=225, open_slot=260)
    outside.venue = venue = LaunchingVenue(outside, make_launch(), in_sol, slot=250)
    return venue


def sniper(mint: str | None = None, **changes: Any) -> Order:
    """Return an order that rests since slot 210."""
    return Order.accept(OrderId(ORDER_ID), make_snipe_request(mint, **changes), NOW_MS).open(210, NOW_MS)


def fired(order: Order) -> Order:
    launch = make_launch()
    return order.fire(Fired(launch.open_slot, "launch", Decimal(80), 100_000_000, launch), NOW_MS)


def confirmed(order: Order) -> Order:
    routed = fired(order).choose_route(launch_route(100_000_000, make_launch()), NOW_MS)
    sent = routed.build((), 400, NOW_MS + 60_000, NOW_MS).submit(Signature("0x01"), NOW_MS)
    return sent.confirm(sent.chosen_route.legs, sent.chosen_route.expected_out, NOW_MS, slot=232)


def keep(outside: Outside, order: Order) -> None:
    outside.orders.known[ORDER_ID] = (order, [event_of(order)])
    outside.orders.sequences[ORDER_ID] = order.sequence


def test_launches_are_listed_latest_first_with_what_is_known_of_them(outside: Outside, venue: LaunchingVenue) -> None:
    answer = get("/api/launches").document

    assert (answer["slot"], answer["next_cursor"]) == (250, None)
    assert [(each["token"]["symbol"], each["status"]) for each in answer["launches"]] == [
        ("FROG225", "announced"),
        ("MOON200", "open"),
    ]
    assert answer["launches"][1] == {
        "token": {"symbol": "MOON200", "mint": MOON.mint, "decimals": 9},
        "quote": "USDC",
        "venue": "raydium",
        "pool": "raydium:MOON200-USDC",
        "liquidity": "20000000000",
        "mint_renounced": True,
        "freezable": False,
        "lp_burned": False,
        "top10_bps": 2500,
        "announced_slot": 200,
        "open_slot": 230,
        "close_slot": 9230,
        "status": "open",
    }


@pytest.mark.parametrize("limit", ["1", "3", "7", "50"])
@pytest.mark.parametrize("status", ["announced", "open", "past", None])
def test_the_pages_of_a_list_have_each_launch_once(outside: Outside, status: str | None, limit: str) -> None:
    launches = [nth(number) for number in range(60)]
    outside.venue = venue = LaunchingVenue(outside, *launches, slot=1_010)
    wanted = {"status": status} if status else {}

    listed, cursor = [], ""
    while cursor is not None:
        page = get("/api/launches", limit=limit, **wanted, **({"cursor": cursor} if cursor else {})).document
        assert len(page["launches"]) <= int(limit)
        listed += [(each["announced_slot"], each["status"]) for each in page["launches"]]
        cursor = page["next_cursor"]

    def state(slot: int) -> str:
        opened = slot + OPEN
        return "announced" if opened > venue.at_slot else "open" if opened + CLOSE > venue.at_slot else "past"

    known = [(slot, state(slot)) for slot in range(1_000, -1, -EVERY)]
    assert listed == [each for each in known if status in (None, each[1])]


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        ("status", "closed", "must be one of announced, open, past"),
        ("status", "", "must be one of announced, open, past"),
        ("limit", "0", "must be from 1 to 200"),
        ("limit", "201", "must be from 1 to 200"),
        ("cursor", "x", "must be the next_cursor of a page"),
        ("cursor", "-1", "must be the next_cursor of a page"),
        ("cursor", "", "must be the next_cursor of a page"),
        ("venue", "raydium", "is not a parameter of this path"),
    ],
)
def test_a_filter_that_can_not_be_used_is_refused(
    outside: Outside, venue: LaunchingVenue, field: str, value: str, rule: str
) -> None:
    assert_refused(get("/api/launches", **{field: value}), field, rule)


def test_a_token_is_listed_with_its_price_while_it_trades(outside: Outside, venue: LaunchingVenue) -> None:
    tokens = get("/api/tokens").document["tokens"]

    assert len(tokens) == 13
    assert tokens[-1] == {
        "symbol": "MOON200",
        "mint": MOON.mint,
        "decimals": 9,
        "opening_price": None,
        "price": Decimal("0.0125"),
    }
    assert "price" not in tokens[0]


def test_a_launched_token_is_quoted_and_shown_in_its_units(
    outside: Outside, venue: LaunchingVenue, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []

    def quote(requests: Sequence[OrderRequest], **_: Any) -> list[RejectedError]:
        asked.extend(requests)
        return [RejectedError("no")]

    monkeypatch.setattr(venue, "quote", quote)

    assert_refused(get("/api/quote", token_in="usdc", token_out=MOON.mint, amount="100"), "amount", "no")

    assert (asked[0].pair, asked[0].tokens) == ("USDC>MOON200", (MOON,))


@pytest.mark.parametrize(
    ("token_in", "token_out", "field"),
    [("USDC", "FROG225", "token_out"), ("FROG225", "USDC", "token_in"), ("MOON200", "FROG225", "token_out")],
)
def test_a_quote_names_the_token_whose_pool_is_not_open(
    outside: Outside, venue: LaunchingVenue, monkeypatch: pytest.MonkeyPatch, token_in: str, token_out: str, field: str
) -> None:
    monkeypatch.setattr(venue, "quote", lambda *_, **__: [PoolNotOpenError()])

    answer = get("/api/quote", token_in=token_in, token_out=token_out, amount="1000")

    assert_refused(answer, field, "can't be traded: pool is not open")


@pytest.mark.parametrize(
    ("token_in", "token_out", "field"), [("USDC", "BUST0", "token_out"), ("BUST0", "SOL", "token_in")]
)
def test_a_quote_says_of_a_token_that_has_closed_that_it_has(
    outside: Outside, token_in: str, token_out: str, field: str
) -> None:
    bust = Token("BUST0", "4k3Dyjzvzp8eMZWUXbBCjEvwSkkk59S5iCNLY3QrkX6S", 6)
    outside.venue = LaunchingVenue(outside, make_launch(token=bust, announced_slot=0, close_slot=100), slot=250)

    answer = get("/api/quote", token_in=token_in, token_out=token_out, amount="1000")

    assert_refused(answer, field, "can't be traded: pool closed")
    assert get("/api/orders", token_in=token_in, token_out=token_out).status == 200


def test_orders_are_listed_by_a_launched_token(outside: Outside, venue: LaunchingVenue) -> None:
    assert get("/api/orders", token_in="MOON200", token_out="SOL").status == 200
    assert get("/api/orders", token_out=MOON.mint).status == 200

    assert [(each.token_in, each.token_out) for each in outside.ledger.asked] == [("MOON200", "SOL"), (None, "MOON200")]
    venue.error = redis.ConnectionError("gone")
    assert_problem(get("/api/orders", token_in="MOON200"), 503)
    assert_problem(get("/api/quote", token_in="MOON200", token_out="SOL", amount="1"), 503)


@pytest.mark.parametrize(
    ("mint", "slot", "why"),
    [
        (None, 220, "waits for a launch in USDC that passes its filters"),
        (MOON.mint, 220, f"waits for the launch of {MOON.mint}, which opens in slot 230"),
        (MOON.mint, 230, f"waits for the launch of {MOON.mint}, which opened in slot 230: it is about to be triggered"),
        (UNKNOWN_MINT, 220, f"waits for the launch of {UNKNOWN_MINT}, which is not announced yet"),
    ],
)
def test_an_order_that_waits_for_a_launch_says_so(
    outside: Outside, venue: LaunchingVenue, mint: str | None, slot: int, why: str
) -> None:
    venue.at_slot = slot
    keep(outside, sniper(mint))

    shown = get(f"/api/orders/{ORDER_ID}").document

    assert shown["resting"]["why"] == why
    assert shown["resting"]["would_yield"] is None
    assert shown["token_out"] is None
    assert shown["target"] == ({"mint": mint} if mint else {"any": True})
    assert shown["filters"] == {"freezable": False, "min_liquidity": "10000"}
    assert shown["priority"] == "turbo"
    assert not {"launch", "slots_from_open", "price_in"} & set(shown)


def test_where_no_launches_are_made_an_order_that_waits_for_one_says_that(outside: Outside) -> None:
    outside.venue = LaunchingVenue(outside, slot=250)
    keep(outside, sniper())

    why = get(f"/api/orders/{ORDER_ID}").document["resting"]["why"]

    assert why == "waits for a launch in USDC that passes its filters: none are made in this market"


@pytest.mark.parametrize("in_ledger", [False, True])
def test_an_order_that_was_fired_shows_what_it_buys(outside: Outside, venue: LaunchingVenue, in_ledger: bool) -> None:
    for order in (fired(sniper()), confirmed(sniper())):
        if in_ledger:
            outside.ledger.rows[ORDER_ID] = row_of(order)
            outside.ledger.filled[ORDER_ID] = fills_of(order)
        else:
            keep(outside, order)

        shown = get(f"/api/orders/{ORDER_ID}").document

        assert shown["token_out"] == "MOON200"
        assert shown["launch"]["token"] == {"symbol": "MOON200", "mint": MOON.mint, "decimals": 9}
        assert shown["launch"]["liquidity"] == "20000000000"
        assert shown.get("slots_from_open") == (2 if order.has_ended else None)
    assert shown["fills"][0]["token_out"] == "MOON200"
    listed = get("/api/orders").document["orders"] if in_ledger else []
    assert [each["slots_from_open"] for each in listed] == [2] * in_ledger


def test_an_order_that_waits_for_a_launch_is_listed_without_a_token_to_buy(outside: Outside) -> None:
    outside.ledger.rows[ORDER_ID] = row_of(sniper())

    [listed] = get("/api/orders", order_type="sniper").document["orders"]

    assert (listed["token_out"], listed["amount"]) == (None, "100")
    assert "slots_from_open" not in listed


def test_an_order_that_waits_for_a_launch_can_be_cancelled(outside: Outside, venue: LaunchingVenue) -> None:
    keep(outside, sniper())
    assert Resting(sniper(), Marks()).order.request.token_out == ""

    answer = delete(ORDER_ID)

    assert answer.status == 200
    assert answer.document["amount_remaining"] == "100"
