"""The desk's frame, which every view stands in: by keyboard, on a phone, in the dark, with and without a network."""

import pytest
from playwright.sync_api import Page, expect

from functions.serve_desk.app import page_files
from tests.support.desk import PHONE, VIEWS, WIDE, Desk, Shape

LOST = "ERR_|WebSocket connection to"


def link_state(page: Page) -> None:
    expect(page.locator("#link-state")).to_have_text("live")


def test_the_page_comes_with_its_files_and_connects(desk: Desk) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))

    page = desk.open()

    expect(page).to_have_title("Trade · Orderflow")
    link_state(page)
    files = [url for url in asked if "/desk/" in url]
    assert len(files) > 5
    assert all(url.startswith(f"{desk.url}/desk/{page_files().version}/") for url in files)


def test_what_is_loaded_again_comes_from_the_browser_itself(desk: Desk) -> None:
    page = desk.open()
    link_state(page)

    page.reload()

    link_state(page)
    loaded = page.evaluate("performance.getEntriesByType('resource').map(({name, transferSize: size}) => [name, size])")
    files = {name: size for name, size in loaded if "/desk/" in name}
    assert len(files) > 5
    assert set(files.values()) == {0}


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_its_address_and_is_shown_in_the_bar(desk: Desk, view: str) -> None:
    page = desk.open(view)

    expect(page).to_have_title(f"{view.capitalize()} · Orderflow")
    current = page.get_by_role("navigation", name="Views").locator("[aria-current=page]")
    expect(current).to_have_text(view.capitalize())


@pytest.mark.parametrize("view", ["elsewhere", "constructor", "__proto__", "toString/valueOf"])
def test_an_address_of_no_view_shows_the_first_one(desk: Desk, view: str) -> None:
    page = desk.open(view)

    expect(page).to_have_title("Trade · Orderflow")
    expect(page.get_by_role("navigation", name="Views").locator("[aria-current=page]")).to_have_text("Trade")


@pytest.mark.parametrize(
    "body",
    [None, 'import { later } from "./dom.js"; export const mount = later;'],
    ids=["can't be had", "does not go with the others"],
)
def test_a_view_that_can_not_be_loaded_says_so_and_comes_with_the_page_again(desk: Desk, body: str | None) -> None:
    page = desk.open("trade")
    link_state(page)
    desk.guard.expect("ERR_|Failed to load")
    lacking = "**/desk/*/market.js"
    page.route(
        lacking,
        lambda route: route.abort() if body is None else route.fulfill(body=body, content_type="text/javascript"),
    )

    page.get_by_role("link", name="Market").click()

    expect(page.get_by_role("alert")).to_contain_text("This view can't be loaded")
    page.unroute(lacking)
    page.get_by_role("button", name="Load the page again").click()
    expect(page).to_have_title("Market · Orderflow")
    expect(page.get_by_role("alert")).to_have_count(0)
    link_state(page)


def test_the_views_are_reached_by_keyboard(desk: Desk) -> None:
    page = desk.open("trade")

    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the content")).to_be_focused()
    for name in ("Orderflow", "Trade", "Orders", "Market"):
        page.keyboard.press("Tab")
        expect(page.get_by_role("link", name=name)).to_be_focused()
    page.keyboard.press("Enter")
    expect(page).to_have_title("Market · Orderflow")
    page.go_back()
    expect(page).to_have_title("Trade · Orderflow")


def test_the_keyboard_skips_the_bar(desk: Desk) -> None:
    page = desk.open("orders")

    page.keyboard.press("Tab")
    page.keyboard.press("Enter")

    expect(page.locator("#view")).to_be_focused()
    expect(page).to_have_title("Orders · Orderflow")


@pytest.mark.parametrize("shape", [Shape(PHONE)], ids=["phone"])
@pytest.mark.parametrize("view", VIEWS)
def test_a_phone_shows_every_view_without_scrolling_sideways(desk: Desk, view: str) -> None:
    page = desk.open(view)
    link_state(page)

    assert desk.overflow() == 0


@pytest.mark.parametrize(
    "shape", [Shape(WIDE, "light"), Shape(PHONE, "dark")], ids=["wide and light", "phone and dark"]
)
@pytest.mark.parametrize("view", VIEWS)
def test_axe_finds_nothing_serious(desk: Desk, view: str) -> None:
    page = desk.open(view)
    link_state(page)

    assert desk.findings() == []


def test_what_axe_would_find_is_found(desk: Desk) -> None:
    page = desk.open()
    page.evaluate("document.querySelector('#theme').removeAttribute('aria-label')")
    page.evaluate("document.querySelector('#theme').textContent = ''")

    assert [finding.split()[0] for finding in desk.findings()] == ["button-name"]


def test_the_colours_are_changed_and_stay_so(desk: Desk) -> None:
    page = desk.open()
    ground = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(ground)

    page.get_by_role("button", name="Change between light and dark").click()

    dark = page.evaluate(ground)
    page.reload()
    page.locator("#view > *").first.wait_for()
    assert light != dark == page.evaluate(ground)


def test_a_connection_that_is_lost_is_regained(desk: Desk) -> None:
    page = desk.open()
    link_state(page)
    desk.guard.expect(LOST)

    desk.end_gateway()

    expect(page.locator("#notice")).to_contain_text("The connection is lost")
    link_state(page)
    expect(page.locator("#notice")).to_be_hidden()


def test_without_a_network_the_page_says_so_until_there_is_one(desk: Desk) -> None:
    page = desk.open()
    link_state(page)
    desk.guard.expect(LOST)

    desk.context.set_offline(True)

    expect(page.locator("#link-state")).to_have_text("connection lost, trying again")
    desk.context.set_offline(False)
    link_state(page)


def test_nothing_but_the_page_s_own_scripts_runs_in_it(desk: Desk) -> None:
    page = desk.open()
    desk.guard.expect("policy: |Content Security Policy|Trusted|TrustedHTML")

    page.evaluate(
        """() => {
            window.refused = 0;
            const attempt = (work) => { try { work(); } catch { window.refused += 1; } };
            const script = document.createElement("script");
            attempt(() => (script.textContent = "window.ran = true"));
            script.append("window.ran = true");
            attempt(() => document.head.append(script));
            attempt(() => (document.body.innerHTML = "<img src=x onerror='window.ran = true'>"));
            attempt(() => document.body.setAttribute("onclick", "window.ran = true"));
            document.body.click();
        }"""
    )

    assert page.evaluate("window.ran") is None
    assert page.evaluate("window.refused") >= 2
    expect(page.locator("#view > *").first).to_be_visible()


def test_a_page_that_asks_another_host_is_found(desk: Desk) -> None:
    page = desk.open()

    with page.expect_console_message(lambda message: message.text.startswith("policy: ")):
        page.evaluate("fetch('https://elsewhere.example/').catch(() => {})")

    assert any("policy: connect-src https://elsewhere.example" in problem for problem in desk.guard.problems)
    desk.guard.expect("elsewhere.example")


def test_what_is_wider_than_the_window_is_found(desk: Desk) -> None:
    page = desk.open()

    page.evaluate("document.getElementById('view').style.width = '1300px'")

    assert desk.overflow() > 0


def test_the_chart_library_works_under_the_page_s_policy(desk: Desk) -> None:
    page = desk.open()

    drawn = page.evaluate(
        """async (version) => {
            await import(`/desk/${version}/lightweight-charts.js`);
            const root = document.getElementById("view").appendChild(document.createElement("div"));
            const chart = window.LightweightCharts.createChart(root, { width: 300, height: 200 });
            chart.addLineSeries().setData([{ time: 1, value: 219.5 }, { time: 2, value: 220.25 }]);
            return root.querySelectorAll("canvas").length;
        }""",
        page_files().version,
    )

    assert drawn > 0
