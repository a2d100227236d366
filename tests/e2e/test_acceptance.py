"""The acceptance suites as a stranger runs them, against the running system; that of access, one that asks for keys."""

import asyncio

import pytest

from tests.harness.acceptance import SUITES, run_suites
from tests.harness.own_system import own_system
from tests.support.front_door import require_suite_holds


@pytest.mark.parametrize("suite", SUITES)
def test_acceptance_suite_holds(suite: str, base_url: str) -> None:
    require_suite_holds(suite, base_url)


def test_a_system_that_asks_for_keys_answers_by_them() -> None:
    with own_system({"SPEED": "0", "AUTH": "keys"}, own_servers=True) as own:
        url = own.start().url
        with_all_keys = asyncio.run(run_suites(url, ["access"], run_keys=own.keys))
        with_one_key = asyncio.run(run_suites(url, ["access"]))

    [everything], [something] = with_all_keys.suites, with_one_key.suites
    assert with_all_keys.failures == with_one_key.failures == []
    assert everything.left_out == []
    assert something.left_out == [
        "limits, another account's view of the channel, a key that ends: needs more keys than one"
    ]
    assert len(everything.checks) > len(something.checks) > 20
