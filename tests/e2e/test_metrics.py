"""A scrape of a running system, as its start says it is made: all its processes in one, and the numbers add up."""

import os
import re
import signal
import subprocess
from collections.abc import Callable

import pytest

from local.settings import ROOT
from local.template import read_template
from orderflow.domain.status import Status
from tests.harness.own_system import OwnSystem
from tests.support.kept_metrics import Scraped
from tests.support.placed_orders import place_many
from tests.support.waiting import eventually

ORDERS = 40
STEPS = ("route_order", "build_order", "submit_order", "produce_block", "confirm_order")
STATUSES = len([Status.PENDING, Status.ROUTING, Status.BUILDING, Status.SUBMITTED, Status.CONFIRMED])


def scrape(run: OwnSystem) -> Scraped:
    """Scrape with the very command that the system has printed."""
    *_, said = re.findall(r"^ +metrics +(curl .*)$", run.output.read_text(), re.M)
    command = ["bash", "-c", f"{said} --silent --show-error --fail"]
    return Scraped(subprocess.run(command, capture_output=True, text=True, check=True, timeout=30).stdout)


@pytest.fixture
def run(new_run: Callable[..., OwnSystem]) -> OwnSystem:
    system = new_run(SPEED="0", DROP_RATE="0", WORKERS="3")
    system.start()
    return system


def handled(scraped: Scraped) -> dict[str, float]:
    return dict(scraped.by("orderflow_records_total", "service"))


def test_each_order_counts_once_at_each_stage_and_nothing_waits_in_the_end(run: OwnSystem) -> None:
    first = scrape(run)
    streams = {each.stream for each in read_template(ROOT / "template.yaml").event_sources}
    assert first.by("orderflow_lag", "stream").keys() == streams
    assert handled(first) == {}

    place_many(run.url, ORDERS)
    eventually(lambda: handled(scrape(run)).get("record_order") == ORDERS * STATUSES)
    eventually(lambda: sum(scrape(run).by("orderflow_lag", "stream").values()) == 0)

    last = scrape(run)
    assert {name: handled(last)[name] for name in STEPS} == dict.fromkeys(STEPS, ORDERS)
    assert handled(last)["publish_status"] == ORDERS * STATUSES
    assert last.by("orderflow_steps_total", "service") == {"record_order": ORDERS * STATUSES}
    assert last.by("orderflow_elapsed_seconds_count", "service").keys() == handled(last).keys()
    assert last.by("orderflow_failures_total", "service") == {}
    assert sum(last.by("orderflow_age_seconds", "stream").values()) == 0
    assert sum(last.by("orderflow_dead_letters", "partition").values()) == 0
    placed = {"method": "POST", "route": "/api/orders/execute", "status": "202"}
    assert last.value("orderflow_request_seconds_count", **placed) == ORDERS
    assert (last.value("orderflow_slot") or 0) > (first.value("orderflow_slot") or 0)
    assert last.by("orderflow_store_up", "store") == {"redis": 1, "postgres": 1}


def test_what_a_poller_has_counted_stays_when_it_is_killed_and_the_next_run_begins_anew(run: OwnSystem) -> None:
    place_many(run.url, ORDERS)
    eventually(lambda: handled(scrape(run)).get("record_order") == ORDERS * STATUSES)
    for name in [name for name in run.state["processes"] if name.startswith("poller")]:
        os.kill(run.pid(name), signal.SIGKILL)

    after = handled(scrape(run))
    place_many(run.url, ORDERS)
    eventually(lambda: handled(scrape(run)).get("confirm_order", 0) >= 2 * ORDERS)
    run.stop()
    secret_was_kept = (run.home / "metrics" / "secret").exists()
    run.start()

    assert after["confirm_order"] == ORDERS
    assert not secret_was_kept
    assert handled(scrape(run)) == {}
