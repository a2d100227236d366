"""An order, its statuses and refusals as they are printed."""

from typing import Any

from local.client.api import Answer
from local.client.status_lines import between_ms, describe, describe_problem
from orderflow.domain.tokens import Token


def make_answer(body: bytes, status: int = 400) -> Answer:
    return Answer(status, "", {}, body, 0.0, 1.0)


def test_a_confirmed_order_is_printed_with_price_and_transaction() -> None:
    frame: dict[str, Any] = {"status": "confirmed", "execution_price": 219.5, "tx_hash": "0xabc", "reason": None}

    assert describe(frame, 2168.4) == ["     2,168 ms  confirmed   price 219.5 · tx 0xabc"]


def test_a_failed_order_is_printed_with_its_reason() -> None:
    frame: dict[str, Any] = {"status": "failed", "execution_price": None, "tx_hash": None, "reason": "Price moved"}

    assert describe(frame, 12.0) == ["        12 ms  failed      Price moved"]


def test_a_refusal_names_fields_and_rules() -> None:
    answer = make_answer(
        b'{"status":400,"detail":"invalid","errors":[{"field":"amount","rule":"must be greater than zero"}]}'
    )

    assert describe_problem(answer) == "400 amount must be greater than zero"


def test_a_refusal_without_fields_is_printed_with_its_detail() -> None:
    assert describe_problem(make_answer(b'{"detail":"try later"}', 503)) == "503 try later"


def test_a_refusal_that_is_not_json_is_printed_as_it_is() -> None:
    assert describe_problem(make_answer(b"<html>", 502)) == "502 <html>"
    assert describe_problem(make_answer(b"[]", 502)) == "502 []"


def test_the_age_of_a_status_is_counted_from_the_first() -> None:
    first, later = {"timestamp": "2026-11-22T18:00:00.900Z"}, {"timestamp": "2026-11-22T18:00:03.150Z"}

    assert between_ms(first, later) == 2250


def test_an_order_that_is_triggered_is_printed_with_what_met_it() -> None:
    frame: dict[str, Any] = {"status": "triggered", "rule": "stop_loss", "price": 199.5, "slot": 50}

    assert describe(frame, 12.0) == ["        12 ms  triggered   stop_loss at 199.5 in slot 50"]


def test_an_order_that_rests_is_printed_with_its_limit_its_end_and_why() -> None:
    frame: dict[str, Any] = {
        "status": "open",
        "minimum_out": "2737500000",
        "expires_at": "2026-12-01T12:00:00.000Z",
        "reason": "attempt 1: would yield 2700 USDC, limit 2737.5",
    }

    [line] = describe(frame, 12.0, "USDC", "SOL")

    assert line.endswith(
        "open        at least 2,737.500000 USDC · until 2026-12-01T12:00:00.000Z"
        " · attempt 1: would yield 2700 USDC, limit 2737.5"
    )


def test_what_is_filled_is_printed_in_units_where_the_tokens_are_known() -> None:
    frame: dict[str, Any] = {"status": "cancelled", "amount_filled": "6250000000", "amount_out": "1373000000"}

    [known], [unknown] = describe(frame, 12.0, "USDC", "SOL"), describe(frame, 12.0)

    assert known.endswith("cancelled   6.250000000 SOL filled for 1,373.000000 USDC")
    assert unknown.endswith("cancelled   6,250,000,000 atoms filled for 1,373,000,000 atoms")


def test_an_order_that_makes_another_one_names_it() -> None:
    assert describe({"status": "open", "child_id": "01a2"}, 12.0) == ["        12 ms  open        order 01a2"]


def test_a_launch_and_how_soon_it_was_bought_are_printed() -> None:
    launch = {"token": {"symbol": "MOON200", "mint": "x", "decimals": 9}, "venue": "raydium"}
    fired = describe({"status": "triggered", "rule": "launch", "price": 80, "slot": 230, "launch": launch}, 5)
    bought = {"status": "confirmed", "amount_filled": "1000000", "amount_out": "80000000000", "slots_from_open": 1}
    token = Token("MOON200", "x", 9)

    assert fired == ["         5 ms  triggered   launch at 80 in slot 230 · MOON200 on raydium"]
    assert describe(bought, 7, token, "USDC") == [
        "         7 ms  confirmed   1.000000 USDC filled for 80.000000000 MOON200 · 1 slot after its launch opened"
    ]
