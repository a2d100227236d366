"""The desk of a system that asks for keys: without one, with a wrong one, with a good one, and when it is gone."""

import re

import pytest
from playwright.sync_api import Page, expect

from tests.harness.own_system import OwnSystem
from tests.support.desk import PHONE, VIEWS, Desk, Shape

UNKNOWN = "of_open_7AeQnb2Xk1cT_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG_abcdef"
DENIED = "status of 403|status of 401"


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    """Return the settings of a system that asks for keys."""
    return {"SPEED": "0.1", "AUTH": "keys"}


@pytest.fixture(scope="module")
def key(running: OwnSystem) -> str:
    """Return a key that may do everything but run the engine."""
    return running.add_key("--account=alice", "--permissions=read,trade")


def state_of(page: Page, text: str) -> None:
    expect(page.locator("#link-state")).to_have_text(text)


def notice_of(page: Page, text: str) -> None:
    expect(page.locator("#notice")).to_contain_text(text)


@pytest.mark.parametrize("view", VIEWS)
@pytest.mark.parametrize("shape", [Shape(PHONE)], ids=["phone"])
def test_without_a_key_the_page_asks_for_one_and_nothing_else(desk: Desk, view: str) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))

    page = desk.open(view)

    notice_of(page, "needs an API key")
    expect(page.get_by_label("API key")).to_be_visible()
    assert [url for url in asked if "/api/" in url] == []
    assert desk.overflow() == 0
    assert desk.findings() == []


def test_a_wrong_key_is_refused_and_a_good_one_taken_then(desk: Desk, key: str) -> None:
    desk.guard.expect(DENIED)
    page = desk.open("orders")

    desk.use_key(UNKNOWN)

    state_of(page, "key refused")
    notice_of(page, "This key is refused")
    desk.use_key(key)
    state_of(page, "live")
    expect(page.locator("#notice")).to_be_hidden()


@pytest.mark.parametrize("wrong", ["8UbMeyEaNzBfzvcgMJ5wDtvRQLkFuRQu5Mc1RLAegXqB", "of_secret_8UbMeyEaNzBfzvcg"])
def test_nothing_is_shown_of_what_may_be_a_secret_alone(desk: Desk, wrong: str) -> None:
    desk.guard.expect(DENIED)
    page = desk.open("orders")

    desk.use_key(wrong)

    state_of(page, "key refused")
    expect(page.get_by_label("API key")).to_have_attribute("placeholder", "in use: …")


def test_what_can_not_be_sent_is_no_key_and_the_one_in_use_stays(desk: Desk, key: str) -> None:
    page = desk.open("orders")
    desk.use_key(key)
    state_of(page, "live")

    desk.use_key(f"{key[:-1]}\u2013")

    notice_of(page, "This is no API key")
    expect(page.get_by_label("API key")).to_have_value("")
    state_of(page, "live")


def test_where_the_browser_keeps_nothing_a_key_lasts_as_long_as_the_page(desk: Desk, key: str) -> None:
    desk.page.add_init_script(
        """for (const name of ["localStorage", "sessionStorage"]) {
            Object.defineProperty(window, name, { get() { throw new DOMException("denied", "SecurityError"); } });
        }"""
    )
    page = desk.open("orders")

    desk.use_key(key)

    state_of(page, "live")
    page.get_by_role("button", name="Change between light and dark").click()
    expect(page.locator("html")).to_have_attribute("data-theme", re.compile("light|dark"))


def test_a_key_stays_in_its_tab_and_out_of_every_address(desk: Desk, key: str) -> None:
    asked: list[str] = []
    page = desk.open("trade")
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda socket: asked.append(socket.url))

    desk.use_key(key)
    state_of(page, "live")

    expect(page.get_by_label("API key")).to_have_value("")
    page.reload()
    state_of(page, "live")
    assert any("ticket=" in url for url in asked)
    shown = "".join(asked) + page.url + page.content() + str(page.get_by_label("API key").get_attribute("placeholder"))
    *_, secret, checksum = key.split("_")
    assert secret not in shown
    assert checksum not in shown
    assert page.evaluate("Object.values(localStorage).join()").find(key) < 0
    assert desk.context.cookies() == []
    other = desk.context.new_page()
    other.goto(f"{desk.url}/#trade")
    notice_of(other, "needs an API key")


def test_another_account_s_orders_are_gone_when_the_key_is_forgotten(desk: Desk, key: str) -> None:
    page = desk.open("orders")
    desk.use_key(key)
    state_of(page, "live")
    desk.place("market", amount="7.25")
    expect(page.locator("#view")).to_contain_text("7.25")

    page.get_by_role("button", name="Forget").click()

    notice_of(page, "needs an API key")
    expect(page.locator("#view")).not_to_contain_text("7.25")


def test_a_key_that_is_revoked_ends_what_the_page_shows(desk: Desk, running: OwnSystem) -> None:
    desk.guard.expect(DENIED)
    doomed = running.add_key("--account=bob", "--permissions=read,trade")
    page = desk.open("orders")
    desk.use_key(doomed)
    state_of(page, "live")

    running.keys("revoke", doomed.split("_")[2])

    state_of(page, "key refused")
