"""The desk's pictures: `python -m tests.support.screenshots` writes docs/images, of a system of its own.

The system trades for a while first, so that there is something to see. Its market is that of the seed, the times are
those of the day: each run writes other pictures of the same.
"""

import sys
from pathlib import Path
from typing import Any, NamedTuple

from playwright.sync_api import Browser

from local.settings import ROOT
from tests.harness.own_system import LAUNCHES, own_system
from tests.support.chromium import NoBrowserError, chromium
from tests.support.desk import PHONE, WIDE, Desk, Shape

IMAGES = ROOT / "docs" / "images"
MOST_BYTES = 150_000
SETTINGS = {"SPEED": "1", **LAUNCHES}
TRADES_MS = 45_000
"""Until a launch has come, and a line of prices can be seen."""
READY_MS, UNDER_WAY_MS = 8_000, 600
"""Until a view has all that it shows, and until an order has some of its steps."""
LOAD = 30
"""Orders, one after the other, for the view of the engine."""
DESKTOP = {"width": 1152, "height": 720}

EXITS = {"take_profit": {"trigger_price": "260"}, "stop_loss": {"trigger_price": "190"}}
TRADES: tuple[dict[str, Any], ...] = (
    {"amount": "120"},
    {"token_in": "USDC", "token_out": "SOL", "amount": "18000"},
    {"token_in": "BONK", "token_out": "SOL", "amount": "90000000"},
    {"token_in": "USDC", "token_out": "JUP", "amount": "2500"},
    {"amount": "20", "then": {"take_profit": {"gain_bps": 500}, "stop_loss": {"loss_bps": 300}}},
    {"order_type": "sniper", "token_in": "USDC", "token_out": None, "amount": "100", "target": {"any": True}},
    {"order_type": "limit", "amount": "500", "limit_price": "260", "time_in_force": "ioc"},
    {"amount": "3.25"},
)
WAITING: tuple[dict[str, Any], ...] = (
    {"order_type": "twap", "amount": "120", "slices": 12, "interval": 60},
    {"order_type": "limit", "amount": "40", "limit_price": "221.5", "expires_in": 86_400, "allow_partial": True},
    {"order_type": "take_profit", "amount": "25", "trigger_price": "228"},
    {"order_type": "stop_loss", "amount": "80", "trigger_price": "205"},
    {"order_type": "trailing_stop", "amount": "60", "trail_bps": 150},
    {"order_type": "oco", "amount": "30", **EXITS},
)


class Picture(NamedTuple):
    """A view as it is photographed."""

    name: str
    address: str
    shape: Shape


PICTURES = (
    Picture("desk-trade", "trade", Shape(DESKTOP, "light")),
    Picture("desk-orders", "orders", Shape(WIDE, "light")),
    Picture("desk-market", "market/SOL-USDC", Shape(DESKTOP, "light")),
    Picture("desk-engine", "engine", Shape(DESKTOP, "light")),
    Picture("desk-orders-dark", "orders", Shape(WIDE, "dark")),
    Picture("desk-trade-phone", "trade", Shape(PHONE, "light")),
)


def main() -> int:
    """Write the pictures and return the exit status: 1 where there is no browser, or one of them is too large."""
    try:
        with own_system(SETTINGS, own_servers=True) as system, chromium() as browser:
            system.start()
            first = Desk(browser, system, Shape())
            # Followed from the beginning, as the prices that a chart begins with are kept while somebody looks.
            first.open("market/SOL-USDC")
            _trade(first)
            sizes = {picture.name: _take(browser, first, picture) for picture in PICTURES}
    except NoBrowserError as error:
        print(error, file=sys.stderr)
        return 1
    for name, size in sizes.items():
        print(f"docs/images/{name}.png: {size:,} bytes")
    return int(max(sizes.values()) > MOST_BYTES)


def _trade(desk: Desk) -> None:
    for order in TRADES:
        desk.place(**{"order_type": "market", **order})
        desk.page.wait_for_timeout(1_500)
    desk.page.wait_for_timeout(TRADES_MS)
    for order in WAITING:
        desk.place(**order)


def _take(browser: Browser, first: Desk, picture: Picture) -> int:
    """Take a picture, in a page of its own, and return how many bytes it has."""
    desk = Desk(browser, first.system, picture.shape)
    page = desk.open(picture.address)
    page.locator("#link-state[data-state=live]").wait_for()
    if picture.address == "trade":
        page.get_by_label("You sell", exact=True).fill("250")
    page.wait_for_timeout(READY_MS)
    # Orders under way are what is of interest in a live table, and in the engine.
    for amount in {"orders": ("45", "7.5"), "engine": ("2",) * LOAD}.get(picture.address, ()):
        desk.place("market", amount=amount)
        page.wait_for_timeout(UNDER_WAY_MS)
    IMAGES.mkdir(exist_ok=True)
    file: Path = IMAGES / f"{picture.name}.png"
    page.screenshot(path=file)
    desk.close()
    return file.stat().st_size


if __name__ == "__main__":
    sys.exit(main())
