"""Every type of order placed by its ticket and watched, and what goes wrong with that said."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import Page, Route, expect

from tests.harness.own_system import LAUNCHES
from tests.support.desk import Desk
from tests.support.ticket import EXECUTE, REFUSED, choose, field, latest, open_ticket, place, same_amount
from tests.support.waiting import eventually


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return {"SPEED": "0.1", "DROP_RATE": "0", **LAUNCHES}


@pytest.fixture
def page(desk: Desk) -> Page:
    return open_ticket(desk)


def limit(price: str) -> Callable[[Page], None]:
    return lambda page: field(page, "limit_price").fill(price)


def trigger(price: str) -> Callable[[Page], None]:
    return lambda page: field(page, "trigger_price").fill(price)


def oco(page: Page) -> None:
    field(page, "take_profit.trigger_price").fill("350")
    field(page, "stop_loss.trigger_price").fill("100")


def two_slices(page: Page) -> None:
    field(page, "slices").fill("2")
    field(page, "interval").fill("1")


def next_launch(page: Page) -> None:
    field(page, "token_in").select_option("USDC")
    field(page, "amount").fill("100")
    page.get_by_label("turbo").check()


def bracket(page: Page) -> None:
    page.get_by_label("Bracket").check()
    field(page, "then.take_profit.gain_bps").fill("5000")
    field(page, "then.stop_loss.loss_bps").fill("3000")


PLACED: list[tuple[str, Callable[[Page], None], str, dict[str, Any]]] = [
    ("market", lambda page: field(page, "max_slippage").fill("12.5"), "confirmed", {"max_slippage": 0.125}),
    ("market", bracket, "confirmed", {"then": {"gain_bps": 5000, "loss_bps": 3000}}),
    ("limit", limit("150.000000000000001"), "confirmed", {"limit_price": "150.000000000000001"}),
    ("limit", limit("390"), "open", {"limit_price": "390", "time_in_force": "gtc"}),
    ("take_profit", trigger("350.5"), "open", {"trigger_price": "350.5"}),
    ("stop_loss", trigger("100"), "open", {"trigger_price": "100", "max_slippage": 0.2}),
    ("trailing_stop", lambda page: field(page, "trail_bps").fill("5000"), "open", {"trail_bps": 5000}),
    ("oco", oco, "open", {"take_profit": {"trigger_price": "350"}, "stop_loss": {"trigger_price": "100"}}),
    ("twap", two_slices, "confirmed", {"slices": 2, "interval": 1}),
    ("dca", two_slices, "confirmed", {"order_type": "twap"}),
    ("sniper", next_launch, "confirmed", {"priority": "turbo", "target": {"any": True}}),
]


def holds(found: Any, wanted: Any) -> bool:
    """Return whether what was found has all that is wanted, at any depth of its members."""
    if not isinstance(wanted, dict):
        return bool(found == wanted)
    return all(name in found and holds(found[name], value) for name, value in wanted.items())


@pytest.mark.parametrize(("order_type", "write", "end", "kept"), PLACED)
def test_an_order_of_each_type_is_placed_and_watched(
    page: Page, desk: Desk, order_type: str, write: Callable[[Page], None], end: str, kept: dict[str, Any]
) -> None:
    choose(page, order_type)
    write(page)

    order = latest(page, order_id := place(page))

    expect(order).to_have_attribute("data-status", end)
    steps = order.get_by_role("list", name="Steps")
    expect(steps.locator("li").first).to_have_text(re.compile(r"pending \d+"))
    expect(order.get_by_role("link")).to_have_attribute("href", f"#orders/{order_id}")
    found = desk.ask("GET", f"/api/orders/{order_id}")
    if "then" in kept:
        kept = {"then": {"take_profit": {"gain_bps": 5000}, "stop_loss": {"loss_bps": 3000}}}
    assert holds(found, kept), found
    if end == "open":
        order.get_by_role("button", name="Cancel").click()
        expect(order).to_have_attribute("data-status", "cancelled")


def test_rules_stand_at_their_fields_and_the_first_is_focused(page: Page, desk: Desk) -> None:
    desk.guard.expect(REFUSED)
    choose(page, "stop_loss")
    field(page, "amount").fill("1.0123456789")
    page.locator("summary", has_text="Your own name").click()
    field(page, "client_order_id").fill("two words")

    page.locator("#trade-submit").click()

    rules = {
        "amount": "must have at most 9 decimals for SOL",
        "trigger_price": "is required for a stop_loss order",
        "client_order_id": "must be printable ASCII without spaces",
    }
    for name, rule in rules.items():
        expect(field(page, name)).to_have_attribute("aria-invalid", "true")
        expect(field(page, name)).to_have_accessible_description(re.compile(rule))
    expect(field(page, "amount")).to_be_focused()
    field(page, "amount").fill("1")
    expect(field(page, "amount")).not_to_have_attribute("aria-invalid", "true")
    expect(field(page, "trigger_price")).to_have_attribute("aria-invalid", "true")


def lose_the_answer(page: Page) -> None:
    """Have the next order reach the engine, and its answer be lost."""

    def lose(route: Route) -> None:
        route.fetch()
        route.abort()

    page.route(EXECUTE, lose, times=1)


@pytest.mark.parametrize("again", ["#trade-again", "#trade-submit"])
def test_an_order_whose_answer_was_lost_is_not_placed_twice(page: Page, desk: Desk, again: str) -> None:
    desk.guard.expect("ERR_FAILED")
    lose_the_answer(page)
    amount = field(page, "amount").input_value()
    page.locator("#trade-submit").click()
    expect(page.get_by_role("alert")).to_contain_text("may have been placed or not")

    page.locator(again).click()

    expect(page.locator("article[data-order]")).to_have_attribute("data-status", "confirmed")
    expect(page.get_by_role("alert")).to_have_count(0)
    eventually(lambda: bool(same_amount(desk, amount)))
    assert len(same_amount(desk, amount)) == 1


def test_the_same_order_placed_again_is_another_one(page: Page) -> None:
    first = place(page)

    second = place(page)

    assert first != second
    expect(latest(page, second)).to_have_attribute("data-status", "confirmed")
    expect(page.locator(f'li[data-order="{first}"]')).to_contain_text("confirmed")


@pytest.mark.parametrize(
    ("status", "problem", "said"),
    [
        (503, {"limit": "MAX_LAG"}, "The engine carries no more right now (MAX_LAG)"),
        (403, {"detail": "this key may not trade"}, "This key may not place orders: this key may not trade"),
        (429, {"limit": "orders", "detail": "no orders left", "retry_after_ms": 1500}, "Again in 1.5 s"),
    ],
)
def test_a_refusal_is_said_and_nothing_typed_is_lost(
    page: Page, desk: Desk, status: int, problem: dict[str, Any], said: str
) -> None:
    desk.guard.expect(REFUSED)
    page.route(EXECUTE, lambda route: route.fulfill(status=status, body=json.dumps(problem)), times=1)
    amount = field(page, "amount").input_value()

    page.locator("#trade-submit").click()

    expect(page.get_by_role("alert")).to_contain_text(said)
    expect(field(page, "amount")).to_have_value(amount)
    expect(latest(page, place(page))).to_have_attribute("data-status", "confirmed")


def test_an_order_is_placed_and_cancelled_by_keyboard_alone(desk: Desk) -> None:
    page = desk.open("trade/SOL-USDC")

    def tab_to(name: str) -> None:
        for _ in range(60):
            if page.evaluate("document.activeElement?.id") == name:
                return
            page.keyboard.press("Tab")
        raise AssertionError(f"{name} can't be reached")

    tab_to("trade-type-market")
    page.keyboard.press("ArrowRight")
    expect(page.locator("#trade-type-limit")).to_be_focused()
    tab_to("trade-amount")
    page.keyboard.type("2.9")
    tab_to("trade-limit-price")
    page.keyboard.type("380")
    page.keyboard.press("Enter")

    order = page.locator("article[data-order]")
    expect(order).to_have_attribute("data-status", "open")
    tab_to(f"trade-order-cancel-{order.get_attribute('data-order')}")
    page.keyboard.press("Enter")
    expect(order).to_have_attribute("data-status", "cancelled")
