"""`python -m tests.harness bench desk`: how long the page's frames take while a thousand orders change.

A system of its own serves the page and has the orders, which rest; what happens to them comes from a socket that makes
it up at a steady rate. Nothing in the page is of the measurement but what counts its frames. On a machine that is busy
with something else only the main thread's time means anything.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from playwright.sync_api import Page
from rich.console import Console

from tests.harness.bench.desk_feed import Feed, serving
from tests.harness.own_system import own_system
from tests.harness.tables import table_of_figures
from tests.harness.timings import Timings
from tests.support.chromium import chromium
from tests.support.desk import Desk, Shape
from tests.support.ports import free_port

ORDERS, RATE, SECONDS = 1_000, 200.0, 20.0
BUDGET_MS = 50.0
AT_ONCE = 100
READY_S = 60.0
_WATCH = """() => {
    const seen = (window.benchSeen = { frames: [], long: [] });
    const observer = new PerformanceObserver((list) => seen.long.push(...list.getEntries().map((e) => e.duration)));
    observer.observe({ type: "longtask" });
    let last = performance.now();
    const count = (now) => {
        seen.frames.push(now - last);
        last = now;
        seen.request = requestAnimationFrame(count);
    };
    seen.request = requestAnimationFrame(count);
}"""
_LOAD_ALL = """async (module) => {
    const { orders } = await import(module);
    let cursor = "";
    do ({ nextCursor: cursor } = await orders.load({ open: "true", cursor: cursor ?? "" }));
    while (cursor);
    return orders.all().length;
}"""
_KNOWN = """async (module) => {
    const { orders } = await import(module);
    return Object.fromEntries(orders.all().map(({ order_id: id, sequence }) => [id, Number(sequence)]));
}"""


class Busy(NamedTuple):
    """Shares of the time in which the page's main thread did anything, ran scripts, and laid out."""

    tasks: float
    scripts: float
    layout: float


@dataclass(frozen=True, slots=True)
class DeskResult:
    """What was measured of a view: frames, from one to the next; tasks longer than 50 ms; what reached the page."""

    view: str
    orders: int
    sent_per_s: float
    frames_ms: Timings
    long_tasks_ms: Timings
    busy: Busy
    missed: int

    @property
    def reached(self) -> bool:
        """Whether all orders were there, all events have arrived, and 99 of 100 frames came in time."""
        return self.missed == 0 and self.orders >= ORDERS and 0 < self.frames_ms.p99 <= BUDGET_MS


def run_desk(
    say: Callable[[str], None], seconds: float = SECONDS, views: Sequence[str] = ("orders", "trade")
) -> list[DeskResult]:
    """Measure views for so long each: that of all orders, and the ticket, beside which the account's orders change."""
    results = []
    for view in views:
        port = free_port()
        # At a price that never comes, with a clock that stands still: nothing happens to them but what is made up.
        settings = {"SPEED": "0", "CLOCK": "manual", "SOCKET_URL": f"ws://127.0.0.1:{port}/"}
        with own_system(settings, own_servers=True) as system, chromium() as browser:
            system.start()
            desk = Desk(browser, system, Shape())
            ids = place_limits(desk, ORDERS)
            say(f"{view}: {len(ids):,} orders rest; {RATE:g} of their events a second for {seconds:g} s")
            feed = Feed(ids, RATE)
            with serving(feed.serve, port):
                results.append(_measure(desk, view, feed, seconds))
                desk.close()
    return results


def place_limits(desk: Desk, count: int) -> list[str]:
    """Place limit orders whose price is far, past the page, and return their ids."""
    order = {"token_in": "SOL", "token_out": "USDC", "amount": "1", "order_type": "limit", "limit_price": "9000"}
    ids: list[str] = []
    while len(ids) < count:
        batch = [order] * min(AT_ONCE, count - len(ids))
        ids += [
            each["order"]["order_id"] for each in desk.ask("POST", "/api/orders/batch", {"orders": batch})["results"]
        ]
    return ids


def _measure(desk: Desk, view: str, feed: Feed, seconds: float) -> DeskResult:
    page = desk.open(view)
    script = page.locator('script[type="module"]').get_attribute("src") or ""
    store = script.replace("desk.js", "order_store.js")
    orders = _all_known(page, store)
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    before = _metrics(session.send("Performance.getMetrics"))
    page.evaluate(_WATCH)
    begun = time.monotonic()
    feed.run(seconds)
    elapsed = time.monotonic() - begun
    seen = page.evaluate("() => (cancelAnimationFrame(benchSeen.request), benchSeen)")
    after = _metrics(session.send("Performance.getMetrics"))
    missed = _missed(page, store, feed)
    shares = ((after[name] - before[name]) / elapsed for name in ("TaskDuration", "ScriptDuration", "LayoutDuration"))
    return DeskResult(
        view,
        orders,
        feed.sent / elapsed,
        Timings.of(seen["frames"][1:]),
        Timings.of(seen["long"]),
        Busy(*shares),
        missed,
    )


def _all_known(page: Page, store: str) -> int:
    """Have the page read all orders, as soon as the ledger has them, and return how many it knows."""
    deadline = time.monotonic() + READY_S
    while (known := int(page.evaluate(_LOAD_ALL, store))) < ORDERS and time.monotonic() < deadline:
        page.wait_for_timeout(500)
    return known


def _missed(page: Page, store: str, feed: Feed) -> int:
    """Return of how many orders the page lacks the last event, once it has had some time."""
    sent, deadline = feed.sequences(), time.monotonic() + 10
    while True:
        known: dict[str, int] = page.evaluate(_KNOWN, store)
        missed = sum(known.get(order_id) != sequence for order_id, sequence in sent.items())
        if not missed or time.monotonic() > deadline:
            return missed
        page.wait_for_timeout(100)


def _metrics(answer: dict[str, Any]) -> dict[str, float]:
    return {each["name"]: each["value"] for each in answer["metrics"]}


def show(results: Sequence[DeskResult], console: Console) -> None:
    """Print what was measured."""
    table = table_of_figures("", *(f"view {each.view}" for each in results))
    rows: dict[str, Callable[[DeskResult], str]] = {
        "orders that the page knows": lambda each: f"{each.orders:,}",
        "events a second": lambda each: f"{each.sent_per_s:.0f}",
        "frame at the median": lambda each: f"{each.frames_ms.p50:.1f} ms",
        "99 of 100 frames within": lambda each: f"{each.frames_ms.p99:.1f} ms",
        "longest frame": lambda each: f"{each.frames_ms.maximum:.1f} ms",
        "tasks longer than 50 ms": lambda each: f"{each.long_tasks_ms.count}",
        "main thread busy": lambda each: f"{each.busy.tasks:.0%}",
        "of that with scripts": lambda each: f"{each.busy.scripts:.0%}",
        "with layout": lambda each: f"{each.busy.layout:.0%}",
        "orders that lack their last event": lambda each: f"{each.missed}",
    }
    for label, figure in rows.items():
        table.add_row(label, *map(figure, results))
    console.print(table)
