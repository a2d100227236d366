"""The acceptance suites as a stranger runs them, against the running system."""

import asyncio

import pytest

from tests.harness.acceptance import SUITES, run_suites


@pytest.mark.parametrize("suite", SUITES)
def test_acceptance_suite_holds(suite: str, base_url: str) -> None:
    report = asyncio.run(run_suites(base_url, [suite], quick=True))

    assert report.failures == []
    assert report.passed
