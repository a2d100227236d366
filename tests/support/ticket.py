"""The desk's ticket, as the tests of the view trade write orders into it."""

from itertools import count
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.support.desk import Desk

EXECUTE, QUOTE = "**/api/orders/execute", "**/api/quote?*"
REFUSED = "status of (400|401|403|429|503)"
TYPES = ("market", "limit", "take_profit", "stop_loss", "trailing_stop", "oco", "twap", "dca", "sniper")
_AMOUNTS = count(1)


def open_ticket(desk: Desk) -> Page:
    """Return the ticket of SOL for USDC, with an amount that no other has."""
    page = desk.open("trade/SOL-USDC")
    expect(page.get_by_label("Token to sell")).to_have_value("SOL")
    field(page, "amount").fill(f"2.{next(_AMOUNTS):04}")
    return page


def choose(page: Page, order_type: str) -> None:
    """Have the ticket be one of a type."""
    page.locator(f"#trade-type-{order_type}").check()


def field(page: Page, name: str) -> Locator:
    """Return the field of a name of the API's."""
    return page.locator(f'[data-field="{name}"]')


def place(page: Page) -> str:
    """Place what the ticket asks for; return the order's id."""
    with page.expect_response(EXECUTE) as answered:
        page.locator("#trade-submit").click()
    return str(answered.value.json()["order_id"])


def latest(page: Page, order_id: str) -> Locator:
    """Return the order that was placed last, as it is shown."""
    return page.locator(f'article[data-order="{order_id}"]')


def same_amount(desk: Desk, amount: str) -> list[dict[str, Any]]:
    """Return the orders of an amount that the engine has."""
    orders = desk.ask("GET", "/api/orders?limit=200")["orders"]
    return [order for order in orders if order["amount"] == amount]
