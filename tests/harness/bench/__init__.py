"""The bench: drives a system with orders and says how fast it is, what it costs and whether anything was lost."""

from tests.harness.bench.arguments import add_arguments
from tests.harness.bench.command import run

__all__ = ["add_arguments", "run"]
