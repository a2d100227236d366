"""The view Market in a browser: prices as they move, a pair's chart with own orders, pools, depth and launches."""

import json
import re
import time
from decimal import Decimal

import pytest
from playwright.sync_api import Locator, Page, expect

from tests.harness.own_system import LAUNCHES
from tests.support.desk import PHONE, Desk, Shape
from tests.support.waiting import eventually

LOST = "ERR_|WebSocket connection to"
PAIR = "market/SOL-USDC"
STANDS_S = 2.0
"""A market whose slot has not changed for so long stands still: a slot takes 0.4 s."""
HIDE = """(hidden) => {
    Object.defineProperty(document, "hidden", { get: () => hidden, configurable: true });
    document.dispatchEvent(new Event("visibilitychange"));
}"""
COUNT = """([token, least]) => {
    const probe = document.createElement("span");
    probe.style.color = `var(--${token})`;
    document.body.append(probe);
    const wanted = getComputedStyle(probe).color.match(/\\d+/g).map(Number);
    probe.remove();
    let found = 0;
    for (const canvas of document.querySelectorAll(".chart canvas")) {
        if (!canvas.width || !canvas.height) continue;
        const copy = document.createElement("canvas");
        Object.assign(copy, { width: canvas.width, height: canvas.height });
        const drawn = copy.getContext("2d", { willReadFrequently: true });
        drawn.drawImage(canvas, 0, 0);
        const { data } = drawn.getImageData(0, 0, canvas.width, canvas.height);
        for (let at = 0; at < data.length; at += 4) {
            found += wanted.every((part, place) => data[at + place] === part) && data[at + 3] === 255 ? 1 : 0;
        }
    }
    return found >= least;
}"""


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return {"SPEED": "0.1", **LAUNCHES}


def fresh(page: Page) -> Locator:
    return page.locator(".freshness")


def is_drawn(page: Page, token: str, least: int = 30) -> bool:
    """Return whether the chart has at least so many pixels of one of the page's colours."""
    return bool(page.evaluate(COUNT, [token, least]))


def slot_of(desk: Desk) -> int:
    return int(desk.ask("GET", "/api/market/pairs")["slot"])


def stands(desk: Desk) -> None:
    """Return when the market's slot has not changed for a while."""
    seen, since = slot_of(desk), time.monotonic()

    def same() -> bool:
        nonlocal seen, since
        now = slot_of(desk)
        if now != seen:
            seen, since = now, time.monotonic()
        return time.monotonic() - since > STANDS_S

    eventually(same)


def cancel_all(desk: Desk) -> None:
    """Cancel what rests, which would keep the market's clock running."""
    for order in desk.ask("GET", "/api/orders?open=true")["orders"]:
        desk.ask("DELETE", f"/api/orders/{order['order_id']}")


def test_prices_move_while_somebody_looks_and_stop_when_nobody_does(desk: Desk) -> None:
    page = desk.open("market")
    price = page.get_by_role("listitem").filter(has_text="SOL/USDC").locator(".pair-price").first
    before = price.inner_text()
    assert Decimal(before) > 0
    expect(price).not_to_have_text(before)
    expect(fresh(page)).to_have_text("up to date")

    page.get_by_role("link", name="Orders").click()

    stands(desk)
    page.get_by_role("link", name="Market").click()
    stood = slot_of(desk)
    eventually(lambda: slot_of(desk) > stood)


def test_a_page_that_is_hidden_for_a_minute_lets_the_market_stop(desk: Desk) -> None:
    desk.page.clock.install()
    page = desk.open("market")
    expect(fresh(page)).to_have_text("up to date")

    page.evaluate(HIDE, True)
    page.clock.fast_forward(61_000)

    expect(fresh(page)).to_contain_text("paused while nobody looks")
    stands(desk)
    page.evaluate(HIDE, False)
    expect(fresh(page)).to_have_text("up to date")


def test_the_chart_has_the_prices_and_own_orders(desk: Desk) -> None:
    page = desk.open(PAIR)
    expect(page.get_by_role("heading", name="SOL/USDC")).to_be_visible()
    eventually(lambda: is_drawn(page, "accent"))
    assert not is_drawn(page, "good", 1)
    reference = Decimal(page.locator(".legend dd").first.inner_text().replace(",", ""))
    limit = f"{reference * Decimal('0.99'):.3f}"

    desk.place("limit", token_in="USDC", token_out="SOL", amount="25", price_in="token_in", limit_price=limit)
    sold = desk.place()

    table = page.get_by_role("region", name="Table of your orders")
    expect(table.get_by_role("row").filter(has_text="buy: limit")).to_contain_text(f"{limit} USDC per SOL")
    fill = table.get_by_role("row").filter(has_text="▼ sold")
    paid = json.dumps(desk.ask("GET", f"/api/orders/{sold}")["execution_price"])
    expect(fill).to_contain_text(f"{paid} USDC per SOL")
    eventually(lambda: is_drawn(page, "good") and is_drawn(page, "bad"))
    fill.get_by_role("link").click()
    expect(page).to_have_url(re.compile(f"#orders/{sold}$"))
    cancel_all(desk)


def test_the_past_of_the_prices_is_there_when_the_page_is_loaded_again(desk: Desk) -> None:
    page = desk.open(PAIR)
    table = page.get_by_role("region", name="Table of the prices")
    page.get_by_text("These prices as a table").click()
    expect(table.get_by_role("row").nth(5)).to_be_visible()
    # The latest comes again with the channel.
    past = table.get_by_role("row").nth(5).inner_text()

    page.reload()

    page.get_by_text("These prices as a table").click()
    eventually(lambda: past in table.inner_text())


def test_pools_and_depth_are_what_the_api_says_to_the_digit(desk: Desk) -> None:
    with desk.page.expect_response(lambda response: "/api/market/pools" in response.url) as asked:
        page = desk.open(PAIR)
    said = asked.value.json()
    depth = page.get_by_role("region", name="Table of the depth")

    page.get_by_text("Depth as a table").press("Enter")

    for side in ("sell", "buy"):
        rows = depth.get_by_role("row").filter(has_text=side)
        expect(rows).to_have_count(len(said["depth"][side]))
        for at, point in enumerate(said["depth"][side]):
            whole, _, part = point["amount"].partition(".")
            amount = f"{int(whole):,}" + (f".{part}" if part else "")
            assert rows.nth(at).get_by_role("cell").all_inner_texts()[1:3] == [f"{amount} SOL", point["price"]]
    pools = page.get_by_role("region", name="Table of the pools").get_by_role("row")
    expect(pools).to_have_count(len(said["pools"]) + 1)
    expect(pools.filter(has_text="raydium_amm_v4:SOL-USDC")).to_contain_text("Raydium AMM v4")
    assert page.locator(".depth path").first.get_attribute("d")


def test_a_launch_is_announced_and_opens(desk: Desk) -> None:
    page = desk.open("market")

    announced = page.locator(".launch").filter(has_text="opens in").first
    name = announced.get_by_role("heading").inner_text()
    launch = page.locator(".launch").filter(has=page.get_by_role("heading", name=name))

    expect(launch).to_contain_text(re.compile(r"opens in \d+ slots?"))
    expect(launch).to_contain_text("ten largest hold")
    expect(launch).to_contain_text(re.compile(r"liquidity\s*[\d,.]+ (USDC|SOL)"))
    expect(launch.locator(".launch-state")).to_contain_text("open, closes in", timeout=40_000)


def test_what_is_shown_is_marked_as_old_until_the_connection_is_back(desk: Desk) -> None:
    page = desk.open(PAIR)
    expect(fresh(page)).to_have_text("up to date")
    desk.guard.expect(LOST)

    desk.end_gateway()

    expect(fresh(page)).to_contain_text("out of date")
    expect(fresh(page)).to_have_text("up to date")


def test_a_pair_that_there_is_not_is_said(desk: Desk) -> None:
    page = desk.open("market/NOPE-USDC")

    expect(page.locator(".chosen")).to_contain_text("There are no pools of NOPE/USDC")


def test_a_pair_is_found_and_its_chart_set_by_keyboard(desk: Desk) -> None:
    page = desk.open("market")
    page.get_by_label("Find a token or a pair").press_sequentially("wif/u")
    expect(page.locator(".pair-rows li:visible")).to_have_count(1)

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.get_by_role("heading", name="WIF/USDC")).to_be_visible()
    page.get_by_role("button", name="1 min").press("Enter")
    expect(page.get_by_role("button", name="1 min")).to_have_attribute("aria-pressed", "true")
    expect(page.get_by_role("button", name="All", exact=True)).to_have_attribute("aria-pressed", "false")


def test_the_chart_follows_the_colours_of_the_page(desk: Desk) -> None:
    page = desk.open(PAIR)
    eventually(lambda: is_drawn(page, "accent"))

    page.get_by_role("button", name="Change between light and dark").click()

    # The tokens have other colours now.
    eventually(lambda: is_drawn(page, "accent") and is_drawn(page, "surface", 1000))


@pytest.mark.parametrize("shape", [Shape(PHONE, "dark"), Shape()], ids=["phone and dark", "wide and light"])
def test_a_pair_fits_the_window_and_axe_finds_nothing_serious(desk: Desk) -> None:
    page = desk.open(PAIR)
    expect(fresh(page)).to_have_text("up to date")
    expect(page.get_by_role("region", name="Table of the pools").get_by_role("row").nth(1)).to_be_attached()

    assert desk.overflow() == 0
    assert desk.findings() == []
    expect(page.get_by_role("link", name="TradingView")).to_be_visible()
