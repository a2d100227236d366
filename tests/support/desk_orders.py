"""The view Orders in a browser, as its tests handle it: keys of accounts, rows, the drawer and the form."""

from collections.abc import Callable, Iterator
from typing import Any

from playwright.sync_api import Locator, Page, expect

from tests.harness.own_system import AMPLE, OwnSystem
from tests.support.desk import Desk

LOST = "ERR_|WebSocket connection to"
REFUSED = "Failed to load resource: the server responded with a status of 4"
FAR = {"limit_price": "400"}
"""Of a limit order that rests."""
SETTINGS = {"SPEED": "0.1", "AUTH": "keys", "MAX_RESTING": "5000"}


def keys_of(system: OwnSystem) -> Callable[[str], str]:
    """Return a function that returns the key of an account, the same each time."""
    keys: dict[str, str] = {}

    def key_of(account: str) -> str:
        if account not in keys:
            keys[account] = system.add_key(*AMPLE, "--permissions=read,trade", f"--account={account}")
        return keys[account]

    return key_of


def with_key(desk: Desk, key: str) -> Desk:
    """Have the desk, which is not open yet, use a key from its start."""
    desk.key = key
    kept = "sessionStorage.getItem('orderflow-key')"
    desk.context.add_init_script(f"{kept} ?? sessionStorage.setItem('orderflow-key', '{key}')")
    return desk


def listed(desk: Desk) -> Iterator[str]:
    """Yield the ids of the account's orders as the ledger has them, the newest first."""
    cursor = ""
    while cursor is not None:
        page = desk.ask("GET", f"/api/orders?limit=200&cursor={cursor}")
        yield from (order["order_id"] for order in page["orders"])
        cursor = page["next_cursor"]


def row_of(page: Page, order_id: str) -> Locator:
    """Return the row of an order."""
    return page.locator(f".order[data-id='{order_id}']")


def status_of(page: Page, order_id: str) -> Locator:
    """Return the status in an order's row."""
    return row_of(page, order_id).locator(".status")


def cell_of(page: Page, order_id: str, name: str) -> Locator:
    """Return a cell of an order's row: time, trade, type, status, price, filled, note or acts."""
    return row_of(page, order_id).locator(f".cell-{name}")


def drawer_of(page: Page) -> Locator:
    """Return the drawer."""
    return page.locator("dialog.drawer")


def amending(page: Page, order_id: str) -> Locator:
    """Return the form that amends an order, which its row's button has opened."""
    row_of(page, order_id).get_by_role("button", name="Amend").click()
    return page.locator("dialog.amend")


def is_live(page: Page) -> None:
    """Wait until the page is connected."""
    expect(page.locator("#link-state")).to_have_text("live")


def store(page: Page, work: str) -> Any:
    """Return what a JavaScript function makes of the module with the page's own store of orders."""
    source = "document.querySelector('script[type=module]').src.replace('desk.js', 'order_store.js')"
    return page.evaluate(f"async () => ({work})(await import({source}))")
