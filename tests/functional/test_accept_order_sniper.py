"""accept_order through its Lambda handler: orders that wait for a launch, and orders on tokens that were launched."""

import json
from decimal import Decimal
from typing import Any

import pytest
import redis

from orderflow.adapters.intake import Conflict
from orderflow.domain.conditions import Limit, Price, Trigger
from orderflow.domain.launches import LaunchFilters, Snipe
from orderflow.domain.order import OrderRequest
from orderflow.domain.tokens import Token
from tests.support.builders import NOW_MS
from tests.support.fakes.outside import Outside
from tests.support.http_api import USDC_MINT, assert_problem, assert_refused, of_type, post, post_batch, written
from tests.support.launched_tokens import MOON, UNKNOWN_MINT, LaunchingVenue, make_launch

pytestmark = pytest.mark.usefixtures("_event_loop")

IN_SOL = make_launch(token=Token("FROG225", UNKNOWN_MINT, 6), quote="SOL", announced_slot=225, open_slot=260)
BUST = Token("BUST0", "4k3Dyjzvzp8eMZWUXbBCjEvwSkkk59S5iCNLY3QrkX6S", 6)
CLOSED = "can't be traded: pool closed"
MINT = "must be a mint: 32 bytes in base58"
KNOWN_RULE = (
    "must be one of SOL, USDC, USDT, JUP, RAY, BONK, WIF, JTO, PYTH, mSOL, JitoSOL, ORCA, or the mint of one, or a"
    " token that was launched"
)
WHOLE = "must be a whole number from 0 to 10000"
FLAGS = ("mint_renounced", "freezable", "lp_burned")


def sniper(**changes: Any) -> str:
    """Return the body of an order that waits for a launch; a value is written as JSON."""
    return of_type("sniper", **{name: None if value is None else json.dumps(value) for name, value in changes.items()})


@pytest.fixture
def venue(outside: Outside) -> LaunchingVenue:
    """Lend a market in which MOON200 trades, FROG225 is about to, and BUST0 has closed."""
    closed = make_launch(token=BUST, announced_slot=0, open_slot=20, close_slot=100)
    outside.venue = venue = LaunchingVenue(outside, make_launch(), IN_SOL, closed, slot=250)
    return venue


def created(outside: Outside) -> OrderRequest:
    [new] = outside.intake.created
    return new.order.request


def test_an_order_waits_for_a_launch_as_it_says(outside: Outside, venue: LaunchingVenue) -> None:
    filters = {"mint_renounced": True, "freezable": False, "max_top10_bps": 3000, "min_liquidity": "10000.5"}
    exits = {"take_profit": {"gain_bps": 5000}, "stop_loss": {"loss_bps": 3000, "trigger_slots": 2}}

    answer = post(
        sniper(amount="100", target={"any": True}, filters=filters | {"venue": "meteora"}, priority="turbo", then=exits)
    )

    assert answer.status == 202, answer.text
    assert created(outside) == OrderRequest(
        "USDC",
        "",
        100_000_000,
        "sniper",
        2_500,
        exits=(
            Trigger("take_profit", 500, entry_bps=5_000),
            Trigger("stop_loss", 2_000, slots=2, entry_bps=3_000),
        ),
        snipe=Snipe(None, LaunchFilters(True, False, None, 3_000, 10_000_500_000, "meteora"), "turbo"),
    )
    assert answer.document == {
        "order_id": outside.intake.created[0].order.order_id,
        "status": "pending",
        "amount": "100",
        "max_slippage": Decimal("0.25"),
        "order_type": "sniper",
        "time_in_force": "gtc",
        "expires_at": None,
        "minimum_out": None,
    }


def test_a_launch_may_be_one_that_nobody_has_heard_of(outside: Outside) -> None:
    outside.venue = LaunchingVenue(outside, slot=250)

    assert post(sniper(target={"mint": UNKNOWN_MINT}, expires_in=60)).status == 202
    request = created(outside)
    assert request.snipe == Snipe(UNKNOWN_MINT)
    assert (request.time_in_force, request.exits, request.tokens) == ("gtd", (), ())


@pytest.mark.parametrize(
    ("field", "changes", "rule"),
    [
        ("target", {"target": None}, "is required for a sniper order"),
        ("target", {"target": {}}, "must have a mint, or any: true"),
        ("target", {"target": "any"}, "must be a JSON object"),
        ("target.any", {"target": {"any": False}}, "must be true, where it is given"),
        ("target.any", {"target": {"any": 1}}, "must be true or false"),
        ("target.any", {"target": {"any": True, "mint": UNKNOWN_MINT}}, "must not come with mint"),
        ("target.symbol", {"target": {"any": True, "symbol": "MOON"}}, "is not a field of target"),
        *[
            ("target.mint", {"target": {"mint": mint}}, MINT)
            for mint in (
                "",
                "0" * 44,
                "MOON",
                UNKNOWN_MINT[:-3],
                UNKNOWN_MINT + "1",
                "é",
                "1" * 33,
                "z" * 44,
                "1" * 99,
            )
        ],
        ("target.mint", {"target": {"mint": 5}}, "must be a string"),
        ("target.mint", {"target": {"mint": USDC_MINT}}, "must be that of a token to come: USDC trades already"),
        ("target.mint", {"target": {"mint": MOON.mint}}, "must be that of a token to come: MOON200 trades already"),
        (
            "target.mint",
            {"target": {"mint": BUST.mint}},
            "must be that of a token to come: BUST0 has closed",
        ),
        (
            "target.mint",
            {"target": {"mint": UNKNOWN_MINT}},
            "must be that of a token whose pool takes USDC: the pool of FROG225 takes SOL",
        ),
        ("token_in", {"token_in": "BONK"}, "must be USDC or SOL for a sniper order"),
        ("token_in", {"token_in": "MOON200"}, "must be USDC or SOL for a sniper order"),
        ("token_in", {"token_in": None}, "is required"),
        ("token_out", {"token_out": "SOL"}, "is not a field of a sniper order"),
        *[
            (name, {name: 1}, "is not a field of a sniper order")
            for name in ("limit_price", "price_in", "trigger_price", "slices", "allow_partial", "stop_loss")
        ],
        ("colour", {"colour": "red"}, "is not a field of an order"),
        ("filters", {"filters": []}, "must be a JSON object"),
        ("filters.honest", {"filters": {"honest": True}}, "is not a field of filters"),
        *[(f"filters.{name}", {"filters": {name: "true"}}, "must be true or false") for name in FLAGS],
        *[("filters.max_top10_bps", {"filters": {"max_top10_bps": value}}, WHOLE) for value in (-1, 10_001, 0.5)],
        ("filters.max_top10_bps", {"filters": {"max_top10_bps": []}}, "must be a number or a decimal string"),
        ("filters.min_liquidity", {"filters": {"min_liquidity": 0}}, "must be greater than zero"),
        ("filters.min_liquidity", {"filters": {"min_liquidity": "lots"}}, "must be a decimal number"),
        (
            "filters.min_liquidity",
            {"filters": {"min_liquidity": "0.0000001"}},
            "must have at most 6 decimals for USDC",
        ),
        ("filters.venue", {"filters": {"venue": "orca"}}, "must be 'raydium' or 'meteora'"),
        ("priority", {"priority": "asap"}, "must be 'normal', 'fast' or 'turbo'"),
        ("max_slippage", {"max_slippage": 0.6}, "must be from 0.01 to 0.5"),
        ("time_in_force", {"time_in_force": "ioc"}, "must be 'gtc' or 'gtd'"),
        ("expires_in", {"expires_in": -1}, "must be greater than zero"),
        ("then.trailing_stop", {"then": {"stop_loss": {"loss_bps": 1}, "trailing_stop": 1}}, "is not a field of then"),
        ("then", {"then": {}}, "must have a take_profit or a stop_loss"),
        ("amount", {"amount": "0.999999"}, "is worth less than 1 USD"),
    ],
)
def test_what_can_not_be_waited_for_is_refused_with_its_field_and_rule(
    outside: Outside, venue: LaunchingVenue, field: str, changes: dict[str, Any], rule: str
) -> None:
    assert_refused(post(sniper(**changes)), field, rule)
    assert outside.intake.created == []


def test_a_target_that_trades_by_now_is_no_fault_of_an_order_that_comes_again(
    outside: Outside, venue: LaunchingVenue
) -> None:
    named = {"idempotency-key": "abc"}
    first = post(sniper(target={"mint": MOON.mint}), named)
    [new] = outside.intake.created
    assert (first.status, new.is_over) == (202, True)

    outside.intake.outcome = Conflict.IS_OVER
    again = post(sniper(target={"mint": MOON.mint}), named)
    assert_refused(again, "target.mint", "must be that of a token to come: MOON200 trades already")


def test_tokens_that_were_launched_are_traded_by_symbol_and_by_mint(outside: Outside, venue: LaunchingVenue) -> None:
    assert post(written(token_in='"usdc"', token_out='"MOON200"', amount="100")).status == 202
    assert post(written(token_in=f'"{MOON.mint}"', token_out='"BONK"', amount='"0.000000001"')).status == 202

    bought, sold = (new.order.request for new in outside.intake.created)
    assert (bought.token_out, bought.tokens, bought.buys) == ("MOON200", (MOON,), MOON)
    assert (sold.token_in, sold.amount_in, sold.tokens) == ("MOON200", 1, (MOON,))


@pytest.mark.parametrize("order_type", ["limit", "stop_loss", "trailing_stop", "twap", "oco"])
def test_an_order_waits_for_a_price_of_a_launched_token_against_hubs_only(
    outside: Outside, venue: LaunchingVenue, order_type: str
) -> None:
    rule = (
        "must make a pair that has prices to wait for: MOON200, which was launched, has some against USDC and SOL only"
    )

    for sold, bought in (("BONK", "MOON200"), ("MOON200", "BONK"), ("MOON200", "FROG225")):
        assert_refused(post(of_type(order_type, token_in=f'"{sold}"', token_out=f'"{bought}"')), "token_out", rule)
    assert post(of_type(order_type, token_in='"MOON200"', amount="10000")).status == 202
    assert outside.intake.created[0].order.request.sells == MOON


def test_exits_wait_for_prices_too(outside: Outside, venue: LaunchingVenue) -> None:
    exits = '{"stop_loss":{"loss_bps":3000}}'

    refused = post(written(token_in='"BONK"', token_out='"MOON200"', then=exits))
    assert_problem(refused, 400)
    assert refused.document["errors"][0]["field"] == "then"
    assert post(written(token_in='"SOL"', token_out='"MOON200"', then=exits)).status == 202


def test_a_limit_of_a_launched_token_is_in_its_own_atoms(outside: Outside, venue: LaunchingVenue) -> None:
    answer = post(of_type("limit", token_in='"USDC"', token_out='"MOON200"', amount="10", limit_price='"80.5"'))

    assert created(outside).limit == Limit(Price(Decimal("80.5")))
    assert answer.document["minimum_out"] == "805000000000"


def test_nothing_is_looked_up_for_the_tokens_that_can_always_be_traded(outside: Outside, venue: LaunchingVenue) -> None:
    assert post(written()).status == 202
    assert post(sniper()).status == 202
    assert post_batch(written(), of_type("oco"), sniper()).status == 202
    assert venue.asked == []


def test_a_batch_looks_up_all_its_names_at_once(outside: Outside, venue: LaunchingVenue) -> None:
    answer = post_batch(
        written(token_out='"MOON200"'), "5", written(token_out='"DOGE"'), sniper(target={"mint": MOON.mint})
    )

    assert venue.asked == [{"MOON200", "DOGE", MOON.mint}]
    results = answer.document["results"]
    assert ["order" in result for result in results] == [True, False, False, False]
    assert results[2]["problem"]["errors"] == [{"field": "token_out", "rule": KNOWN_RULE}]


def test_a_name_that_can_not_be_looked_up_now_is_not_called_unknown(outside: Outside, venue: LaunchingVenue) -> None:
    venue.error = redis.ConnectionError("gone")

    for body in (written(token_out='"MOON200"'), sniper(target={"mint": UNKNOWN_MINT})):
        answer = post(body)
        assert_problem(answer, 503)
        assert answer.headers["retry-after"] == "1"
    assert_problem(post_batch(written(token_out='"MOON200"')), 503)
    assert post(written()).status == 202


@pytest.mark.parametrize("name", ["x" * 65, "é", "\ud83d"])
def test_what_can_be_no_name_is_not_looked_up(outside: Outside, venue: LaunchingVenue, name: str) -> None:
    assert_problem(post(written(token_in=json.dumps(name))), 400)
    assert venue.asked == []


def test_an_order_that_is_good_for_a_time_ends_then(outside: Outside, venue: LaunchingVenue) -> None:
    assert post(sniper(expires_at="2026-12-01T12:00:00Z")).status == 202
    assert (created(outside).expires_at_ms or 0) > NOW_MS


@pytest.mark.parametrize("order_type", ["market", "limit", "stop_loss", "trailing_stop", "twap", "oco"])
@pytest.mark.parametrize("name", ["BUST0", BUST.mint])
def test_a_token_that_has_closed_is_bought_and_sold_by_no_new_order(
    outside: Outside, venue: LaunchingVenue, order_type: str, name: str
) -> None:
    for token_in, token_out, field in ((name, "USDC", "token_in"), ("USDC", name, "token_out")):
        tokens = {"token_in": json.dumps(token_in), "token_out": json.dumps(token_out)}
        assert_refused(post(of_type(order_type, **tokens, amount="10000")), field, CLOSED)
    assert outside.intake.created == []


@pytest.mark.parametrize(
    ("token_in", "token_out", "field"), [("BUST0", "SOL", "token_in"), ("SOL", "BUST0", "token_out")]
)
def test_an_order_that_comes_again_is_found_when_its_token_has_closed_by_then(
    outside: Outside, venue: LaunchingVenue, token_in: str, token_out: str, field: str
) -> None:
    body = written(token_in=f'"{token_in}"', token_out=f'"{token_out}"', amount="10")
    named = {"idempotency-key": "abc"}

    found = post(body, named)
    [new] = outside.intake.created
    outside.intake.outcome = Conflict.IS_OVER
    unknown = post(body, named)

    assert (found.status, new.is_over) == (202, True)
    assert_refused(unknown, field, CLOSED)


def test_of_a_batch_only_the_orders_on_a_token_that_has_closed_are_refused(
    outside: Outside, venue: LaunchingVenue
) -> None:
    answer = post_batch(written(token_out='"BUST0"'), written(token_out='"MOON200"'))

    refused, taken = answer.document["results"]
    assert refused["problem"]["errors"] == [{"field": "token_out", "rule": CLOSED}]
    assert "order" in taken
