"""The mock chain's execution of transactions, block by block."""

from collections.abc import Sequence
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.order import Order
from orderflow.domain.pools import Pool
from orderflow.domain.routing import Leg
from orderflow.domain.status import Status
from orderflow.domain.tokens import TOKENS
from orderflow.market.chain import Execution, produce
from orderflow.market.universe import pairs
from tests.builders import NOW_MS, make_order, make_request, market, nth_id, vault


def submitted(number: int = 1, *, amount: str = "12.5", slippage_bps: int = 500, **pair: str) -> Order:
    return make_order(
        Status.SUBMITTED, make_request(amount=amount, slippage_bps=slippage_bps, **pair), order_id=nth_id(number)
    )


def after(pools: dict[str, Pool], changed: Sequence[Pool]) -> dict[str, Pool]:
    return pools | {pool.pool: pool for pool in changed}


def sides(pool: Pool) -> tuple[str, str]:
    return pool.token_a, pool.token_b


def test_a_transaction_on_an_unmoved_market_yields_what_was_quoted() -> None:
    order = submitted()

    block = produce(7, [order], market(), NOW_MS)

    assert block.height == 7
    assert block.executions == (
        Execution(
            signature=order.signature,
            height=7,
            amount_out=order.chosen_route.expected_out,
            fills=order.chosen_route.legs,
        ),
    )


def test_a_block_names_the_pools_that_it_changed_and_leaves_those_it_was_given() -> None:
    before = dict(market())
    order = submitted()
    (leg,) = order.chosen_route.legs

    block = produce(1, [order], before, NOW_MS)

    assert block.changed_pools == (market()[leg.pool].swap("SOL", leg.amount_in)[1],)
    assert before == market()


def test_transactions_execute_one_on_the_others_outcome() -> None:
    first, second = submitted(1), submitted(2)

    block = produce(1, [first, second], market(), NOW_MS)

    (leg,) = first.chosen_route.legs
    once, pool = market()[leg.pool].swap("SOL", leg.amount_in)
    twice, pool = pool.swap("SOL", leg.amount_in)
    assert [execution.amount_out for execution in block.executions] == [once.amount_out, twice.amount_out]
    assert once.amount_out > twice.amount_out
    assert block.changed_pools == (pool,)


def test_of_two_big_orders_in_a_block_the_second_fails_and_says_how_far_the_price_moved() -> None:
    # A million dollars' worth of SOL, each, into pools of a few millions: the first moves the price by a quarter.
    first, second = submitted(1, amount="4500"), submitted(2, amount="4500")

    block = produce(1, [first, second], market(), NOW_MS)

    alone = produce(1, [first], market(), NOW_MS)
    won, lost = block.executions
    assert won.error is None
    assert lost.error is not None
    assert lost.error.startswith("Price moved ")
    assert lost.error.endswith("% (max allowed: 5.00%)")
    assert Decimal(lost.error.split()[2].rstrip("%")) > 5
    assert (lost.amount_out, lost.fills) == (0, ())
    assert block.changed_pools == alone.changed_pools


def test_a_transaction_that_fails_changes_nothing() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    moved = after(market(), [market()[leg.pool].swap("SOL", 10**13)[1]])

    block = produce(1, [order], moved, NOW_MS)

    assert [execution.error is None for execution in block.executions] == [False]
    assert block.changed_pools == ()


def test_a_transaction_whose_second_leg_fails_undoes_the_first() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    too_small = Leg("raydium", "raydium:SOL-USDC", 1, "SOL", "USDC", 1, 1, 0, "SOL")
    route = msgspec.structs.replace(order.chosen_route, legs=(leg, too_small))
    order = msgspec.structs.replace(order, route=route)

    block = produce(1, [order], market(), NOW_MS)

    assert [execution.error for execution in block.executions] == ["1 atoms are too few: raydium would pay out nothing"]
    assert block.changed_pools == ()


def test_a_transaction_may_use_a_pool_twice() -> None:
    order = submitted()
    (leg,) = order.chosen_route.legs
    half = msgspec.structs.replace(leg, amount_in=leg.amount_in // 2)
    route = msgspec.structs.replace(order.chosen_route, legs=(half, half))

    block = produce(1, [msgspec.structs.replace(order, route=route)], market(), NOW_MS)

    once, pool = market()[leg.pool].swap("SOL", half.amount_in)
    twice, pool = pool.swap("SOL", half.amount_in)
    assert block.executions[0].amount_out == once.amount_out + twice.amount_out
    assert block.changed_pools == (pool,)


@pytest.mark.parametrize(("late_ms", "error"), [(0, None), (1, "Transaction expired: block height exceeded")])
def test_a_transaction_is_refused_from_the_moment_after_its_expiry(late_ms: int, error: str | None) -> None:
    order = submitted()

    block = produce(1, [order], market(), order.built_transaction.expires_at_ms + late_ms)

    assert block.executions[0].error == error
    assert bool(block.changed_pools) == (error is None)


def test_a_yield_of_the_minimum_out_is_enough_and_an_atom_less_is_not() -> None:
    order = submitted()
    transaction, route = order.built_transaction, order.chosen_route

    for least, fails in ((route.expected_out, False), (route.expected_out + 1, True)):
        strict = msgspec.structs.replace(order, transaction=msgspec.structs.replace(transaction, minimum_out=least))

        (execution,) = produce(1, [strict], market(), NOW_MS).executions

        assert (execution.error is not None) == fails


def test_an_empty_block_changes_nothing() -> None:
    block = produce(3, [], market(), NOW_MS)

    assert (block.executions, block.changed_pools) == ((), ())


directions = [(one.symbol, other.symbol) for base, quote in pairs() for one, other in ((base, quote), (quote, base))]


@st.composite
def blocks(draw: st.DrawFn) -> list[Order]:
    """Orders of a few pairs only, so that they meet in the same pools, some of them large."""
    chosen = draw(st.lists(st.sampled_from(directions), min_size=1, max_size=3))
    orders = []
    for number in range(draw(st.integers(0, 12))):
        token_in, token_out = draw(st.sampled_from(chosen))
        dollars = draw(st.sampled_from([10, 1_000, 20_000, 200_000]))
        amount = str(int(dollars / TOKENS[token_in].opening_price) + 1)
        slippage_bps = draw(st.sampled_from([100, 500, 5_000]))
        orders.append(
            submitted(number, amount=amount, slippage_bps=slippage_bps, token_in=token_in, token_out=token_out)
        )
    return orders


@given(blocks())
def test_what_the_orders_gave_and_got_is_what_the_vaults_gained_and_lost(orders: list[Order]) -> None:
    block = produce(1, orders, market(), NOW_MS)

    by_signature = {order.signature: order for order in orders}
    expected = {(pool.pool, token): vault(pool, token) for pool in market().values() for token in sides(pool)}
    for execution in block.executions:
        for fill in execution.fills:
            expected[fill.pool, fill.token_in] += fill.amount_in
            expected[fill.pool, fill.token_out] -= fill.amount_out
        order = by_signature[execution.signature]
        if execution.error is None:
            assert sum(fill.amount_in for fill in execution.fills) == order.request.amount_in
            assert sum(fill.amount_out for fill in execution.fills) == execution.amount_out
            assert execution.amount_out >= order.built_transaction.minimum_out
        else:
            assert execution.fills == ()
    found = after(market(), block.changed_pools)
    assert {(pool.pool, token): vault(pool, token) for pool in found.values() for token in sides(pool)} == expected


@given(blocks())
def test_every_transaction_has_its_result_in_its_turn(orders: list[Order]) -> None:
    block = produce(1, orders, market(), NOW_MS)

    assert [execution.signature for execution in block.executions] == [order.signature for order in orders]
    assert len({pool.pool for pool in block.changed_pools}) == len(block.changed_pools)
    assert all(pool.version > 0 for pool in block.changed_pools)


def test_a_signature_that_is_missing_is_a_bug_and_said_so() -> None:
    with pytest.raises(ValueError, match="has no signature yet"):
        produce(1, [make_order(Status.BUILDING)], market(), NOW_MS)
