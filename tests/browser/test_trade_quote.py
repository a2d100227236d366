"""The ticket and the quote beside it: what is asked while one types, what is shown, and how it fits."""

import json
import re
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Page, Route, expect

from tests.harness.own_system import LAUNCHES
from tests.support.desk import PHONE, WIDE, Desk, Shape
from tests.support.ticket import QUOTE, REFUSED, TYPES, choose, field, latest, open_ticket, place


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return {"SPEED": "0.1", "DROP_RATE": "0", **LAUNCHES}


TYPED_QUICKLY = """(input, text) => {
    for (let length = 1; length <= text.length; length += 1) {
        input.value = text.slice(0, length);
        input.dispatchEvent(new Event("input", { bubbles: true }));
    }
}"""
"""However busy the machine is, no time passes from one character to the next."""


@pytest.fixture
def page(desk: Desk) -> Page:
    return open_ticket(desk)


def test_the_quote_follows_what_is_typed(page: Page) -> None:
    quotes: dict[str, Any] = {}

    def keep(route: Route) -> None:
        """Have a quote stay as it was first: orders that rest keep the market moving."""
        amount = parse_qs(urlsplit(route.request.url).query)["amount"][0]
        if amount not in quotes:
            quotes[amount] = route.fetch().json()
        route.fulfill(json=quotes[amount])

    page.route(QUOTE, keep)
    shown = page.locator("#trade-quote")
    for amount in ("3.5", "1200"):
        with page.expect_response(re.compile(f"amount={amount}")):
            page.get_by_label("You sell").fill(amount)

        quote = quotes[amount]
        expect(page.locator("#trade-expected")).to_have_text(f"{Decimal(quote['expected_out']):,} USDC")
        expect(shown).to_contain_text(f"{Decimal(quote['minimum_out']):,} USDC")
        expect(shown.locator("tbody tr")).to_have_count(1 + len(quote["route"]["quotes"]))
        expect(shown.locator("li")).to_have_count(len(quote["route"]["legs"]))


def test_an_order_that_waits_says_how_far_the_market_is(page: Page) -> None:
    choose(page, "take_profit")
    field(page, "trigger_price").fill("350")

    expect(page.locator(".trade-distance")).to_contain_text("to the trigger")
    field(page, "trigger_price").fill("100")
    expect(page.locator(".trade-distance")).to_contain_text("would be refused")


def test_what_a_limit_needs_is_not_shown_as_what_the_market_pays_at_least(page: Page) -> None:
    choose(page, "limit")
    page.get_by_label("You sell").fill("2")
    field(page, "limit_price").fill("390")

    expect(page.locator("#trade-quote")).to_contain_text("it needs at least 780.000000 USDC")


def test_what_is_typed_quickly_is_asked_once_and_then_again(page: Page) -> None:
    expect(page.locator("#trade-quote")).to_have_attribute("data-phase", "fresh")
    field(page, "amount").fill("")
    expect(page.locator("#trade-quote")).to_have_attribute("data-phase", "none")
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/api/quote" in request.url else None)

    with page.expect_request(lambda request: "amount=98765" in request.url):
        field(page, "amount").evaluate(TYPED_QUICKLY, "98765")

    assert not [url for url in asked if "98765" not in url]
    with page.expect_request(QUOTE):
        pass


def test_nothing_is_asked_while_nobody_looks(desk: Desk) -> None:
    desk.page.clock.install()
    page = desk.open("trade/SOL-USDC")
    with page.expect_response(QUOTE):
        field(page, "amount").fill("2")
        page.clock.run_for(1_000)
    expect(page.locator("#trade-quote")).to_have_attribute("data-phase", "fresh")
    asked: list[str] = []
    page.evaluate("Object.defineProperty(document, 'hidden', {get: () => window.isHidden, configurable: true})")
    page.evaluate("isHidden = true; document.dispatchEvent(new Event('visibilitychange'))")
    page.clock.run_for(3_000)
    page.on("request", lambda request: asked.append(request.url) if "/api/quote" in request.url else None)

    page.clock.run_for(20_000)

    assert asked == []
    with page.expect_request(QUOTE):
        page.evaluate("isHidden = false; document.dispatchEvent(new Event('visibilitychange'))")
        page.clock.run_for(100)


def test_a_rule_is_said_while_one_types_in_the_ticket_s_units(page: Page, desk: Desk) -> None:
    desk.guard.expect(REFUSED)

    field(page, "max_slippage").fill("80")

    expect(field(page, "max_slippage")).to_have_accessible_description(re.compile("must be from 1 to 50 %"))
    expect(field(page, "amount")).to_be_enabled()


def test_a_quote_that_can_t_be_had_is_said_until_it_can(page: Page, desk: Desk) -> None:
    desk.guard.expect(REFUSED)
    busy = json.dumps({"limit": "MAX_QUOTES", "retry_after_ms": 100})
    page.route(QUOTE, lambda route: route.fulfill(status=503, body=busy))

    field(page, "amount").fill("7")

    expect(page.locator("#trade-quote-state")).to_contain_text("the engine carries no more quotes right now")
    expect(page.locator("#trade-out")).to_have_text("–")
    page.unroute(QUOTE)
    expect(page.locator("#trade-quote-state")).to_contain_text("live")


def test_the_ticket_is_as_it_was_after_another_view_and_takes_the_pair_of_an_address(page: Page) -> None:
    choose(page, "limit")
    field(page, "limit_price").fill("222.5")

    page.get_by_role("link", name="Market", exact=True).click()
    expect(page).to_have_title("Market · Orderflow")
    page.get_by_role("link", name="Trade", exact=True).click()

    expect(field(page, "limit_price")).to_have_value("222.5")
    page.evaluate("location.hash = '#trade/USDC-jup'")
    expect(field(page, "token_out")).to_have_value("JUP")
    expect(page.get_by_label("USDC per JUP")).to_be_checked()


def test_the_pair_is_turned_round_and_prices_stay_as_they_are_written(page: Page) -> None:
    choose(page, "limit")
    expect(page.locator("#trade-out")).not_to_have_text("–")

    page.get_by_role("button", name="Turn round").click()

    expect(field(page, "token_in")).to_have_value("USDC")
    expect(field(page, "amount")).to_have_value(re.compile(r"^\d{3}\.\d{1,6}$"))
    expect(page.get_by_label("USDC per SOL")).to_be_checked()
    page.get_by_role("button", name="Limit price: as the market is").click()
    expect(field(page, "limit_price")).to_have_value(re.compile(r"^2\d\d\.\d+$"))


@pytest.mark.parametrize("shape", [Shape(PHONE)], ids=["phone"])
def test_what_is_received_is_not_broken_in_two_on_a_phone(page: Page) -> None:
    page.get_by_label("You sell").fill("250")

    received = page.locator(".trade-out")
    expect(received).to_have_text(re.compile(r"^\d\d,\d{3}\.\d{6}$"))
    lines = """(element) => {
        const range = document.createRange();
        range.selectNodeContents(element);
        return range.getClientRects().length;
    }"""
    assert received.evaluate(lines) == 1


@pytest.mark.parametrize("shape", [Shape(WIDE, "light"), Shape(PHONE, "dark")], ids=["wide, light", "phone, dark"])
def test_every_ticket_fits_and_axe_finds_nothing_serious(page: Page, desk: Desk) -> None:
    desk.guard.expect(REFUSED)
    expect(latest(page, place(page))).to_have_attribute("data-status", "confirmed")
    for order_type in TYPES:
        choose(page, order_type)
        if order_type in ("limit", "sniper"):
            page.get_by_label("Bracket").check()
        if order_type == "limit":
            page.locator("#trade-submit").click()
            expect(field(page, "limit_price")).to_be_focused()
        assert desk.overflow() == 0, order_type
        if order_type in ("market", "limit", "oco", "sniper"):
            assert desk.findings() == [], order_type


def test_what_is_typed_stays_in_its_place_when_the_list_of_tokens_grows(page: Page) -> None:
    amount = field(page, "amount")
    amount.fill("1234")
    amount.evaluate("(input) => input.setSelectionRange(1, 3)")

    with page.expect_response("**/api/tokens"):
        page.route("**/api/tokens", with_one_more)
    expect(page.get_by_label("Token to sell").locator("option", has_text="ODD")).to_be_attached()
    page.keyboard.insert_text("9")

    expect(amount).to_have_value("194")


def with_one_more(route: Route) -> None:
    """Answer with a token that was not listed before."""
    answer = route.fetch().json()
    odd = {**answer["tokens"][0], "symbol": "ODD", "mint": "odd"}
    route.fulfill(json={"tokens": [*answer["tokens"], odd]})
