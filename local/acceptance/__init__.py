"""Acceptance: suites that try a running system from the outside and tell what they see."""

from local.acceptance.command import add_arguments, run
from local.acceptance.narrator import Narrator
from local.acceptance.report import Report
from local.acceptance.runner import SUITES, run_suites

__all__ = ["SUITES", "Narrator", "Report", "add_arguments", "run", "run_suites"]
