"""chaos/checkers/limits.py: an order executed below its limit, after its time, or by another rule is found."""

from decimal import Decimal

import msgspec
import pytest

from orderflow.domain.execution import Execution
from orderflow.domain.order import Signature
from tests.harness.chaos.checkers import limits
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.contents import LedgerContents
from tests.harness.chaos.history.fault_record import Window
from tests.harness.chaos.history.posts import Identity, Post
from tests.harness.chaos.history.terms import least_of
from tests.harness.chaos.mock_market import ChainContents, SeenTick
from tests.support.chaos_evidence import with_order
from tests.support.chaos_waiting import (
    EXPIRED,
    FIRST_SLICE,
    LIMIT,
    NOW_S,
    OCO,
    SOL,
    STEP_S,
    USDC,
    changes,
    posts,
    waiting_run,
    with_fill,
)

NO_CHAIN = ChainContents({}, {}, {}, {})
PAID = f"{LIMIT} was paid"


def below_limit(amends: list[Change], ledger: LedgerContents) -> list[str]:
    return limits.limits_kept(posts(), amends, ledger).violations


def test_fills_at_the_limit_to_the_atom_are_in_order() -> None:
    ledger = waiting_run()

    assert below_limit(changes(), ledger) == []
    assert below_limit(changes(), with_fill(LIMIT, amount_out=1_260 * USDC)(ledger)) == []
    # Two parts of the limit, and two slices of the twap.
    assert limits.limits_kept(posts(), changes(), ledger).checked == 4


def test_an_atom_below_the_limit_that_was_amended_is_found() -> None:
    spoiled = with_fill(LIMIT, amount_out=1_260 * USDC - 1)(waiting_run())

    assert below_limit(changes(), spoiled) == [
        f"{LIMIT} was paid {1_260 * USDC - 1} for {6 * SOL}, its limit asks for {1_260 * USDC}"
    ]


def test_an_amend_without_an_answer_may_have_lowered_the_limit_and_one_that_was_refused_has_not() -> None:
    spoiled = with_fill(LIMIT, amount_out=1_210 * USDC)(waiting_run())
    unknown = Change(LIMIT, {"limit_price": "201"}, NOW_S + 0.5)
    later = Change(LIMIT, {"limit_price": "201"}, NOW_S + 500)
    refused = Change(LIMIT, {"limit_price": "201"}, NOW_S + 0.5, [ChangeAnswer(409, {}, NOW_S + 0.6)])

    assert below_limit([*changes(), unknown], spoiled) == []
    assert below_limit([*changes(), later], spoiled) != []
    assert below_limit([*changes(), refused], spoiled) != []


def test_an_amend_does_not_count_for_what_was_filled_before_it() -> None:
    ledger = waiting_run()
    lowered = [Change(LIMIT, {"limit_price": "100"}, NOW_S, [ChangeAnswer(200, {"sequence": 8}, NOW_S)])]
    below_the_first = msgspec.structs.replace(
        ledger, fills=[msgspec.structs.replace(ledger.fills[0], amount_out=799 * USDC), *ledger.fills[1:]]
    )

    assert below_limit(lowered, ledger) == []
    assert [violation.startswith(PAID) for violation in below_limit(lowered, below_the_first)] == [True]


def test_a_slice_below_the_limit_of_its_order_is_found() -> None:
    assert below_limit([], with_fill(FIRST_SLICE, amount_out=615 * USDC - 1)(waiting_run())) != []


def test_a_transaction_that_yields_less_than_its_minimum_is_found() -> None:
    ledger = waiting_run()

    def with_minimums(*minimums: int) -> LedgerContents:
        left = list(minimums)
        events = [
            msgspec.structs.replace(event, minimum_out=left.pop(0))
            if (event.order_id, event.status) == (LIMIT, "building")
            else event
            for event in ledger.events
        ]
        return msgspec.structs.replace(ledger, events=events)

    assert limits.minimums_kept(ledger).checked == 0
    kept = limits.minimums_kept(with_minimums(820 * USDC, 1_280 * USDC))
    assert (kept.checked, kept.violations) == (2, [])
    assert limits.minimums_kept(with_minimums(820 * USDC, 1_280 * USDC + 1)).violations == [
        f"{LIMIT} was paid {1_280 * USDC}, its minimum is {1_280 * USDC + 1}"
    ]
    assert len(limits.minimums_kept(with_minimums(820 * USDC + 1, 0)).violations) == 1


@pytest.mark.parametrize(
    ("identity", "conditions", "minimum"),
    [
        (Identity("SOL", "USDC", 12_500_000_000), {"limit_price": "221.37"}, 2_767_125_000),
        (Identity("USDC", "SOL", 100_000_000), {"limit_price": "219.99", "price_in": "token_in"}, 454_566_117),
        (Identity("BONK", "USDC", 30_000_000_300_000), {"limit_price": "0.0000213"}, 6_390_000_064),
        (Identity("SOL", "USDC", 3), {"min_amount_out": "0.000007"}, 7),
    ],
)
def test_the_least_that_a_limit_asks_for_is_worked_out_as_documented(
    identity: Identity, conditions: dict[str, object], minimum: int
) -> None:
    least = least_of(identity, {"order_type": "limit", **conditions})

    assert least is not None
    assert -(-least.numerator * identity.amount_in // least.denominator) == minimum


def test_an_order_with_two_legs_has_the_lower_limit_and_none_where_one_has_none() -> None:
    identity, high = Identity("SOL", "USDC", SOL), {"trigger_price": "3", "limit_price": "2"}
    low = {"trigger_price": "1", "limit_price": "1"}

    assert least_of(identity, {"order_type": "oco", "take_profit": high, "stop_loss": low}) == Decimal("0.001")
    assert least_of(identity, {"order_type": "oco", "take_profit": high, "stop_loss": {"trigger_price": "1"}}) is None


def test_a_block_after_the_expiry_is_found() -> None:
    ledger = with_order(LIMIT, expires_at_s=NOW_S + 20)(waiting_run())
    chain = msgspec.structs.replace(NO_CHAIN, executions={"tx-2": Execution(Signature("tx-2"), 7)})

    def found(at_s: float, slot: int = 7) -> list[str]:
        ticks = [SeenTick(NOW_S, 6, {}), SeenTick(at_s, slot, {}), SeenTick(NOW_S + 30, 9, {})]
        return limits.nothing_after_expiry(ledger, chain, ticks, []).violations

    assert found(NOW_S + 19.999) == []
    assert found(NOW_S + 20) == [
        f"{LIMIT} expired at {NOW_S + 20:.3f} and was under way to be filled at {NOW_S + 20:.3f}"
    ]
    # The tick of its own slot was missed.
    assert found(NOW_S + 20, slot=8) == []


def test_a_submission_after_the_expiry_is_found_unless_a_clock_was_wrong() -> None:
    ledger = with_order(OCO, expires_at_s=NOW_S + 5 * STEP_S)(waiting_run())
    wrong = Window(NOW_S, NOW_S + 1)

    assert len(limits.nothing_after_expiry(ledger, NO_CHAIN, [], []).violations) == 1
    assert limits.nothing_after_expiry(ledger, NO_CHAIN, [], [wrong]).violations == []
    in_time = with_order(OCO, expires_at_s=NOW_S + 6.5 * STEP_S)(waiting_run())
    assert limits.nothing_after_expiry(in_time, NO_CHAIN, [], []).violations == []


@pytest.mark.parametrize(
    ("expires_at_s", "amends", "count"),
    [
        (NOW_S + 5, [], 0),
        (NOW_S + 5.001, [], 1),
        (None, [], 1),
        (NOW_S + 9, [Change(EXPIRED, {"expires_at": "2026-11-22T18:14:10.123Z"})], 0),
    ],
)
def test_an_expiry_that_nobody_asked_for_is_found(expires_at_s: float | None, amends: list[Change], count: int) -> None:
    ledger = with_order(EXPIRED, expires_at_s=expires_at_s)(waiting_run())

    assert len(limits.expiry_as_asked(posts(), amends, ledger).violations) == count


def test_an_expiry_of_an_order_without_one_is_found() -> None:
    ledger = with_order(OCO, expires_at_s=NOW_S + 9)(waiting_run())
    in_seconds = [
        Post(Identity("SOL", "USDC", 1), None, NOW_S, {OCO}, conditions={"order_type": "limit", "expires_in": 5})
    ]

    assert len(limits.expiry_as_asked(posts(), [], ledger).violations) == 1
    assert limits.expiry_as_asked(in_seconds, [], ledger).violations == []


@pytest.mark.parametrize(
    ("rule", "price", "count"),
    [
        ("take_profit", "220", 0),
        ("take_profit", "219.99999999999", 0),
        ("take_profit", "219.9", 1),
        ("stop_loss", "190", 0),
        ("stop_loss", "190.1", 1),
        ("trailing_stop", "190", 1),
        ("limit", "190", 1),
    ],
)
def test_a_rule_or_a_price_that_should_not_have_fired_an_order_is_found(rule: str, price: str, count: int) -> None:
    ledger = with_order(OCO, rule=rule, fired_price=Decimal(price))(waiting_run())

    assert len(limits.fired_as_asked(posts(), [], ledger).violations) == count
    with_limit = posts()[2]
    with_limit.conditions = {"order_type": "stop_loss", "trigger_price": "1", "limit_price": "1"}
    at_its_limit = with_order(OCO, rule="stop_loss", fired_price=Decimal(price))(waiting_run())
    assert limits.fired_as_asked([with_limit], [], at_its_limit).violations == []
    amended = [Change(OCO, {"trigger_price": "1"})]
    assert limits.fired_as_asked(posts(), amended, ledger).violations == []
