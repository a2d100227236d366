"""Acceptance: suites that try a running system from the outside and print what they see."""

from tests.harness.acceptance.command import add_arguments, run
from tests.harness.acceptance.narrator import Narrator
from tests.harness.acceptance.report import AcceptanceReport
from tests.harness.acceptance.runner import SUITES, run_suites

__all__ = ["SUITES", "AcceptanceReport", "Narrator", "add_arguments", "run", "run_suites"]
