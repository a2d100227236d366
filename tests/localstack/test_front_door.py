"""The acceptance suites against functions that LocalStack's Lambda runs."""

from tests.e2e.test_acceptance import test_acceptance_suite_holds

__all__ = ["test_acceptance_suite_holds"]
