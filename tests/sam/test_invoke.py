"""`sam local invoke` of every function with its events in tests/events, whose orders nobody knows."""

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.settings import ROOT
from local.template import read_template
from tests.support.builders import ORDER_ID
from tests.support.programs import Programs
from tests.support.sam import Sam
from tests.support.services import Services, start_services

TEMPLATE = read_template(ROOT / "template.yaml")
EVENTS = [path.stem for path in (ROOT / "tests/events").glob("*.json")]

Invoke = Callable[[str], Any]


@pytest.fixture(scope="module")
def own_services(engine: None, directory: Path, background: Programs) -> Services:
    return start_services(background, directory / "invoke")


@pytest.fixture(scope="module")
def invoke(sam: Sam, own_services: Services) -> Iterator[Invoke]:
    """Lend a way to the answers; two at a time are waited for, since each container waits for much itself."""

    def run(event: str) -> Any:
        function = TEMPLATE.function(event.partition(".")[0])
        path = Path("tests", "events", f"{event}.json")
        done = sam.invoke(function.logical_id, path, own_services.environment())
        assert done.returncode == 0, done.stderr
        assert done.stdout, done.stderr
        return json.loads(done.stdout)

    with ThreadPoolExecutor(2) as pool:
        # record_order, which makes the order known to the ledger, last.
        answers = {event: pool.submit(run, event) for event in sorted(EVENTS, key="record_order".__eq__)}
        yield lambda event: answers[event].result()


@pytest.mark.parametrize(
    ("event", "status", "says"),
    [
        ("accept_order.execute", 202, "pending"),
        ("change_orders.amend", 404, f"there is no order {ORDER_ID}"),
        ("change_orders.cancel", 404, f"there is no order {ORDER_ID}"),
        ("change_orders.cancel_each", 207, f"there is no order {ORDER_ID}"),
        ("issue_ticket.issue", 201, "ticket"),
        ("read_orders.get_quote", 200, "minimum_out"),
        ("read_orders.get_order", 404, f"there is no order {ORDER_ID}"),
        ("tend_dead_letters.list", 200, "dead_letters"),
        ("tend_dead_letters.redrive", 404, "there is no dead letter"),
        ("watch_order.connect", 200, ""),
        ("watch_order.default", 200, "unknown order"),
        ("watch_order.disconnect", 200, ""),
    ],
)
def test_an_event_of_an_api_is_answered_as_its_client_would_be(
    invoke: Invoke, event: str, status: int, says: str
) -> None:
    answer = invoke(event)

    assert answer["statusCode"] == status
    assert says in answer["body"]


def test_transactions_that_have_not_landed_are_to_be_asked_for_again(invoke: Invoke) -> None:
    failures = invoke("confirm_order")["batchItemFailures"]

    assert len(failures) == 2
    assert all("has not landed yet" in failure["error"] for failure in failures)


@pytest.mark.parametrize(
    "event", ["route_order", "build_order", "submit_order", "produce_block", "publish_status", "record_order"]
)
def test_orders_that_nobody_knows_are_done_with(invoke: Invoke, event: str) -> None:
    assert invoke(event) == {"batchItemFailures": []}
