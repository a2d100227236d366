"""The end-to-end tests that need nothing but a base URL, with that of compose."""

from tests.e2e.test_acceptance import test_acceptance_suite_holds
from tests.e2e.test_readme import test_every_line_works_as_printed_after_the_ones_before_it

__all__ = ["test_acceptance_suite_holds", "test_every_line_works_as_printed_after_the_ones_before_it"]
