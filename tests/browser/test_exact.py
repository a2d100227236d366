"""The page's own arithmetic on decimal strings, held to Python's; and how long the longest takes that can be typed."""

from collections.abc import Iterator
from decimal import ROUND_DOWN, Context, Decimal, localcontext
from itertools import product
from typing import Any

import pytest

from functions.serve_desk.app import page_files
from tests.support.desk import Desk

NUMBERS = (
    "0",
    "-0.5",
    "1",
    "12.50",
    ".5",
    "7.",
    "+3",
    "1E-7",
    "2e3",
    "-1.25e-9",
    "123456789012345678.123456789012345678",
)
EXACT = Context(prec=200)
LONG = 200_000


@pytest.fixture(autouse=True)
def _exactly() -> Iterator[None]:
    with localcontext(EXACT):
        yield


def called(desk: Desk, *calls: tuple[Any, ...]) -> list[Any]:
    """Return what functions of exact.js return, each call being its name and its arguments."""
    return list(
        desk.page.evaluate(
            """async ([version, calls]) => {
                const exact = await import(`/desk/${version}/exact.js`);
                return calls.map(([name, ...given]) => exact[name](...given));
            }""",
            [page_files().version, calls],
        )
    )


def plain(number: Decimal) -> str:
    text = f"{number:f}"
    return (text.rstrip("0").rstrip(".") if "." in text else text).replace("-0", "0" if number == 0 else "-0")


def test_arithmetic_on_decimal_strings_is_python_s(desk: Desk) -> None:
    desk.open()
    pairs = [(one, other, Decimal(one), Decimal(other)) for one, other in product(NUMBERS, NUMBERS)]

    compared = called(desk, *(("compare", one, other) for one, other, *_ in pairs))
    added = called(desk, *(("add", one, other) for one, other, *_ in pairs))
    taken = called(desk, *(("subtract", one, other) for one, other, *_ in pairs))
    multiplied = called(desk, *(("multiply", one, other) for one, other, *_ in pairs))

    assert compared == [(a > b) - (a < b) for *_, a, b in pairs]
    assert added == [plain(a + b) for *_, a, b in pairs]
    assert taken == [plain(a - b) for *_, a, b in pairs]
    assert multiplied == [plain(a * b) for *_, a, b in pairs]


def test_digits_are_grouped_and_every_one_is_kept(desk: Desk) -> None:
    desk.open()
    shown = {
        "1": "1",
        "-123": "-123",
        "1234": "1,234",
        "-123456": "-123,456",
        "1234567.000000001234": "1,234,567.000000001234",
        "1e-7": "0.0000001",
        "2.5e6": "2,500,000",
        "1e1000": "1e1000",
        "": "–",
        "n/a": "n/a",
    }

    assert called(desk, *(("grouped", text) for text in shown)) == list(shown.values())


def test_numbers_of_a_document_stay_as_they_were_written(desk: Desk) -> None:
    desk.open()
    document = '{"a 1.50": [1.50, -1e-07, 12345678901234567890, true, null], "text": "say \\"1.0\\" 2", "__proto__": 3}'

    [parsed] = called(desk, ("parseExact", document))

    assert parsed["a 1.50"] == ["1.50", "-1e-07", "12345678901234567890", True, None]
    assert parsed["text"] == 'say "1.0" 2'


@pytest.mark.parametrize("text", ["1e99999999", "1" * LONG, "1" * LONG + "x", "0." + "1" * LONG])
def test_the_page_stays_alive_whatever_is_typed(desk: Desk, text: str) -> None:
    page = desk.open("trade")
    desk.guard.expect("Failed to load")

    page.locator("#trade-amount").fill(text)

    assert page.evaluate("performance.now()") > 0
    with localcontext(prec=2 * LONG):
        units = Decimal(text).quantize(Decimal(1), ROUND_DOWN) if text.isdigit() else None
    assert called(desk, ("isDecimal", text)) == [text.replace(".", "").isdigit()]
    assert units is None or called(desk, ("grouped", text)) == [f"{units:,}"]
