"""The mock chain's execution of transactions, slot by slot, in a market that lives on meanwhile."""

from collections.abc import Callable
from decimal import Decimal

import msgspec
import pytest

from orderflow.domain.execution import Execution
from orderflow.domain.order import Order
from orderflow.domain.pools.swap import swap
from orderflow.domain.routing import Leg, Route
from orderflow.domain.status import Status
from orderflow.venues.mock.background import advance, chain_seconds, pull_back
from orderflow.venues.mock.chain import produce
from tests.support.builders import NOW_MS, land, make_order, make_request, market, market_state, nth_id


def submitted(
    number: int = 1, *, amount: str = "12.5", slippage_bps: int = 500, least: int | None = None, **pair: str
) -> Order:
    request = make_request(amount=amount, slippage_bps=slippage_bps, **pair)
    order = make_order(Status.SUBMITTED, request, order_id=nth_id(number))
    return order if least is None else with_transaction(order, minimum_out=least)


def with_transaction(order: Order, **changes: int) -> Order:
    return msgspec.structs.replace(order, transaction=msgspec.structs.replace(order.built_transaction, **changes))


def with_legs(order: Order, *legs: Leg) -> Order:
    route: Route = msgspec.structs.replace(order.chosen_route, legs=legs)
    return msgspec.structs.replace(order, route=route)


def at_slots(*slots: int) -> Callable[[Order], int]:
    """Return what lets orders, numbered from 1 on, land at these slots."""
    by_id = {nth_id(number): slot for number, slot in enumerate(slots, 1)}
    return lambda order: by_id[order.order_id]


def test_a_transaction_on_an_unmoved_market_yields_what_was_quoted() -> None:
    order = submitted()

    blocks = land([order])

    route = order.chosen_route
    assert blocks.executions == (Execution(order.signature, 0, amount_out=route.expected_out, fills=route.legs),)


@pytest.mark.parametrize(("token_in", "token_out", "amount"), [("SOL", "USDC", "3000"), ("JUP", "WIF", "40000")])
def test_a_split_and_a_route_of_hops_yield_what_was_quoted_too(token_in: str, token_out: str, amount: str) -> None:
    order = submitted(token_in=token_in, token_out=token_out, amount=amount)

    (execution,) = land([order]).executions

    assert len(order.chosen_route.legs) > 2
    assert execution.fills == order.chosen_route.legs
    assert execution.amount_out == order.chosen_route.expected_out


def test_the_market_lives_up_to_the_slot_in_which_a_transaction_lands() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs

    blocks = produce(1, market_state(), [order], at_slots(100), NOW_MS)

    around = advance(1, 0, 100, market_state().fair, market())
    result, after = swap((market() | around.changed)[leg.pool], "SOL", leg.amount_in, chain_seconds(100))
    (execution,) = blocks.executions
    assert execution.slot == blocks.after.slot == 100
    assert (execution.amount_out, blocks.after.fair) == (result.amount_out, around.fair)
    assert execution.amount_out != order.chosen_route.expected_out
    then = pull_back(100, around.fair, {leg.pool: after}, [leg.pool])
    assert blocks.after.pools == market() | around.changed | {leg.pool: after} | then.changed


def test_transactions_execute_in_the_order_of_their_slots() -> None:
    late, early = submitted(1), submitted(2)

    blocks = produce(1, market_state(), [late, early], at_slots(9, 4), NOW_MS)

    assert [(execution.signature, execution.slot) for execution in blocks.executions] == [
        (early.signature, 4),
        (late.signature, 9),
    ]


def test_what_comes_late_lands_in_the_latest_slot_and_the_market_stands_still_for_it() -> None:
    state = market_state(40)

    blocks = produce(1, state, [submitted()], at_slots(12), NOW_MS)

    (execution,) = blocks.executions
    assert (execution.slot, blocks.after.slot, blocks.after.fair) == (40, 40, state.fair)
    assert {pool.pool for pool in blocks.changed_pools} == {leg.pool for leg in execution.fills}


def test_blocks_name_the_pools_that_changed_and_leave_those_they_were_given() -> None:
    state = market_state()

    blocks = produce(1, state, [submitted()], at_slots(50), NOW_MS)

    changed = {pool.pool: pool for pool in blocks.changed_pools}
    assert state == market_state()
    assert blocks.after.pools == market() | changed
    assert all(pool != market()[address] for address, pool in changed.items())
    assert len(changed) == len(blocks.changed_pools) < len(market())


def test_transactions_of_a_slot_execute_one_on_the_others_outcome() -> None:
    first, second = submitted(1), submitted(2)

    blocks = land([first, second])

    (leg,) = first.chosen_route.legs
    once, pool = swap(market()[leg.pool], "SOL", leg.amount_in, chain_seconds(0))
    twice, _ = swap(pool, "SOL", leg.amount_in, chain_seconds(0))
    assert [execution.amount_out for execution in blocks.executions] == [once.amount_out, twice.amount_out]
    assert once.amount_out > twice.amount_out


def test_what_a_large_order_moved_is_pulled_back_for_the_next_quote() -> None:
    blocks = land([submitted(amount="2000")])

    prices = {
        address: swap(pool, "SOL", 10**9, chain_seconds(0))[0].amount_out
        for address, pool in blocks.after.pools.items()
        if address.endswith(":SOL-USDC")
    }
    assert blocks.flows
    assert all(218_500_000 < price < 221_000_000 for price in prices.values())


def test_of_two_big_orders_in_a_slot_the_second_fails_and_says_how_far_the_price_moved() -> None:
    # More than the first leaves at a tolerable price.
    first, second = submitted(1, amount="3000", slippage_bps=100), submitted(2, amount="3000", slippage_bps=100)

    won, lost = land([first, second]).executions

    assert won.error is None
    assert lost.error is not None
    assert lost.error.startswith("Price moved ")
    assert lost.error.endswith("% (max allowed: 1.00%); Jupiter error 6001, 0x1771")
    assert Decimal(lost.error.split()[2].rstrip("%")) > 1
    assert (lost.amount_out, lost.fills) == (0, ())
    assert land([first, second]).after == land([first]).after


def test_a_failure_in_one_pool_has_that_venues_error() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    moved = swap(market()[leg.pool], "SOL", 10**12 // 2, chain_seconds(0))[1]

    (execution,) = land(
        [with_transaction(order, minimum_out=order.chosen_route.expected_out)],
        market_state(pools=market() | {leg.pool: moved}),
    ).executions

    assert leg.pool == "meteora_dlmm:SOL-USDC"
    assert (execution.error or "").endswith("; Meteora DLMM error 6003, 0x1773")


def test_a_transaction_that_fails_changes_nothing() -> None:
    order = submitted(least=10**15)

    blocks = land([order])

    assert [execution.error is None for execution in blocks.executions] == [False]
    assert (blocks.changed_pools, blocks.flows, blocks.after) == ((), {}, market_state())


def test_a_transaction_whose_second_leg_fails_undoes_the_first() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    too_small = Leg("raydium", "raydium_amm_v4:SOL-USDC", 1, "SOL", "USDC", 1, 1, 0, "SOL")

    blocks = land([with_legs(order, leg, too_small)])

    (execution,) = blocks.executions
    assert execution.error == "1 atoms are too few: raydium would pay out nothing"
    assert blocks.changed_pools == ()


def test_a_transaction_may_use_a_pool_twice() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    half = msgspec.structs.replace(leg, amount_in=leg.amount_in // 2)

    (execution,) = land([with_legs(order, half, half)]).executions

    once, pool = swap(market()[leg.pool], "SOL", half.amount_in, chain_seconds(0))
    twice, _ = swap(pool, "SOL", half.amount_in, chain_seconds(0))
    assert execution.amount_out == once.amount_out + twice.amount_out


EXPIRED = "Transaction expired: block height exceeded"


@pytest.mark.parametrize(("late_ms", "error"), [(0, None), (1, EXPIRED)])
def test_a_transaction_is_refused_from_the_moment_after_its_expiry(late_ms: int, error: str | None) -> None:
    order = submitted()

    blocks = land([order], now_ms=order.built_transaction.expires_at_ms + late_ms)

    assert blocks.executions[0].error == error
    assert bool(blocks.changed_pools) == (error is None)


@pytest.mark.parametrize(("slot", "error"), [(150, None), (151, EXPIRED)])
def test_a_transaction_is_refused_after_the_last_slot_in_which_its_blockhash_is_valid(
    slot: int, error: str | None
) -> None:
    order = submitted(slippage_bps=5_000)

    (execution,) = produce(1, market_state(), [order], at_slots(slot), NOW_MS).executions

    assert order.built_transaction.last_valid_slot == 150
    assert (execution.slot, execution.error) == (slot, error)


def test_a_yield_of_the_minimum_out_is_enough_and_an_atom_less_is_not() -> None:
    expected = submitted().chosen_route.expected_out

    for least, fails in ((expected, False), (expected + 1, True)):
        (execution,) = land([submitted(least=least)]).executions

        assert (execution.error is not None) == fails


def test_without_transactions_nothing_changes() -> None:
    state = market_state(3)

    blocks = produce(1, state, [], at_slots(), NOW_MS)

    assert (blocks.executions, blocks.changed_pools, blocks.flows, blocks.after) == ((), (), {}, state)


def test_a_signature_that_is_missing_is_a_bug_and_said_so() -> None:
    with pytest.raises(ValueError, match="has no signature yet"):
        land([make_order(Status.BUILDING)])
