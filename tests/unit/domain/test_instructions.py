"""A route's transaction: the instructions that it consists of."""

import pytest

from orderflow.domain.instructions import instructions_for
from orderflow.domain.pools import POOL_TYPES
from orderflow.domain.status import Status
from tests.support.builders import make_order, make_request, route_for

# What each program calls its swap, tests/unit/domain/pools/test_pool_types.py has written out.
SWAPS = {program: f"{program}.{kind.swap_instruction}" for program, kind in POOL_TYPES.items()}


@pytest.mark.parametrize(
    ("token_in", "token_out", "before", "after"),
    [
        ("SOL", "USDC", ("system.transfer", "token.sync_native"), ()),
        ("USDC", "SOL", (), ("token.close_account",)),
        ("JUP", "USDC", (), ()),
    ],
)
def test_native_sol_is_wrapped_before_and_unwrapped_after(
    token_in: str, token_out: str, before: tuple[str, ...], after: tuple[str, ...]
) -> None:
    route = make_order(Status.ROUTING, make_request(token_in, token_out)).chosen_route

    instructions = instructions_for(route)

    (leg,) = route.legs
    assert instructions == (*before, SWAPS[leg.pool.partition(":")[0]], *after)


def test_every_leg_of_a_route_is_swapped_by_its_own_program() -> None:
    route = route_for(make_request(amount="3000"))

    instructions = instructions_for(route)

    assert instructions[2:] == tuple(SWAPS[leg.pool.partition(":")[0]] for leg in route.legs)
    assert len(set(instructions[2:])) >= 4
