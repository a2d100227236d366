"""The table of orders in a browser: filters, a thousand rows, the keyboard, accounts, and the store behind it."""

import re
from collections.abc import Callable
from contextlib import suppress

import pytest
from playwright.sync_api import Browser, Error, Page, Request, Route, expect

from tests.harness.own_system import OwnSystem
from tests.support.desk import Desk, Shape
from tests.support.desk_orders import (
    FAR,
    REFUSED,
    SETTINGS,
    drawer_of,
    is_live,
    listed,
    row_of,
    status_of,
    store,
    with_key,
)
from tests.support.waiting import eventually

MANY = 1_000


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return SETTINGS


@pytest.fixture(scope="module")
def many_ids(browser: Browser, running: OwnSystem, key_of: Callable[[str], str]) -> list[str]:
    """Place 1,000 orders that rest, of an account of their own, and return their ids, the newest first."""
    desk = with_key(Desk(browser, running, Shape()), key_of("many"))
    order = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "order_type": "limit", **FAR}
    for batch in range(MANY // 100):
        named = [{**order, "client_order_id": f"many-{batch}-{place}"} for place in range(100)]
        desk.ask("POST", "/api/orders/batch", {"orders": named})
    eventually(lambda: len(list(listed(desk))) == MANY)
    ids = list(listed(desk))
    assert desk.close() == []
    return ids


@pytest.fixture
def many(desk: Desk, key_of: Callable[[str], str], many_ids: list[str]) -> Desk:
    return with_key(desk, key_of("many"))


def test_filters_show_those_orders_alone(mine: Desk) -> None:
    resting = mine.place("limit", **FAR)
    bonk = mine.place("market", token_in="USDC", token_out="BONK", amount="50")
    page = mine.open("orders")
    expect(status_of(page, bonk)).to_have_text("confirmed")

    page.get_by_label("Status").select_option("not ended")
    expect(row_of(page, resting)).to_be_visible()
    expect(row_of(page, bonk)).to_have_count(0)
    page.get_by_label("Status").select_option("ended")
    expect(row_of(page, bonk)).to_be_visible()
    expect(row_of(page, resting)).to_have_count(0)
    page.get_by_label("Status").select_option("all")
    page.get_by_label("Type").select_option("limit")
    expect(row_of(page, resting)).to_be_visible()
    expect(row_of(page, bonk)).to_have_count(0)
    page.get_by_role("button", name="Clear").click()
    page.get_by_label("Token").select_option("BONK")
    expect(row_of(page, bonk)).to_be_visible()
    expect(row_of(page, resting)).to_have_count(0)

    page.get_by_role("link", name="Trade").click()
    page.get_by_role("link", name="Orders", exact=True).click()

    expect(page.get_by_label("Token")).to_have_value("BONK")
    expect(row_of(page, resting)).to_have_count(0)


def test_an_order_is_found_by_its_id_or_by_a_name_of_its_client_s(many: Desk, many_ids: list[str]) -> None:
    page = many.open("orders")
    field = page.get_by_label("Id, or your own id")

    field.fill("many-0-0")
    expect(page.locator("#orders-count")).to_have_text(re.compile(r"^1\b"))
    oldest = row_of(page, many_ids[-1])
    expect(oldest).to_be_visible()
    field.fill(many_ids[-2])
    expect(row_of(page, many_ids[-2])).to_be_visible()
    field.fill("no such name")
    expect(page.locator(".order")).to_have_count(0)


def test_a_thousand_orders_are_scrolled_through_in_their_order(many: Desk, many_ids: list[str]) -> None:
    page = many.open("orders")
    rows = page.locator(".order")
    rows.first.focus()

    def last_read() -> bool:
        page.keyboard.press("End")
        return page.locator("#orders-count").inner_text() == str(MANY)

    eventually(last_read)
    page.keyboard.press("End")
    expect(row_of(page, many_ids[-1])).to_be_focused()
    expect(row_of(page, many_ids[-1])).to_have_attribute("aria-rowindex", str(MANY + 1))
    expect(page.get_by_role("grid")).to_have_attribute("aria-rowcount", str(MANY + 1))
    assert rows.count() < 60
    assert scrolled_ids(page) == many_ids


def scrolled_ids(page: Page) -> list[str]:
    """Return the ids of all rows as they are seen from the top to the end."""
    return list(
        page.evaluate("""async () => {
            const grid = document.querySelector(".orders-grid");
            const ids = new Map();
            for (let top = 0; top < grid.scrollHeight; top += 300) {
                grid.scrollTop = top;
                await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
                for (const row of document.querySelectorAll(".order")) {
                    ids.set(Number(row.getAttribute("aria-rowindex")), row.dataset.id);
                }
            }
            return [...ids.entries()].sort(([one], [other]) => one - other).map(([, id]) => id);
        }""")
    )


def test_new_orders_do_not_move_the_row_that_somebody_reads(many: Desk, many_ids: list[str]) -> None:
    page = many.open("orders")
    row = row_of(page, many_ids[40])
    expect(page.locator(".order").first).to_be_visible()
    page.locator(".orders-grid").evaluate("(grid) => (grid.scrollTop = 40 * 40 + 7)")
    row.focus()
    before = row.bounding_box()

    placed = [many.place("limit", **FAR) for _ in range(3)]

    fresh = page.get_by_role("button", name="new")
    expect(fresh).to_have_text("↑ 3 new")
    expect(row).to_be_focused()
    assert row.bounding_box() == before
    fresh.click()
    expect(row_of(page, placed[-1])).to_be_in_viewport()
    many.ask("POST", "/api/orders/cancel", {"order_ids": placed})


def test_new_orders_come_at_the_top_for_a_reader_who_is_there(many: Desk) -> None:
    page = many.open("orders")
    is_live(page)
    expect(page.locator(".order").first).to_be_visible()

    order_id = many.place("limit", **FAR)

    expect(row_of(page, order_id)).to_be_in_viewport()
    expect(row_of(page, order_id)).to_have_attribute("aria-rowindex", "2")
    many.ask("DELETE", f"/api/orders/{order_id}")


def test_everything_is_reached_by_keyboard(mine: Desk) -> None:
    orders = [mine.place("limit", **FAR) for _ in range(3)]
    page = mine.open("orders")
    newest, second = orders[-1], orders[-2]
    expect(row_of(page, newest).get_by_role("button")).to_have_count(2)

    page.get_by_label("Id, or your own id").focus()
    page.keyboard.press("Tab")
    expect(row_of(page, newest)).to_be_focused()
    page.keyboard.press("ArrowDown")
    expect(row_of(page, second)).to_be_focused()
    expect(page.get_by_role("tooltip")).to_contain_text("pending")
    page.keyboard.press("Enter")
    drawer = drawer_of(page)
    expect(drawer.get_by_role("heading", level=2)).to_be_focused()
    for _ in range(12):
        page.keyboard.press("Tab")
        assert page.evaluate(
            "!document.activeElement || document.activeElement === document.body || "
            "Boolean(document.activeElement.closest('dialog.drawer'))"
        )
    page.keyboard.press("Escape")
    expect(drawer).to_be_hidden()
    expect(row_of(page, second)).to_be_focused()
    page.keyboard.press("Home")
    expect(row_of(page, newest)).to_be_focused()
    page.keyboard.press("ArrowRight")
    page.keyboard.press("ArrowRight")
    expect(row_of(page, newest).get_by_role("button", name="Cancel")).to_be_focused()
    page.keyboard.press("Enter")
    expect(status_of(page, newest)).to_have_text("cancelled")
    expect(row_of(page, newest)).to_be_focused()


def test_another_account_s_orders_are_not_shown(mine: Desk, key_of: Callable[[str], str]) -> None:
    own = mine.place("limit", **FAR)
    page = mine.open("orders")
    expect(row_of(page, own)).to_be_visible()
    mine.guard.expect(REFUSED)
    mine.use_key(key_of("other"))
    expect(page.locator(".orders-foot")).to_contain_text("There are no orders yet.")
    is_live(page)

    others = mine.place("limit", **FAR)

    expect(row_of(page, others)).to_be_visible()
    expect(page.locator(".order")).to_have_count(1)
    page.goto(f"{mine.url}/#orders/{own}")
    expect(drawer_of(page)).to_contain_text("There is no such order, or it is another account's.")


def test_without_a_key_nothing_is_asked_for(desk: Desk, key_of: Callable[[str], str]) -> None:
    page = desk.open("orders")
    expect(page.locator(".orders-foot")).to_contain_text("An API key shows the orders of its account.")

    desk.use_key(key_of("mine"))
    order_id = desk.place("limit", **FAR)

    expect(row_of(page, order_id)).to_be_visible()


def test_an_answer_for_the_key_before_comes_to_nobody(mine: Desk, key_of: Callable[[str], str]) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open("orders")
    expect(row_of(page, order_id)).to_be_visible()
    held: list[Route] = []
    over: list[Request] = []
    page.on("requestfinished", lambda request: over.append(request))
    page.on("requestfailed", lambda request: over.append(request))
    own_key = mine.key

    def hold(route: Route) -> None:
        if route.request.headers["authorization"] == f"Bearer {own_key}":
            held.append(route)
        else:
            route.continue_()

    page.route("**/api/orders?*", hold)
    store(page, "({ orders }) => { orders.refresh(); }")
    # Routes are noted while Playwright waits for the page.
    eventually(lambda: page.evaluate("1") == 1 and len(held) > 0)

    mine.use_key(key_of("nobody"))
    for route in held:
        with suppress(Error):  # the page does not wait for it any more
            route.continue_()
    eventually(lambda: page.evaluate("1") == 1 and all(route.request in over for route in held))

    expect(page.locator(".orders-foot")).to_contain_text("There are no orders yet.")
    assert store(page, "({ orders }) => orders.all().length") == 0


SUMMARY = """(number, more) => ({
    order_id: `0198f6d5-7b5c-7f27-b5c7-${String(number).padStart(12, "0")}`, status: "confirmed", sequence: "5",
    created_at: new Date(1e12 + number * 1000).toISOString(), updated_at: new Date(1e12).toISOString(), ...more })"""


def test_the_page_keeps_no_more_orders_than_it_has_room_for(mine: Desk) -> None:
    page = mine.open("trade")

    kept, open_kept, cut = store(
        page,
        f"""({{ orders }}) => {{
            const summary = {SUMMARY};
            orders.put(summary(0, {{ status: "open" }}));
            for (let number = 1; number <= 20_500; number += 1) orders.put(summary(number));
            return [orders.all().length, orders.get(summary(0).order_id)?.status, orders.cut];
        }}""",
    )

    assert 18_000 <= kept <= 20_000
    assert open_kept == "open"
    assert cut.startswith("2001-09-09T02:20")


def test_a_summary_that_is_older_than_an_order_s_events_changes_nothing(mine: Desk) -> None:
    page = mine.open("trade")

    status, steps = store(
        page,
        f"""({{ orders }}) => {{
            const summary = {SUMMARY};
            const step = (status, sequence) => ({{ status, sequence, timestamp: new Date(1e12).toISOString() }});
            orders.put(summary(1, {{ history: [step("submitted", "4"), step("confirmed", "5")] }}));
            orders.put(summary(1, {{ status: "routing", sequence: "2", history: [step("routing", "2")] }}));
            const {{ status, steps }} = orders.get(summary(1).order_id);
            return [status, steps.map((each) => each.sequence)];
        }}""",
    )

    assert status == "confirmed"
    assert steps == ["2", "4", "5"]
