"""The command line for keys: what is taken, what is refused, and that no message quotes a key."""

import argparse
from typing import Any

import pytest

from orderflow.api_keys.arguments import add_arguments
from orderflow.domain.access import Limits, Rate
from tests.support.api_keys import make_key


def parse(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    add_arguments(parser, environment="test")
    return parser.parse_args(words)


def test_without_options_a_key_reads_and_trades_for_local_anywhere_for_good() -> None:
    asked = parse("add")

    assert (asked.account, asked.permissions) == ("local", ("read", "trade"))
    assert (asked.networks, asked.expires_in) == ((), None)
    assert Limits(**{name: getattr(asked, name) for name in Limits.__struct_fields__}) == Limits()
    assert (asked.environment, asked.to_secret, asked.label) == ("test", None, "")


@pytest.mark.parametrize(
    ("option", "text", "name", "value"),
    [
        ("--account", "alice-2_x", "account", "alice-2_x"),
        ("--permissions", "trade, read,trade", "permissions", ("read", "trade")),
        ("--networks", "192.0.2.1, 2001:db8::/32", "networks", ("192.0.2.1/32", "2001:db8::/32")),
        ("--expires-in", "30d", "expires_in", 30 * 24 * 3_600_000),
        ("--expires-in", "90s", "expires_in", 90_000),
        ("--orders", "500/s:1000", "orders", Rate(500, 1_000)),
        ("--changes", "0.25/s", "changes", Rate(0.25, 1)),
        ("--reads", "12/s", "reads", Rate(12, 24)),
        ("--reads", "0.0000116/s:5", "reads", Rate(0.0000116, 5)),
        ("--sockets", "0", "sockets", 0),
        ("--named-orders-a-day", "7", "named_orders_a_day", 7),
        ("--label", "a robot's", "label", "a robot's"),
        ("--environment", "prod2", "environment", "prod2"),
    ],
)
def test_an_option_is_read_with_its_units(option: str, text: str, name: str, value: Any) -> None:
    assert getattr(parse("add", option, text), name) == value


@pytest.mark.parametrize(
    ("option", "text"),
    [
        *(("--account", text) for text in ("", "Alice", "-a", "a" * 33, "a b", "alicé")),
        *(("--permissions", text) for text in ("", "read,", "write", "READ")),
        *(("--networks", text) for text in ("", "192.0.2.1/24", "example.org", "192.0.2.0/24,")),
        *(("--expires-in", text) for text in ("", "30", "d", "-1d", "1w", "1.5h", "٣d")),
        *(("--orders", text) for text in ("", "500", "0/s", "5/m", "5/s:0", "5/s:", "inf/s", "nan/s", "1e3/s")),
        *(("--reads", f"{rate}/s:3") for rate in ("0.00001", "0.0000000000000001")),
        *(("--sockets", text) for text in ("", "-1", "1.5", "many")),
        ("--named-orders-a-day", "0"),
        *(("--label", text) for text in ("a" * 101, "two\nlines", "\x1b[31m")),
        *(("--environment", text) for text in ("", "Live", "a_b", "a" * 13)),
    ],
)
def test_what_can_t_be_meant_is_refused(option: str, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        parse("add", f"{option}={text}")

    assert ended.value.code == 2
    assert option in capsys.readouterr().err


def test_a_key_may_be_named_by_its_id_or_by_itself() -> None:
    text, key = make_key()

    assert parse("revoke", key.id, text).ids == [key.id, key.id]
    assert parse("rotate", text, "--grace", "1h").id == key.id


@pytest.mark.parametrize("place", [0, 3, 10, 30, 70, 81])
def test_a_key_with_a_typo_is_refused_without_being_quoted(place: int, capsys: pytest.CaptureFixture[str]) -> None:
    text, _ = make_key()
    wrong = f"{text[:place]}0{text[place:]}"

    with pytest.raises(SystemExit):
        parse("revoke", wrong)

    said = capsys.readouterr().err
    assert "neither a key nor a key's id" in said
    assert text[35:50] not in said
