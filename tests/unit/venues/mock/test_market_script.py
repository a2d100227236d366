"""A file that sets fair prices: what it may hold, and what is refused by its line."""

from pathlib import Path

import pytest

from orderflow.errors import ConfigurationError
from orderflow.venues.mock.market_script import read_market_script

BONK = "DezXAZ8z7PnrnRJjz3wXBoRgixCa6xjnB7YaB1pPB263"


def test_prices_are_read_by_slot_and_token(tmp_path: Path) -> None:
    script = tmp_path / "market.csv"
    script.write_text(f"# slot, token, price\n\n 7, sol , 231.5  # up\n7,JUP,4e-1\r\n12,{BONK},0.00002\n")

    assert read_market_script(str(script)) == {7: {"SOL": 231.5, "JUP": 0.4}, 12: {"BONK": 0.00002}}


def test_without_a_file_nothing_is_set() -> None:
    assert read_market_script("") == {}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("7,SOL", "line 1: '7,SOL' is not: slot, token, price"),
        ("7,SOL,220,1", "line 1: '7,SOL,220,1' is not: slot, token, price"),
        ("7,SOL,220\n\n8,DOGE,1", "line 3: 'DOGE' is no token"),
        ("0,SOL,220", "line 1: the slot '0' is no whole number from 1 on"),
        ("-3,SOL,220", "line 1: the slot '-3' is no whole number from 1 on"),
        ("1.5,SOL,220", "line 1: the slot '1.5' is no whole number from 1 on"),
        ("³,SOL,220", "line 1: the slot '³' is no whole number from 1 on"),
        ("7,SOL,0", "line 1: the price '0' is no number above 0"),
        ("7,SOL,-1", "line 1: the price '-1' is no number above 0"),
        ("7,SOL,inf", "line 1: the price 'inf' is no number above 0"),
        ("7,SOL,nan", "line 1: the price 'nan' is no number above 0"),
        ("7,SOL,much", "line 1: the price 'much' is no number above 0"),
        ("7,SOL,220\n7,sol,221", "line 2: SOL has a price at slot 7 already"),
    ],
)
def test_a_line_that_can_not_be_used_is_named(tmp_path: Path, text: str, problem: str) -> None:
    script = tmp_path / "market.csv"
    script.write_text(text, encoding="utf-8")

    with pytest.raises(ConfigurationError) as refused:
        read_market_script(str(script))

    assert str(refused.value) == f"MARKET_SCRIPT='{script}' can't be used: {problem}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigurationError, match=r"MARKET_SCRIPT='.*none.csv' can't be used: No such file or directory"
    ):
        read_market_script(str(tmp_path / "none.csv"))


def test_a_file_that_is_no_text_is_named(tmp_path: Path) -> None:
    (tmp_path / "binary").write_bytes(b"\xff\xfe")

    with pytest.raises(ConfigurationError, match="^MARKET_SCRIPT=.* can't be used: 'utf-8' codec can't decode"):
        read_market_script(str(tmp_path / "binary"))
