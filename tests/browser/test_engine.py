"""The view Engine in a browser: figures as they are reported, dead letters redriven or discarded, who may see it."""

import os
import re
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import orjson
import pytest
import redis
from playwright.sync_api import Page, WebSocket, expect

from orderflow.adapters.keys import partition_of
from orderflow.adapters.streams import Streams
from tests.support.desk import PHONE, VIEWS, Desk, Shape
from tests.support.turns import read_new
from tests.support.waiting import eventually

LOST = "ERR_|WebSocket connection to"
COUNTED = re.compile(r"of [1-9]\d* orders? that ended in the last minute")
ERROR = "KeyError: 'no such pool'"


@pytest.fixture(scope="module")
def desk_settings() -> dict[str, str]:
    return {"SPEED": "0.1", "AUTH": "keys"}


@pytest.fixture(scope="module")
def admin_key(running: Any) -> str:
    return str(running.add_key("--permissions=read,trade,admin"))


@contextmanager
def pollers_stopped(desk: Desk) -> Iterator[None]:
    """Have nothing be processed for a while."""
    pollers = [pid for name, pid in desk.system.state["processes"].items() if name.startswith("poller")]
    for pid in pollers:
        os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        for pid in pollers:
            os.kill(pid, signal.SIGCONT)


def give_up(desk: Desk) -> tuple[str, str]:
    """Place an order whose first record is dead-lettered as after its last attempt; return their names."""
    state = desk.system.state
    with redis.Redis.from_url(state["redis_url"], decode_responses=True) as client, pollers_stopped(desk):
        order_id = desk.place()
        partition = partition_of(order_id, state["partitions"])
        streams = Streams(client, partition)
        [entry] = read_new(streams, "route", "route_order")
        streams.dead_letter("route", "route_order", entry, ERROR)
        [(letter, _)] = client.xrevrange(f"{{{partition}}}:dead", count=1)
    return order_id, f"{partition}/{letter}"


def open_with(desk: Desk, key: str) -> Page:
    page = desk.open("engine")
    desk.use_key(key)
    return page


def tile(page: Page, name: str) -> str:
    return page.locator(f"[data-figure={name}] .value").inner_text()


def test_a_key_without_admin_is_refused_in_words(desk: Desk) -> None:
    page = open_with(desk, desk.system.add_key("--permissions=read,trade"))

    expect(page.get_by_role("heading", name="The engine is not shown")).to_be_visible()
    expect(page.locator("main")).to_contain_text("permission admin")
    expect(page.get_by_role("heading", name="Dead letters")).to_be_hidden()


@pytest.mark.parametrize("view", VIEWS)
def test_without_a_key_nothing_is_asked_for_and_nothing_is_said_to_come(desk: Desk, view: str) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))

    page = desk.open(view)

    expect(page.locator("#notice")).to_contain_text("needs an API key")
    expect(page.locator("#link-state")).to_have_text("not connected")
    if view in ("market", "engine"):
        expect(page.locator(".freshness")).to_have_text("an API key is needed")
    expect(page.get_by_text("No launch is announced or open.")).to_be_hidden()
    assert not [url for url in asked if "/api/" in url]


def test_a_key_is_given_for_one_ticket(desk: Desk, admin_key: str) -> None:
    asked: list[str] = []
    desk.page.on("request", lambda request: asked.append(request.url))

    page = open_with(desk, admin_key)

    expect(page.locator(".freshness")).to_have_text("up to date")
    assert len([url for url in asked if url.endswith("/api/sockets/tickets")]) == 1


@pytest.mark.parametrize("view", ["market", "engine"])
def test_a_key_that_may_not_read_is_no_lost_connection(desk: Desk, view: str) -> None:
    desk.guard.expect("403")
    page = desk.open(view)

    desk.use_key(desk.system.add_key("--permissions=trade"))

    expect(page.locator("#link-state")).to_have_text("key refused")
    expect(page.locator(".freshness")).to_have_text("refused: this key is unknown, has ended, or may not read")
    expect(page.get_by_text("No launch is announced or open.")).to_be_hidden()


def test_the_figures_are_those_of_the_reports(desk: Desk, admin_key: str) -> None:
    reports: list[dict[str, Any]] = []

    def listen(socket: WebSocket) -> None:
        socket.on("framereceived", lambda text: reports.extend(reports_of(text)))

    desk.page.on("websocket", listen)
    page = open_with(desk, admin_key)
    expect(page.locator(".freshness")).to_have_text("up to date")

    desk.place("limit", limit_price="1000")
    expect(page.locator("[data-figure=resting] .value")).to_have_text("1")
    # It is counted from when each process has noticed that somebody looks.
    eventually(lambda: bool(desk.place() and COUNTED.search(page.locator("main").inner_text())))
    expect(page.locator("[data-figure=redis] .value")).to_have_text("ok")
    expect(page.locator("[data-figure=postgres] .value")).to_have_text("ok")
    figures = ("placed", "ended", "p50", "p99", "sockets", "retries", "slot")
    shown = {name: tile(page, name).replace(",", "") for name in figures}
    said = [{**report["latency_ms"], **report["orders_per_second"], **report} for report in reports]
    assert any(shown == {name: str(report[name]) for name in figures} for report in said)
    streams = page.get_by_role("region", name="Table of the streams").get_by_role("row")
    expect(streams).to_have_count(len(reports[-1]["streams"]) + 1)
    stages = page.locator(".stages li").all_inner_texts()
    assert [text.split()[0] for text in stages] == list(reports[-1]["in_flight"])
    served = page.locator(".sources").inner_text()
    assert set(re.findall(r"\b(?:p\d+|chain)\b", served)) == {each["partition"] for each in reports[-1]["streams"]}
    assert page.locator(".flow-lines path").first.get_attribute("d")


def reports_of(text: str | bytes) -> list[dict[str, Any]]:
    frame = orjson.loads(text)
    return [frame["engine"]] if "engine" in frame else []


def test_a_dead_letter_that_is_redriven_goes_on(desk: Desk, admin_key: str) -> None:
    page = open_with(desk, admin_key)
    order_id, letter = give_up(desk)
    row = page.get_by_role("row").filter(has_text=letter)
    expect(row).to_contain_text(ERROR)
    expect(row).to_contain_text("pending")
    assert row.get_by_role("link").get_attribute("href") == f"#orders/{order_id}"
    expect(page.locator("[data-figure=dead_letters] .value")).to_have_text("1")

    row.get_by_role("button", name="Redrive").click()
    page.get_by_role("dialog").get_by_role("button", name="Redrive").click()

    expect(page.get_by_role("status").filter(has_text=letter)).to_have_text(f"{letter} is on its stream again.")
    expect(row).to_have_count(0)
    eventually(lambda: desk.ask("GET", f"/api/orders/{order_id}")["status"] == "confirmed")
    expect(page.locator("[data-figure=dead_letters] .value")).to_have_text("0")


def test_a_letter_of_an_order_that_has_ended_is_discarded_by_keyboard(desk: Desk, admin_key: str) -> None:
    page = open_with(desk, admin_key)
    order_id, letter = give_up(desk)
    desk.ask("DELETE", f"/api/orders/{order_id}")
    row = page.get_by_role("row").filter(has_text=letter)
    desk.guard.expect("409")

    row.get_by_role("button", name="Redrive").press("Enter")
    page.keyboard.press("Enter")

    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("has cancelled; discard the letter")
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    row.get_by_role("button", name="Discard").press("Enter")
    page.keyboard.press("Enter")
    expect(page.get_by_role("status").filter(has_text=letter)).to_have_text(f"{letter} is deleted.")
    expect(row).to_have_count(0)
    expect(page.get_by_role("heading", name="Dead letters")).to_be_focused()


def test_what_is_shown_is_marked_as_old_until_the_connection_is_back(desk: Desk, admin_key: str) -> None:
    page = open_with(desk, admin_key)
    expect(page.locator(".freshness")).to_have_text("up to date")
    desk.guard.expect(LOST)

    desk.end_gateway()

    expect(page.locator(".freshness")).to_contain_text("out of date")
    expect(page.locator(".freshness")).to_have_text("up to date")


@pytest.mark.parametrize("shape", [Shape(PHONE, "dark"), Shape()], ids=["phone and dark", "wide and light"])
def test_it_fits_the_window_and_axe_finds_nothing_serious(desk: Desk, admin_key: str) -> None:
    page = open_with(desk, admin_key)
    _, letter = give_up(desk)
    expect(page.get_by_role("row").filter(has_text=letter)).to_be_visible()

    assert desk.overflow() == 0
    assert desk.findings() == []
