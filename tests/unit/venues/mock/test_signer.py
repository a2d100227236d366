"""The mock market's signature of a transaction: the same for the same one, another for any other."""

import re

import msgspec

from orderflow.domain.status import Status
from orderflow.venues.mock.signer import sign
from tests.support.builders import NOW_MS, OTHER_ID, make_order, make_request


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
