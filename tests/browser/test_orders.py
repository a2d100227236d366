"""The view Orders in a browser: orders are seen live and changed in place, each with its drawer."""

import json
import re

import pytest
from playwright.sync_api import Route, WebSocketRoute, expect

from tests.support.desk import PHONE, WIDE, Desk, Shape
from tests.support.desk_orders import (
    FAR,
    LOST,
    REFUSED,
    SETTINGS,
    amending,
    cell_of,
    drawer_of,
    is_live,
    row_of,
    status_of,
)
from tests.support.waiting import eventually

UNKNOWN = "0198f6d5-7b5c-7f27-b5c7-0f3f2b7c9a10"


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return SETTINGS


def test_an_order_is_seen_from_its_first_step_to_its_end(mine: Desk) -> None:
    page = mine.open("orders")
    is_live(page)

    order_id = mine.place(amount="1.25")

    expect(status_of(page, order_id)).to_have_text("confirmed")
    expect(cell_of(page, order_id, "filled")).to_have_text("1.25")
    words = r"pending .* → routing .* → building .* → submitted .* → confirmed"
    expect(row_of(page, order_id).locator(".steps")).to_have_attribute("aria-label", re.compile(words))
    price = mine.ask("GET", f"/api/orders/{order_id}")["execution_price"]
    expect(cell_of(page, order_id, "price")).to_have_text(str(price))


def test_numbers_are_shown_with_every_digit(mine: Desk) -> None:
    page = mine.open("orders")
    is_live(page)

    order_id = mine.place("limit", amount="1234567.123456789", limit_price="4321.12345678901234")

    expect(cell_of(page, order_id, "price")).to_have_text("≥ 4,321.12345678901234")
    expect(cell_of(page, order_id, "trade")).to_contain_text("1,234,567.123456789 SOL → USDC")


def test_an_order_that_rests_says_how_far_it_is_from_its_trigger(mine: Desk) -> None:
    order_id = mine.place("stop_loss", trigger_price="150")

    page = mine.open("orders")

    expect(cell_of(page, order_id, "note")).to_contain_text(re.compile(r"\d %"))
    expect(cell_of(page, order_id, "price")).to_have_text("≤ 150")


def test_an_order_is_cancelled_in_its_row(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open("orders")

    row_of(page, order_id).get_by_role("button", name="Cancel").click()

    expect(status_of(page, order_id)).to_have_text("cancelled")
    expect(row_of(page, order_id).get_by_role("button")).to_have_count(0)
    assert mine.ask("GET", f"/api/orders/{order_id}")["status"] == "cancelled"


def test_a_cancel_that_comes_too_late_says_what_the_order_has_become(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open("orders")
    mine.guard.expect(REFUSED)

    def execute_before(route: Route) -> None:
        if route.request.method == "DELETE":
            mine.ask("PATCH", f"/api/orders/{order_id}", {"limit_price": "1"})
            eventually(lambda: mine.ask("GET", f"/api/orders/{order_id}")["status"] == "confirmed")
        route.continue_()

    page.route(f"**/api/orders/{order_id}", execute_before)
    row_of(page, order_id).get_by_role("button", name="Cancel").click()

    expect(page.locator(".orders-said")).to_contain_text("can't be cancelled: it is confirmed by now")
    expect(status_of(page, order_id)).to_have_text("confirmed")


def test_an_order_is_amended_in_its_row(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open("orders")

    form = amending(page, order_id)
    form.get_by_label("Limit price").fill("401.000000000000001")
    form.get_by_label("Amount").fill("2.5")
    form.get_by_label("Expires").fill("2027-01-02T03:04:05")
    form.get_by_role("button", name="Amend").click()

    expect(cell_of(page, order_id, "price")).to_have_text("≥ 401.000000000000001")
    expect(row_of(page, order_id)).to_be_focused()
    order = mine.ask("GET", f"/api/orders/{order_id}")
    assert (order["amount"], order["expires_at"]) == ("2.5", "2027-01-02T03:04:05.000Z")


def test_one_leg_of_an_oco_is_amended_alone(mine: Desk) -> None:
    order_id = mine.place("oco", take_profit={"trigger_price": "400"}, stop_loss={"trigger_price": "100"})
    page = mine.open("orders")

    form = amending(page, order_id)
    form.get_by_label("Stop loss, trigger price").fill("110")
    form.get_by_role("button", name="Amend").click()

    expect(cell_of(page, order_id, "price")).to_have_text("≥ 400 or ≤ 110")


def test_what_a_type_lets_be_amended_is_amended(mine: Desk) -> None:
    stop = mine.place("stop_loss", trigger_price="120")
    twap = mine.place("twap", amount="10", slices=5, interval=3600)
    least = mine.place("limit", min_amount_out="900")
    any_launch = {"token_in": "USDC", "amount": "50", "order_type": "sniper", "target": {"any": True}}
    sniper = mine.ask("POST", "/api/orders/execute", any_launch)["order_id"]
    changes: dict[str, dict[str, str]] = {
        stop: {"Trigger price": "110", "Limit price": "105"},
        twap: {"Amount": "12", "Limit price": "100"},
        least: {"Amount": "2", "Least received": "1800.5"},
        sniper: {"Priority": "turbo", "Liquidity burned": "yes", "Least liquidity": "1000.25"},
    }
    page = mine.open("orders")

    for order_id, fields in changes.items():
        form = amending(page, order_id)
        for label, value in fields.items():
            field = form.get_by_label(label)
            if label in ("Priority", "Liquidity burned"):
                field.select_option(value)
            else:
                field.fill(value)
        form.get_by_role("button", name="Amend").click()
        expect(form).to_be_hidden()

    after = {order_id: mine.ask("GET", f"/api/orders/{order_id}") for order_id in changes}
    assert (after[stop]["trigger_price"], after[stop]["limit_price"]) == ("110", "105")
    assert (after[twap]["amount"], after[twap]["limit_price"]) == ("12", "100")
    assert (after[least]["amount"], after[least]["min_amount_out"]) == ("2", "1800.5")
    assert after[sniper]["priority"] == "turbo"
    assert after[sniper]["filters"] == {"lp_burned": True, "min_liquidity": "1000.25"}


def test_the_rule_that_an_amendment_breaks_is_at_its_field(mine: Desk) -> None:
    order_id = mine.place("trailing_stop", trail_bps=500)
    page = mine.open("orders")
    mine.guard.expect(REFUSED)

    form = amending(page, order_id)
    form.get_by_label("Trail").fill("1")
    form.get_by_role("button", name="Amend").click()

    expect(form.locator("#amend-trail_bps-rule")).to_have_text("must be a whole number from 50 to 9000")
    expect(form.get_by_label("Trail")).to_be_focused()
    form.get_by_label("Trail").fill("much")
    form.get_by_role("button", name="Amend").click()
    expect(form.locator("#amend-trail_bps-rule")).to_have_text("must be a decimal number")


def test_an_amendment_of_an_order_that_has_taken_a_step_is_asked_for_again(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open("orders")
    mine.guard.expect(REFUSED)
    form = amending(page, order_id)

    mine.ask("PATCH", f"/api/orders/{order_id}", {"amount": "3"})
    form.get_by_label("Limit price").fill("402")
    form.get_by_role("button", name="Amend").click()

    expect(form.get_by_role("alert")).to_contain_text("has taken a step since: it is open by now")
    form.get_by_role("button", name="Amend all the same").click()
    expect(cell_of(page, order_id, "price")).to_have_text("≥ 402")
    assert mine.ask("GET", f"/api/orders/{order_id}")["amount"] == "3"


def test_a_link_opens_the_drawer_with_all_that_is_known(mine: Desk) -> None:
    order_id = mine.place(amount="50", client_order_id="by-its-link")
    eventually(lambda: mine.ask("GET", f"/api/orders/{order_id}")["status"] == "confirmed")
    order = mine.ask("GET", f"/api/orders/{order_id}")

    page = mine.open(f"orders/{order_id}")

    drawer = drawer_of(page)
    expect(drawer.get_by_role("heading", name="market: 50 SOL → USDC")).to_be_visible()
    for leg in order["route"]["legs"]:
        expect(drawer.locator("[data-part='Route']")).to_contain_text(leg["pool"])
        expect(drawer.locator("[data-part='Fills']")).to_contain_text(leg["pool"])
    for quote in order["route"]["quotes"]:
        expect(drawer.locator("[data-part='Route']")).to_contain_text(quote["venue"])
    expect(drawer.locator("[data-part='Transaction']")).to_contain_text(order["tx_hash"])
    expect(drawer.locator("[data-part='Order']")).to_contain_text("by-its-link")
    steps = drawer.locator("[data-part='History'] tbody .status").all_inner_texts()
    assert steps == [event["status"] for event in order["history"]]


def test_the_drawer_follows_its_order(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open(f"orders/{order_id}")
    drawer = drawer_of(page)
    expect(drawer.locator("[data-part='Why it rests']")).to_contain_text("%")
    expect(drawer.locator("[data-part='Order']")).to_contain_text("till cancelled")

    drawer.get_by_role("button", name="Cancel the order").click()

    expect(drawer.locator(".drawer-title .status")).to_have_text("cancelled")
    expect(drawer.locator("[data-part='Why it rests']")).to_be_hidden()
    expect(drawer.locator("[data-part='History'] tbody tr")).to_have_count(3)


def test_an_order_that_is_not_there_has_a_drawer_that_says_so(mine: Desk) -> None:
    mine.guard.expect(REFUSED)

    page = mine.open(f"orders/{UNKNOWN}")

    expect(drawer_of(page)).to_contain_text("There is no such order, or it is another account's.")
    page.keyboard.press("Escape")
    expect(drawer_of(page)).to_be_hidden()
    expect(page).to_have_url(re.compile("#orders$"))


def test_slices_and_their_parent_are_linked(mine: Desk) -> None:
    order_id = mine.place("twap", amount="4", slices=2, interval=1)
    eventually(lambda: mine.ask("GET", f"/api/orders/{order_id}")["status"] == "confirmed")
    children = mine.ask("GET", f"/api/orders/{order_id}")["children"]
    page = mine.open(f"orders/{order_id}")
    drawer = drawer_of(page)
    family = drawer.locator("[data-part='Related orders']")
    expect(family.get_by_role("link")).to_have_text(children)

    family.get_by_role("link", name=children[1]).click()

    expect(drawer.locator("code")).to_have_text(children[1])
    expect(family.get_by_role("link")).to_have_text([order_id])
    page.go_back()
    expect(drawer.locator("code")).to_have_text(order_id)


def test_nothing_is_missing_after_the_connection_was_lost(mine: Desk) -> None:
    resting = mine.place("limit", **FAR)
    page = mine.open("orders")
    is_live(page)
    expect(status_of(page, resting)).to_have_text("open")
    mine.guard.expect(LOST)

    mine.context.set_offline(True)
    expect(page.locator("#orders-stale")).to_contain_text(re.compile(r"as it was at \d\d:\d\d:\d\d"))
    mine.ask("DELETE", f"/api/orders/{resting}")
    placed = [mine.place(amount=f"1.{place}") for place in range(5)]
    mine.context.set_offline(False)

    expect(page.locator("#orders-stale")).to_be_hidden()
    expect(status_of(page, resting)).to_have_text("cancelled")
    for order_id in placed:
        expect(status_of(page, order_id)).to_have_text("confirmed")


def test_an_open_drawer_says_that_it_is_not_live(mine: Desk) -> None:
    order_id = mine.place("limit", **FAR)
    page = mine.open(f"orders/{order_id}")
    drawer = drawer_of(page)
    expect(drawer.locator("[data-part='Why it rests']")).to_be_visible()
    is_live(page)
    mine.guard.expect(LOST)

    mine.context.set_offline(True)
    expect(drawer.get_by_role("status")).to_contain_text("The connection is lost")
    mine.ask("DELETE", f"/api/orders/{order_id}")
    mine.context.set_offline(False)

    expect(drawer.locator(".drawer-title .status")).to_have_text("cancelled")
    expect(drawer.get_by_role("status")).to_be_empty()


def test_all_is_read_again_where_events_are_missing(mine: Desk) -> None:
    sockets: list[WebSocketRoute] = []

    def drop_events(socket: WebSocketRoute) -> None:
        server = socket.connect_to_server()
        server.on_message(lambda text: None if '"event"' in str(text) else socket.send(text))
        sockets.append(socket)

    order_id = mine.place("limit", **FAR)
    mine.page.route_web_socket("**/api/orders/status*", drop_events)
    page = mine.open("orders")
    is_live(page)
    expect(status_of(page, order_id)).to_have_text("open")
    mine.ask("DELETE", f"/api/orders/{order_id}")
    unheard = mine.place(amount="1.5")

    gap = "events are missing that are not kept any more; subscribe again"
    sockets[-1].send(json.dumps({"channel": "orders", "error": gap}))

    expect(status_of(page, order_id)).to_have_text("cancelled")
    expect(status_of(page, unheard)).to_have_text("confirmed")


SHAPES = [Shape(PHONE, "light"), Shape(PHONE, "dark"), Shape(WIDE, "dark")]


@pytest.mark.parametrize("shape", SHAPES, ids=["phone", "phone and dark", "wide and dark"])
def test_the_list_the_drawer_and_the_form_fit_and_are_accessible(mine: Desk) -> None:
    order_id = mine.place("oco", take_profit={"trigger_price": "400"}, stop_loss={"trigger_price": "100"})
    page = mine.open("orders")
    expect(cell_of(page, order_id, "note")).to_contain_text("%")

    assert mine.overflow() == 0
    assert mine.findings() == []
    row_of(page, order_id).locator(".cell-trade").click()
    drawer = drawer_of(page)
    expect(drawer.locator("[data-part='History']")).to_be_visible()
    assert mine.overflow() == 0
    assert (
        drawer.evaluate("(drawer) => drawer.firstElementChild.scrollWidth - drawer.firstElementChild.clientWidth") == 0
    )
    assert mine.findings() == []
    drawer.get_by_role("button", name="Amend").click()
    expect(page.locator("dialog.amend")).to_be_visible()
    assert mine.overflow() == 0
    assert mine.findings() == []
