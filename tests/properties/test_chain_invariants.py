"""What holds of the chain whatever lands on it: no atom is lost, every transaction has its result."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from orderflow.domain.execution import Execution
from orderflow.domain.order import Order
from orderflow.domain.pools import Pool
from orderflow.domain.status import Status
from orderflow.venues.mock.chain import Blocks, produce
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.support.builders import NOW_MS, make_order, make_request, market, market_state, nth_id, vault


def at_slots(slots: Sequence[int]) -> Callable[[Order], int]:
    """Return what lets orders, numbered from 1 on, land at these slots."""
    by_id = {nth_id(number): slot for number, slot in enumerate(slots, 1)}
    return lambda order: by_id[order.order_id]


def held(pools: Mapping[str, Pool]) -> Counter[tuple[str, str]]:
    places = [(pool, token) for pool in pools.values() for token in (pool.token_a, pool.token_b)]
    return Counter({(pool.pool, token): vault(pool, token) for pool, token in places})


def paid(blocks: Blocks) -> Counter[tuple[str, str]]:
    """Return what the blocks' fills and others' trades paid into the vaults."""
    into: Counter[tuple[str, str]] = Counter()
    for execution in blocks.executions:
        for fill in execution.fills:
            into[fill.pool, fill.token_in] += fill.amount_in
            into[fill.pool, fill.token_out] -= fill.amount_out
    for place, atoms in blocks.flows.items():
        pool, _, token = place.partition("|")
        into[pool, token] += atoms
    return into


tokens = st.sampled_from(["SOL", "USDC", "JUP", "WIF", "mSOL"])


@st.composite
def landings(draw: st.DrawFn) -> tuple[list[Order], list[int]]:
    """Orders of a few pairs only, so that they meet in the same pools, some of them large, and when they land."""
    chosen = draw(st.lists(st.tuples(tokens, tokens).filter(lambda pair: pair[0] != pair[1]), min_size=1, max_size=3))
    orders = []
    for number in range(1, draw(st.integers(0, 10)) + 1):
        token_in, token_out = draw(st.sampled_from(chosen))
        dollars = draw(st.sampled_from([10, 1_000, 20_000, 200_000]))
        amount = str(int(dollars / OPENING_PRICES[token_in]) + 1)
        slippage_bps = draw(st.sampled_from([100, 500, 5_000]))
        request = make_request(token_in, token_out, amount, slippage_bps)
        orders.append(make_order(Status.SUBMITTED, request, order_id=nth_id(number)))
    return orders, draw(st.lists(st.integers(0, 40), min_size=len(orders), max_size=len(orders)))


@given(landings(), st.integers(0, 2**32))
def test_what_orders_and_others_gave_and_got_is_what_the_vaults_gained_and_lost(
    landed: tuple[Sequence[Order], list[int]], seed: int
) -> None:
    orders, slots = landed

    blocks = produce(seed, market_state(), orders, at_slots(slots), NOW_MS)

    before, after = held(market()), held(market() | {pool.pool: pool for pool in blocks.changed_pools})
    into = paid(blocks)
    assert {place: after[place] - before[place] for place in after} == {place: into[place] for place in after}


@given(landings(), st.integers(0, 2**32))
def test_every_transaction_has_its_result_and_what_it_gave_and_got_is_in_its_fills(
    landed: tuple[Sequence[Order], list[int]], seed: int
) -> None:
    orders, slots = landed

    blocks = produce(seed, market_state(), orders, at_slots(slots), NOW_MS)

    by_signature = {order.signature: order for order in orders}
    assert sorted(execution.signature for execution in blocks.executions) == sorted(by_signature)
    assert [execution.slot for execution in blocks.executions] == sorted(slots)
    for execution in blocks.executions:
        order = by_signature[execution.signature]
        traded: Counter[str] = Counter()
        for fill in execution.fills:
            traded[fill.token_in] -= fill.amount_in
            traded[fill.token_out] += fill.amount_out
        got, given_up = traded.pop(order.request.token_out, 0), -traded.pop(order.request.token_in, 0)
        assert set(traded.values()) <= {0}
        if execution.error is None:
            assert (given_up, got) == (order.request.amount_in, execution.amount_out)
            assert execution.amount_out >= order.built_transaction.minimum_out
        else:
            assert (execution.fills, execution.amount_out) == ((), 0)


@given(landings(), st.randoms(use_true_random=False))
def test_blocks_at_once_or_one_after_the_other_end_alike(
    landed: tuple[Sequence[Order], list[int]], random: Random
) -> None:
    orders, _ = landed
    slots = random.sample(range(1, 41), len(orders))  # none in another's: within a slot arbitrage comes in between
    lands, state, paid_in = at_slots(slots), market_state(), Counter[str]()

    executions: list[Execution] = []
    for order in sorted(orders, key=lands):
        blocks = produce(1, state, [order], lands, NOW_MS)
        state = blocks.after
        executions += blocks.executions
        paid_in.update(blocks.flows)

    at_once = produce(1, market_state(), orders, lands, NOW_MS)
    assert state == at_once.after
    assert tuple(executions) == at_once.executions
    assert +paid_in == +Counter(at_once.flows)
    assert -paid_in == -Counter(at_once.flows)
