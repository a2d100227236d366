"""What is printed once everything runs."""

import pytest

from local.run.banner import what_to_try
from local.settings import LocalSettings

MANAGEMENT = "http://127.0.0.1:3003"


@pytest.mark.parametrize("command", ["curl 'http://[::1]:", "wscat -c 'ws://[::1]:", "--base-url 'http://[::1]:"])
def test_an_address_of_ipv6_is_quoted_for_shells_that_take_brackets_for_a_pattern(command: str) -> None:
    assert command in what_to_try(LocalSettings(host="::1"), 1.0, MANAGEMENT)


def test_where_a_key_is_needed_the_commands_have_one_and_say_where_it_comes_from() -> None:
    lines = what_to_try(LocalSettings(auth="keys", orderflow_home="/tmp/a home"), 1.0, MANAGEMENT).splitlines()  # noqa: S108

    assert [line for line in lines if "keys add" in line and "ORDERFLOW_HOME='/tmp/a home' " in line]
    commands = [line for line in lines if "/api/" in line]
    assert len(commands) == 2
    assert all('-H "Authorization: Bearer $ORDERFLOW_KEY"' in command for command in commands)


@pytest.mark.parametrize(
    ("settings", "warns"),
    [
        (LocalSettings(), False),
        (LocalSettings(host="0.0.0.0", auth="open"), True),  # noqa: S104
        (LocalSettings(host="0.0.0.0", auth="keys"), False),  # noqa: S104
    ],
)
def test_a_system_that_lets_everyone_in_says_so(settings: LocalSettings, warns: bool) -> None:
    assert ("WARNING: " in what_to_try(settings, 1.0, MANAGEMENT)) is warns


def test_it_says_where_the_metrics_are_and_which_file_has_the_secret() -> None:
    lines = what_to_try(LocalSettings(orderflow_home="/tmp/a home"), 1.0, MANAGEMENT)  # noqa: S108

    assert "curl http://127.0.0.1:3003/metrics " in lines
    assert "$(cat '/tmp/a home/metrics/secret')" in lines
