"""chaos/checkers/snipes.py: an order that bought twice, not what was asked for, or for too little, is found."""

from typing import Any

import msgspec
import pytest

from orderflow.domain.launches import Launch
from tests.harness.chaos.checkers import snipes
from tests.harness.chaos.history.changes import Change, ChangeAnswer
from tests.harness.chaos.history.contents import LedgerContents
from tests.support.chaos_evidence import Doctor, with_order
from tests.support.chaos_launches import (
    ANY,
    FILTERED,
    FIRST,
    LAST,
    MINT,
    RESTED,
    SECOND,
    chain,
    launching_run,
    posts,
    with_event,
)
from tests.support.chaos_waiting import NOW_S, with_fill


def asked_for(ledger: LedgerContents, *amends: Change) -> list[str]:
    return snipes.bought_what_was_asked(posts(), amends, ledger, chain()).violations


def test_nothing_is_found_where_all_is_well() -> None:
    ledger = launching_run()
    found = [
        snipes.bought_once(ledger, chain()),
        snipes.bought_what_was_asked(posts(), [], ledger, chain()),
        snipes.slots_counted(ledger, chain()),
        snipes.tried_no_more(ledger),
        snipes.slippage_kept(posts(), [], ledger),
    ]

    assert [each.violations for each in found] == [[]] * 5
    assert [each.checked for each in found] == [5, 3, 2, 5, 3]


def second_fill(ledger: LedgerContents) -> LedgerContents:
    again = msgspec.structs.replace(ledger.fills[0], leg=2, tx_hash="another")
    return msgspec.structs.replace(ledger, fills=[*ledger.fills, again])


@pytest.mark.parametrize(
    ("spoil", "found"),
    [
        (second_fill, "is confirmed and has 2 fills"),
        (with_order(ANY, status="cancelled"), "is cancelled and has 1 fills"),
        (with_order(ANY, status="failed"), "is failed, and 1 swaps over its amount are on the chain"),
        (with_fill(ANY, now_of=RESTED), "is cancelled and has 1 fills"),
        (with_order(ANY, token_out="APE0"), "buys APE0 and was filled in raydium_cpmm:UFO25-USDC"),
        (with_order(ANY, token_out="SOL"), "buys SOL and was filled in raydium_cpmm:UFO25-USDC"),
    ],
)
def test_an_order_that_bought_twice_or_elsewhere_is_found(spoil: Doctor, found: str) -> None:
    violations = snipes.bought_once(spoil(launching_run()), chain()).violations

    assert any(found in violation for violation in violations)


def test_a_second_swap_that_only_the_chain_knows_of_is_found() -> None:
    executed = chain()
    again = {**executed.executions, "tx-again": executed.executions["tx-any"]}

    violations = snipes.bought_once(launching_run(), msgspec.structs.replace(executed, executions=again)).violations

    assert violations == [f"{ANY} is confirmed, and 2 swaps over its amount are on the chain"]


@pytest.mark.parametrize(
    ("asked", "why"),
    [
        ({"target": {"mint": "another"}}, "it waits for another"),
        ({"filters": {"lp_burned": False}}, "lp_burned is True"),
        ({"filters": {"freezable": True}}, "freezable is False"),
        ({"filters": {"mint_renounced": False}}, "mint_renounced is True"),
        ({"filters": {"venue": "meteora"}}, "venue is raydium"),
        ({"filters": {"max_top10_bps": 2499}}, "ten holders have 2500 bps"),
        ({"filters": {"min_liquidity": "10000.000001"}}, "the pool opens with 10000000000"),
        ({"filters": {"min_liquidity": "10000", "max_top10_bps": 2500}}, None),
    ],
)
def test_each_filter_is_held_against_what_was_launched(asked: dict[str, Any], why: str | None) -> None:
    assert snipes.refusal({"target": {"any": True}} | asked, "USDC", SECOND) == why


def test_a_pool_that_takes_another_token_is_not_bought() -> None:
    assert snipes.refusal({"target": {"any": True}}, "USDC", LAST) == "the pool takes SOL"


@pytest.mark.parametrize("launch", [FIRST, LAST])
def test_an_order_that_bought_what_does_not_pass_is_found(launch: Launch) -> None:
    [found] = asked_for(with_order(ANY, token_out=launch.token.symbol)(launching_run()))

    assert found.startswith(f"{ANY} was fired by {launch.token.symbol}: ")


def test_an_order_that_failed_though_its_launch_passes_is_found() -> None:
    ledger = with_order(MINT, status="failed", token_out="", reason="filter lp_burned: …")(launching_run())

    assert asked_for(ledger) == [f"{MINT} failed, though it may have bought: filter lp_burned: …"]


def test_filters_count_as_the_latest_amend_before_has_left_them() -> None:
    ledger = with_order(ANY, token_out="APE0")(launching_run())
    filters = {"filters": {"lp_burned": False}}

    def answered(sequence: int) -> Change:
        return Change(ANY, filters, NOW_S, [ChangeAnswer(200, {"sequence": sequence}, NOW_S)])

    assert asked_for(ledger, answered(2)) == []
    assert len(asked_for(ledger, answered(3))) == 1
    assert asked_for(ledger, Change(ANY, filters, NOW_S)) == []
    assert len(asked_for(ledger, Change(ANY, filters, NOW_S + 5))) == 1
    assert len(asked_for(launching_run(), Change(FILTERED, {"filters": {}}, NOW_S, answered(2).answers))) == 1


@pytest.mark.parametrize(("order_id", "slots"), [(MINT, 0), (MINT, 2), (ANY, 2), (ANY, None), (RESTED, 1)])
def test_slots_that_are_not_those_of_the_chain_are_found(order_id: str, slots: int | None) -> None:
    spoiled = with_order(order_id, slots_from_open=slots)(launching_run())

    assert len(snipes.slots_counted(spoiled, chain()).violations) == 1


def test_slots_below_1_are_found_also_where_the_chain_has_forgotten() -> None:
    forgotten = msgspec.structs.replace(chain(), executions={})

    assert snipes.slots_counted(launching_run(), forgotten).violations == []
    spoiled = with_order(MINT, slots_from_open=0)(launching_run())
    assert len(snipes.slots_counted(spoiled, forgotten).violations) == 1


@pytest.mark.parametrize(("status", "more"), [("triggered", 1), ("triggered", 2), ("submitted", 2)])
def test_a_fourth_attempt_is_found(status: str, more: int) -> None:
    ledger = launching_run()
    [event, *_] = [each for each in ledger.events if (each.order_id, each.status) == (ANY, status)]
    tried = msgspec.structs.replace(ledger, events=[*ledger.events, *[event] * more])

    expected = [f"{ANY} was {2 + more} times {status}"] if more > 1 else []
    assert snipes.tried_no_more(tried).violations == expected


@pytest.mark.parametrize("minimum_out", [60_000_000_000 - 1, 60_000_000_000 + 1])
def test_a_minimum_that_is_not_as_the_client_allows_is_found(minimum_out: int) -> None:
    spoiled = with_event(ANY, "building", minimum_out=minimum_out)(launching_run())

    assert snipes.slippage_kept(posts(), [], spoiled).violations == [
        f"{ANY} expects 80000000000 and may yield {minimum_out}, not 60000000000"
    ]


def test_a_slippage_that_was_amended_counts() -> None:
    amended = Change(ANY, {"max_slippage": "0.5"}, NOW_S, [ChangeAnswer(200, {"sequence": 2}, NOW_S)])

    assert len(snipes.slippage_kept(posts(), [amended], launching_run()).violations) == 2
