"""chaos/nemesis/handler_faults.py: a stage that is added to the template is hit by faults without an edit."""

from local.settings import ROOT
from tests.harness.chaos.nemesis.handler_faults import functions

ANSWER_REQUESTS = {
    "authorize_request",
    "accept_order",
    "change_orders",
    "issue_ticket",
    "read_orders",
    "serve_desk",
    "tend_dead_letters",
    "watch_order",
}
"""Functions that read no stream."""
NOBODY_ASKS = {"publish_reports"}


def test_faults_can_hit_every_function_that_reads_a_stream() -> None:
    folders = {path.parent.name for path in (ROOT / "functions").glob("*/handler.py")}

    assert set(functions()) == folders - ANSWER_REQUESTS - NOBODY_ASKS
