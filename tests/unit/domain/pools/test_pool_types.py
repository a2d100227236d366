"""What a type of pools has to be, and one from outside the table that is traded like all others."""

from dataclasses import dataclass, replace
from decimal import Decimal
from math import inf
from typing import ClassVar, Self, get_args

import msgspec
import pytest

from orderflow.domain.amounts import MAX_ATOMS
from orderflow.domain.order import OrderRequest
from orderflow.domain.pools import POOL_TYPES, AnyPool, Dlmm, Pool, Swap, program_of
from orderflow.domain.pools.curves import PoolCurve, Steps
from orderflow.domain.pools.swap import swap, swap_exact_out
from orderflow.domain.router.choice import choose_route
from orderflow.domain.router.execute import run_legs
from orderflow.domain.router.market_view import MarketView
from orderflow.errors import InsufficientLiquidityError, ReserveOverflowError
from tests.support.builders import amm_v4, cpmm, damm_v2
from tests.support.pool_kinds import CONSTANT_PRODUCT
from tests.support.pool_strategies import dlmm

NOW_S = 1_795_371_241

STORED = {
    amm_v4(
        3, 4
    ): '{"type":"raydium_amm_v4","pool":"raydium:SOL-USDC","venue":"raydium","token_a":"SOL","token_b":"USDC",'
    '"reserve_a":3,"reserve_b":4,"withheld_a":0,"withheld_b":0,"version":0}',
    cpmm(
        3, 4
    ): '{"type":"raydium_cpmm","pool":"raydium:cpmm:SOL-USDC","venue":"raydium","token_a":"SOL","token_b":"USDC",'
    '"reserve_a":3,"reserve_b":4,"withheld_a":0,"withheld_b":0,"version":0,"fee_rate":2500}',
    damm_v2(
        3, 4
    ): '{"type":"meteora_damm_v2","pool":"meteora:SOL-USDC","venue":"meteora","token_a":"SOL","token_b":"USDC",'
    '"reserve_a":3,"reserve_b":4,"withheld_a":0,"withheld_b":0,"version":0,"fee_rate":2500000}',
    dlmm({7: (3, 4)}): '{"type":"meteora_dlmm","pool":"meteora:dlmm:SOL-USDC","venue":"meteora","token_a":"SOL",'
    '"token_b":"USDC","bin_step":10,"active_id":0,"lowest_id":7,"bins_x":[3],"bins_y":[4],"base_factor":10000,"power":0,'
    '"control":40000,"max_va":350000,"filter_period_s":30,"decay_period_s":600,"reduction_factor":5000,'
    '"protocol_share":1000,"va":0,"vol_ref":0,"index_ref":0,"last_s":0,"withheld_a":0,"withheld_b":0,"protocol_a":0,'
    '"protocol_b":0,"version":0}',
}


@pytest.mark.parametrize("pool", STORED, ids=lambda pool: type(pool).__name__)
def test_a_pool_is_stored_as_it_always_was(pool: Pool) -> None:
    assert msgspec.json.encode(pool).decode() == STORED[pool]
    assert msgspec.json.decode(STORED[pool], type=Pool) == pool


def test_the_property_tests_of_pools_and_router_try_every_type() -> None:
    tried = {*CONSTANT_PRODUCT, Dlmm}

    assert tried == set(POOL_TYPES.values()), (
        "a constant product is a line in tests/support/pool_kinds.py; any other"
        " type is among `pools` in pool_strategies.py and `any_pools` in router_pools.py there, and in `tried` here"
    )


def test_every_type_that_json_may_name_is_in_the_table_with_what_its_program_calls_a_swap() -> None:
    assert {type(pool) for pool in STORED} == set(POOL_TYPES.values()) == set(get_args(Pool))
    assert {program: kind.swap_instruction for program, kind in POOL_TYPES.items()} == {
        "raydium_amm_v4": "swap_base_in",
        "raydium_cpmm": "swap_base_input",
        "meteora_damm_v2": "swap",
        "meteora_dlmm": "swap",
    }


def test_an_address_begins_with_its_program() -> None:
    assert program_of("meteora_dlmm:JUP-SOL") == "meteora_dlmm"


@dataclass(frozen=True)
class OneForOne:
    """A pool that pays an atom for an atom, as long as it has any: no type that the domain knows of."""

    swap_instruction: ClassVar[str] = "swap"
    slippage_error: ClassVar[str | None] = None

    pool: str
    venue: str
    held: int
    token_a: str = "SOL"
    token_b: str = "USDC"
    taken: int = 0

    def other(self, token: str) -> str:
        return self.token_b if token == self.token_a else self.token_a

    def reserves(self, token_in: str) -> tuple[int, int]:
        return self.taken, self.held

    def most_held(self, token_in: str, swap: Swap) -> int:
        return self.taken + swap.amount_in

    def check_state(self) -> None:
        if not self.held:
            raise InsufficientLiquidityError(f"{self.pool} is empty")

    def quote(self, token_in: str, amount_in: int, now_s: int) -> Swap:
        if amount_in > self.held:
            raise InsufficientLiquidityError(f"{self.pool} holds {self.held}")
        return Swap(amount_in, amount_in, 0, token_in)

    def swap(self, token_in: str, amount_in: int, now_s: int) -> tuple[Swap, Self]:
        result = self.quote(token_in, amount_in, now_s)
        return result, replace(self, held=self.held - amount_in, taken=self.taken + amount_in)

    def swap_exact_out(self, token_in: str, amount_out: int, now_s: int) -> tuple[Swap, Self]:
        return self.swap(token_in, amount_out, now_s)

    def curve(self, token_in: str, now_s: int) -> PoolCurve:
        return Steps([(1.0, float(self.held))])

    def first_price(self, token_in: str, now_s: int) -> float:
        return 1.0

    def fee_falls_at(self, now_s: int) -> float:
        return inf

    def spot_price(self, token_in: str) -> Decimal:
        return Decimal(1)

    def price_impact(self, token_in: str, swap: Swap) -> Decimal:
        return Decimal(0)


def test_a_type_from_outside_the_table_is_swapped_with_and_checked_as_all_others_are() -> None:
    pool = OneForOne("mine", "own", held=1_000)

    result, after = swap(pool, "SOL", 400, NOW_S)

    assert (result.amount_out, after.held) == (400, 600)
    assert swap_exact_out(pool, "SOL", 400, NOW_S) == (result, after)
    with pytest.raises(ValueError, match="mine trades SOL and USDC, not JUP"):
        swap(pool, "JUP", 1, NOW_S)
    with pytest.raises(InsufficientLiquidityError, match="mine is empty"):
        swap(replace(pool, held=0), "SOL", 1, NOW_S)
    with pytest.raises(ReserveOverflowError):
        swap(replace(pool, taken=MAX_ATOMS), "SOL", 1, NOW_S)


def test_a_type_from_outside_the_table_is_part_of_a_route_and_of_its_execution() -> None:
    pools: list[AnyPool] = [OneForOne("mine", "own", held=10**9), amm_v4(10**12, 10**12)]
    request = OrderRequest("SOL", "USDC", 10**10, "market", 500)

    route = choose_route(MarketView(pools, NOW_S), 0, request, ["own", "raydium"], ["own", "raydium"], 0)
    fills, changed = run_legs(route.legs, {pool.pool: pool for pool in pools}, NOW_S)

    assert {leg.pool: leg.amount_in for leg in route.legs} == {"mine": 10**9, "raydium:SOL-USDC": 9 * 10**9}
    assert fills == route.legs
    assert changed["mine"].reserves("SOL") == (10**9, 0)
