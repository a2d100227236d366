"""accept_order through its Lambda handler: every order that must be refused, with the field and the rule."""

from decimal import Decimal

import pytest

from functions.accept_order.order_input import MAX_BODY_BYTES
from tests.fakes import Outside
from tests.http_api import SOL_MINT, assert_problem, assert_refused, post, written

pytestmark = pytest.mark.usefixtures("_event_loop")


@pytest.mark.parametrize("field", ["token_in", "token_out", "amount", "order_type"])
def test_a_field_that_is_missing_is_named(outside: Outside, field: str) -> None:
    assert_refused(post(written(**{field: None})), field, "is required")
    assert outside.intake.created == []


TOKEN_RULE = "must be one of SOL, USDC, USDT, JUP, RAY, BONK, WIF, JTO, PYTH, mSOL, JitoSOL, ORCA, or the mint of one"
AMOUNT_TYPE_RULE = "must be a number or a decimal string"
SLIPPAGE_RULE = "must be from 0.01 to 0.5"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("true", "null", "5")],
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("[]", "{}", "1.5")],
        ("token_in", '"DOGE"', TOKEN_RULE),
        ("token_in", '""', TOKEN_RULE),
        ("token_out", '" USDC"', TOKEN_RULE),
        ("token_out", '"SOL"', "must not be the same token as token_in"),
        ("token_out", '"sol"', "must not be the same token as token_in"),
        ("token_out", f'"{SOL_MINT}"', "must not be the same token as token_in"),
        *[("amount", value, AMOUNT_TYPE_RULE) for value in ("true", "false", "null", "[]", "{}", "[1]")],
        *[("amount", value, "must be a decimal number") for value in ('""', '"abc"', '"NaN"', '"Infinity"', '"-inf"')],
        *[("amount", value, "must be a decimal number") for value in ('"1,5"', '"0x10"', '"1_000"', '"1 000"')],
        *[("amount", value, "must be a decimal number") for value in ("1e9999999999999999999", '"٣"', '"1e"', '"."')],
        *[("amount", value, "must be greater than zero") for value in ("0", "-0", "0.0", "-1", "-0.5", '"-1"', "-1e9")],
        *[("amount", value, "must be greater than zero") for value in ("0e400", "-1e400", "-1e999999999")],
        *[("amount", value, "must be at most 18446744073.709551615 SOL") for value in ("1e400", '"1e400"', "1e11")],
        ("amount", "1e999999999", "must be at most 18446744073.709551615 SOL"),
        ("amount", "18446744073.709551616", "must be at most 18446744073.709551615 SOL"),
        ("amount", "9" * 5_000, "must be at most 18446744073.709551615 SOL"),
        *[("amount", value, "must have at most 9 decimals for SOL") for value in ("1e-10", "0.1234567891", "1e-400")],
        ("amount", "1e-999999999", "must have at most 9 decimals for SOL"),
        ("amount", "1." + "0" * 60 + "1", "must have at most 9 decimals for SOL"),
        *[("order_type", value, "must be 'market'") for value in ('"limit"', '"MARKET"', '""', "5", "true", "null")],
        *[("order_type", value, "must be 'market'") for value in ("[]", "{}", '["market"]')],
        *[("max_slippage", value, AMOUNT_TYPE_RULE) for value in ("true", "null", "[]", "{}")],
        *[("max_slippage", value, "must be a decimal number") for value in ('"abc"', '"NaN"', '"5%"')],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0", "0.009", "0.51", "1", "1e-9", "-0.05", "1e400")],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0.5000000001", "0.00999999", "1e-999999999")],
        *[("max_slippage", value, "must have at most 4 decimals") for value in ("0.01001", '"0.123456"')],
        ("max_slippage", "0.05" + "0" * 40 + "1", "must have at most 4 decimals"),
        ("price", "220", "is not a field of an order"),
        ("", "1", "is not a field of an order"),
    ],
)
def test_a_value_that_breaks_a_rule_is_refused_with_its_field_and_the_rule(
    outside: Outside, field: str, value: str, rule: str
) -> None:
    answer = post(written(**{field: value}))

    problem = assert_problem(answer, 400, "Bad Request")
    named = {error["field"]: error["rule"] for error in problem["errors"]}
    assert named == {field or "body": rule}
    assert outside.intake.created == []


@pytest.mark.parametrize(("token_in", "decimals"), [("USDC", 6), ("BONK", 5), ("JTO", 9)])
def test_each_token_has_its_own_decimals(outside: Outside, token_in: str, decimals: int) -> None:
    pair = {"token_in": f'"{token_in}"', "token_out": '"SOL"'}
    finest = Decimal(1).scaleb(-decimals)

    assert post(written(**pair, amount=f"{finest:f}")).status == 202
    too_fine = post(written(**pair, amount=f"{finest / 10:f}"))

    assert_refused(too_fine, "amount", f"must have at most {decimals} decimals for {token_in}")


def test_all_that_is_wrong_is_said_at_once(outside: Outside) -> None:
    answer = post('{"token_in":"DOGE","amount":-1,"order_type":"limit","colour":"red"}')

    problem = assert_problem(answer, 400)
    assert [error["field"] for error in problem["errors"]] == [
        "token_in",
        "token_out",
        "amount",
        "order_type",
        "colour",
    ]


@pytest.mark.parametrize(
    ("body", "detail"),
    [
        ("", "the body is not JSON: "),
        (" ", "the body is not JSON: "),
        ("hello", "the body is not JSON: "),
        ('{"token_in":"SOL"', "the body is not JSON: "),
        ('{"amount":1,}', "the body is not JSON: "),
        ("{'amount':1}", "the body is not JSON: "),
        ('{"amount":.5}', "the body is not JSON: "),
        ('{"amount":1} {}', "the body is not JSON: "),
        ('\ufeff{"amount":1}', "the body is not JSON: "),
        (written(amount="NaN"), "the body is not JSON: NaN is not a JSON number"),
        (written(amount="Infinity"), "the body is not JSON: Infinity is not a JSON number"),
        (written(amount="-Infinity"), "the body is not JSON: -Infinity is not a JSON number"),
        (written(max_slippage="NaN"), "the body is not JSON: NaN is not a JSON number"),
        ('{"amount":1,"amount":2}', "the body is not JSON: a field is named twice"),
        (written()[:-1] + ',"token_in":"SOL"}', "the body is not JSON: a field is named twice"),
        ("[]", "the body must be a JSON object"),
        ("null", "the body must be a JSON object"),
        ('"SOL"', "the body must be a JSON object"),
        ("12.5", "the body must be a JSON object"),
        (f"[{written()}]", "the body must be a JSON object"),
        ("[" * 60_000, "the body is nested too deeply"),
        ('{"a":' * 10_000, "the body is nested too deeply"),
        (b'{"token_in":"\xff"}', "the body is not UTF-8: invalid start byte"),
        (b'{"token_in":"\xc3"}', "the body is not UTF-8: invalid continuation byte"),
        (written().encode("utf-16"), "the body is not UTF-8: invalid start byte"),
    ],
)
def test_a_body_that_is_no_json_object_is_refused(outside: Outside, body: str | bytes, detail: str) -> None:
    problem = assert_problem(post(body), 400, "Bad Request")

    assert problem["detail"].startswith(detail)
    assert "errors" not in problem
    assert outside.intake.created == []


def test_a_body_of_64_kib_is_taken_and_one_byte_more_is_not(outside: Outside) -> None:
    largest = written().ljust(MAX_BODY_BYTES)

    assert post(largest).status == 202
    answer = post(largest + " ")

    problem = assert_problem(answer, 413)
    assert problem["detail"] == "the body must be at most 65536 bytes"
    assert len(outside.intake.created) == 1


def test_the_size_of_a_body_is_in_bytes(outside: Outside) -> None:
    fits_in_characters_only = '{"token_in":"' + "ä" * (MAX_BODY_BYTES // 2) + '"}'

    assert len(fits_in_characters_only) < MAX_BODY_BYTES
    assert_problem(post(fits_in_characters_only), 413)


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json", 202),
        ("application/json; charset=utf-8", 202),
        ("Application/JSON ;charset=UTF-8", 202),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("application/jsonx", 415),
        ("", 415),
        (None, 415),
    ],
)
def test_only_json_is_taken(outside: Outside, content_type: str | None, status: int) -> None:
    if content_type is None:
        answer = post(written(), without="content-type")
    else:
        answer = post(written(), {"content-type": content_type})

    assert answer.status == status
    if status == 415:
        problem = assert_problem(answer, 415, "Unsupported Media Type")
        assert problem["detail"] == f"the content type must be application/json, not {content_type or 'none'}"
        assert outside.intake.created == []
