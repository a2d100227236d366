"""A route's transaction: what it consists of, and its signature."""

import re

import msgspec
import pytest

from orderflow.domain.instructions import instructions_for
from orderflow.domain.status import Status
from orderflow.venues.mock.signer import sign
from tests.support.builders import NOW_MS, OTHER_ID, make_order, make_request, route_for

SWAPS = {
    "raydium_amm_v4": "raydium_amm_v4.swap_base_in",
    "raydium_cpmm": "raydium_cpmm.swap_base_input",
    "meteora_damm_v2": "meteora_damm_v2.swap",
    "meteora_dlmm": "meteora_dlmm.swap",
}


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
    assert set(instructions[2:]) == set(SWAPS.values())


def test_a_signature_is_a_hash_in_hexadecimal() -> None:
    signature = sign(make_order(Status.BUILDING))

    assert re.fullmatch("0x[0-9a-f]{64}", signature)


def test_signing_again_gives_the_same_signature() -> None:
    order = make_order(Status.BUILDING)

    assert sign(order) == sign(order) == sign(msgspec.structs.replace(order, updated_at_ms=order.updated_at_ms + 1))


def test_every_part_of_a_transaction_is_signed() -> None:
    order = make_order(Status.BUILDING)
    transaction = order.built_transaction
    others = [
        make_order(Status.BUILDING, order_id=OTHER_ID),
        make_order(Status.BUILDING, make_request(amount="12.6")),
        make_order(Status.BUILDING, make_request(slippage_bps=501)),
        make_order(Status.BUILDING, make_request(token_out="JUP")),
        make_order(Status.BUILDING, expires_at_ms=order.built_transaction.expires_at_ms + 1),
        make_order(Status.ROUTING).build(transaction.instructions, 151, transaction.expires_at_ms, NOW_MS),
    ]

    signatures = {sign(each) for each in (order, *others)}

    assert len(signatures) == 7
