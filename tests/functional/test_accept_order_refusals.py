"""accept_order through its Lambda handler: every order that must be refused, with the field and the rule."""

import gzip
from decimal import Decimal

import pytest

from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from tests.support.builders import read_event
from tests.support.fakes.outside import Outside
from tests.support.http_api import SOL_MINT, assert_problem, assert_refused, call, get, post, written

pytestmark = pytest.mark.usefixtures("_event_loop")


@pytest.mark.parametrize("field", ["token_in", "token_out", "amount", "order_type"])
def test_a_field_that_is_missing_is_named(outside: Outside, field: str) -> None:
    assert_refused(post(written(**{field: None})), field, "is required")
    assert outside.intake.created == []


TOKEN_RULE = "must be one of SOL, USDC, USDT, JUP, RAY, BONK, WIF, JTO, PYTH, mSOL, JitoSOL, ORCA, or the mint of one"
TOKEN_RULE += ", or a token that was launched"
AMOUNT_TYPE_RULE = "must be a number or a decimal string"
TYPE_RULE = "must be 'market', 'limit', 'take_profit', 'stop_loss', 'trailing_stop', 'oco', 'twap', 'dca' or 'sniper'"
SLIPPAGE_RULE = "must be from 0.01 to 0.5"
FINER_THAN_SOL = "must have at most 9 decimals for SOL"
LESS_THAN_AN_ATOM = "must be at least 0.000000001 SOL"


@pytest.mark.parametrize(
    ("field", "value", "rule"),
    [
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("true", "null", "5")],
        *[(field, value, "must be a string") for field in ("token_in", "token_out") for value in ("[]", "{}", "1.5")],
        ("token_in", '"DOGE"', TOKEN_RULE),
        ("token_in", '""', TOKEN_RULE),
        *[("token_in", value, TOKEN_RULE) for value in ('"ſol"', '"ＳＯＬ"', '"SoL\u0301"', f'"{SOL_MINT.lower()}"')],
        *[("token_out", value, TOKEN_RULE) for value in ('"wıf"', '"\u212aNOB"', '"PYTH\u0307"')],
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
        *[("amount", value, FINER_THAN_SOL) for value in ('"1e-10"', '"0.1234567891"', '"1e-400"')],
        ("amount", '"1e-999999999"', FINER_THAN_SOL),
        ("amount", '"1.' + "0" * 60 + '1"', FINER_THAN_SOL),
        *[("amount", value, LESS_THAN_AN_ATOM) for value in ("1e-10", "0.0000000009999", "5e-324", "1e-400")],
        ("amount", "1e-999999999", LESS_THAN_AN_ATOM),
        *[("order_type", value, TYPE_RULE) for value in ('"iceberg"', '"MARKET"', '""', "5", "true", "null")],
        *[("order_type", value, TYPE_RULE) for value in ("[]", "{}", '["market"]')],
        *[("max_slippage", value, AMOUNT_TYPE_RULE) for value in ("true", "[]", "{}")],
        *[("max_slippage", value, "must be a decimal number") for value in ('"abc"', '"NaN"', '"5%"')],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0", "0.009", "0.51", "1", "1e-9", "-0.05", "1e400")],
        *[("max_slippage", value, SLIPPAGE_RULE) for value in ("0.5000000001", "0.00999999", "1e-999999999")],
        *[("max_slippage", value, "must have at most 4 decimals") for value in ('"0.01001"', '"0.123456"')],
        ("max_slippage", '"0.05' + "0" * 40 + '1"', "must have at most 4 decimals"),
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
    too_fine = post(written(**pair, amount=f'"{finest / 10:f}"'))

    assert_refused(too_fine, "amount", f"must have at most {decimals} decimals for {token_in}")


def test_all_that_is_wrong_is_said_at_once(outside: Outside) -> None:
    answer = post('{"token_in":"DOGE","amount":-1,"order_type":"iceberg","colour":"red"}')

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
        ('\ufeff\ufeff{"amount":1}', "the body is not JSON: "),
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


@pytest.mark.parametrize("body", ["\ufeff" + written(), b"\xef\xbb\xbf" + written().encode()])
def test_a_byte_order_mark_before_the_body_is_no_part_of_it(outside: Outside, body: str | bytes) -> None:
    assert post(body).status == 202


def members(count: int) -> str:
    return ",".join(f'"field {number}":{number}' for number in range(count))


@pytest.mark.parametrize(
    "body",
    [
        "{" + members(33) + "}",
        "{" + members(8_000)[:65_000].rpartition(",")[0] + "}",
        written(then="{" + members(33) + "}"),
        written(then="[[{" + members(33) + "}]]"),
    ],
)
def test_an_object_with_more_than_32_members_is_refused_as_a_whole(outside: Outside, body: str) -> None:
    answer = post(body)

    problem = assert_problem(answer, 400, "Bad Request")
    assert problem["detail"] == "a JSON object here has at most 32 members"
    assert len(answer.text) < 300


def test_an_answer_names_ten_errors_and_counts_the_others(outside: Outside) -> None:
    answer = post("{" + members(32) + "}")

    problem = assert_problem(answer, 400, "Bad Request")
    named = [error["field"] for error in problem["errors"]]
    assert named[:4] == ["token_in", "token_out", "amount", "order_type"]
    assert len(named) == 10
    assert problem["detail"].endswith("field 5 is not a field of an order; and 26 more")


@pytest.mark.parametrize("name", ["x" * 60_000, "é" * 30_000, r"\ud800" * 9_000, r"\ud83d"])
def test_what_a_client_sent_is_not_repeated_at_length(outside: Outside, name: str) -> None:
    answer = post(written()[:-1] + f',"{name}":1' + "}")

    problem = assert_problem(answer, 400, "Bad Request")
    (error,) = problem["errors"]
    assert error["rule"] in ("is not a field of an order", "must be Unicode, without half of a surrogate pair")
    assert len(answer.text.encode()) < 1_500


def test_a_content_type_and_a_path_are_not_repeated_at_length_either(outside: Outside) -> None:
    refused = post(written(), {"content-type": "x" * 60_000})
    lost = get("/" + "x" * 60_000)
    unknown = get("/api/orders/" + "x" * 60_000)

    assert [answer.status for answer in (refused, lost, unknown)] == [415, 404, 404]
    assert max(len(answer.text) for answer in (refused, lost, unknown)) < 400


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


@pytest.mark.parametrize(
    "joined",
    [
        "application/json,application/json",
        "application/json, text/plain",
        "application/json; charset=utf-8, application/json; charset=utf-8",
    ],
)
def test_a_content_type_that_was_sent_twice_is_refused(outside: Outside, joined: str) -> None:
    assert_problem(post(written(), {"content-type": joined}), 415, "Unsupported Media Type")
    assert outside.intake.created == []


def test_a_comma_inside_a_parameter_of_the_content_type_does_not_repeat_it(outside: Outside) -> None:
    assert post(written(), {"content-type": 'application/json; profile="a,\\"b"'}).status == 202


@pytest.mark.parametrize("coding", ["gzip", "GZIP", "br", "deflate", "identity, gzip", "gzip,gzip", "x" * 60_000])
def test_a_compressed_body_is_refused_for_what_it_is(outside: Outside, coding: str) -> None:
    answer = post(gzip.compress(written().encode()), {"content-encoding": coding})

    problem = assert_problem(answer, 415, "Unsupported Media Type")
    assert problem["detail"].startswith("the body must not be compressed: the content coding must be identity, not ")
    assert answer.headers["accept-encoding"] == "identity"
    assert len(answer.text) < 400


@pytest.mark.parametrize("coding", ["identity", "Identity", "", "identity, identity"])
def test_a_body_that_is_not_compressed_may_say_so(outside: Outside, coding: str) -> None:
    assert post(written(), {"content-encoding": coding}).status == 202


def test_an_order_has_no_query(outside: Outside) -> None:
    event = read_event("accept_order.execute")
    event["rawQueryString"] = "dry_run=true"

    assert_refused(call(event), "dry_run", "is not a parameter of this path")
    assert outside.intake.created == []
    assert post(written()).status == 202
