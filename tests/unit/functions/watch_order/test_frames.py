"""What a WebSocket frame asks for."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.watch_order.frames import USAGE, Command, read_command
from tests.support.builders import ORDER_ID


@pytest.mark.parametrize("text", [ORDER_ID, f"  {ORDER_ID}\r\n", "anything else", "0x12"])
def test_plain_text_is_taken_for_an_order_id(text: str) -> None:
    assert read_command(text) == Command("subscribe", text.strip())


@pytest.mark.parametrize("action", ["subscribe", "unsubscribe"])
def test_json_says_what_to_do_with_which_order(action: str) -> None:
    assert read_command(f'{{"action": "{action}", "order_id": "{ORDER_ID}"}}') == Command(action, ORDER_ID)


def test_a_ping_needs_no_order() -> None:
    assert read_command(' {"action":"ping"} ') == Command("ping")


def test_keys_that_nobody_knows_are_passed_over() -> None:
    assert read_command('{"action":"ping","id":7,"order_id":"x"}') == Command("ping", "x")


@pytest.mark.parametrize("text", ["", " ", "\r\n"])
def test_an_empty_frame_is_answered_with_the_usage(text: str) -> None:
    assert read_command(text) == USAGE


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "{}",
        "[]",
        '""',
        '"subscribe"',
        '{"action":1}',
        '{"action":null}',
        '{"order_id":"x"}',
        '{"action":"ping","order_id":5}',
        '{"action":"subscribe","order_id":null}',
        '{"action":"ping"}{"action":"ping"}',
        '{"action":"buy"}',
        '{"action":"' + "x" * 10_000 + '"}',
        '{"action":"ping","x":' + "[" * 50_000,
        "[" * 100_000,
        '{"action":"\\ud800"}',
    ],
)
def test_garbage_is_answered_with_the_problem_and_the_usage(text: str) -> None:
    problem = read_command(text)

    assert isinstance(problem, str)
    assert problem.endswith(USAGE)
    assert len(problem) < len(USAGE) + 200


def test_an_unknown_action_is_named() -> None:
    assert read_command('{"action":"buy"}') == f"unknown action 'buy'; {USAGE}"


@given(st.text())
def test_any_text_is_a_command_or_a_problem(text: str) -> None:
    found = read_command(text)

    assert isinstance(found, str) or found.action in ("subscribe", "unsubscribe", "ping")
