"""What is printed once everything runs."""

import pytest

from local.run.banner import what_to_try
from local.settings import LocalSettings


@pytest.mark.parametrize("command", ["curl 'http://[::1]:", "wscat -c 'ws://[::1]:", "--base-url 'http://[::1]:"])
def test_an_address_of_ipv6_is_quoted_for_shells_that_take_brackets_for_a_pattern(command: str) -> None:
    assert command in what_to_try(LocalSettings(host="::1"), 1.0)
