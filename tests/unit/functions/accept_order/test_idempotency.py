"""Fingerprints of requests: what was recorded by one version is still the same request to the next."""

import pytest

from functions.accept_order.idempotency import Name, fingerprint, name_of
from orderflow.domain.access import LOCAL_ACCOUNT
from orderflow.domain.order import OrderRequest
from orderflow.runtime.http.order_input import read_json_order

RECORDED = {
    '{"token_in":"SOL","token_out":"USDC","amount":12.5,"order_type":"market"}': (
        "e89102ef7f7fa23c66c43f2fec0d00ebf1d5649010d7324d229b1bc9a0773dc2"
    ),
    '{"token_in":"sol","token_out":"USDC","amount":"12.50","order_type":"market","max_slippage":0.05}': (
        "e89102ef7f7fa23c66c43f2fec0d00ebf1d5649010d7324d229b1bc9a0773dc2"
    ),
    '{"token_in":"USDC","token_out":"SOL","amount":250.75,"order_type":"market","max_slippage":0.01,'
    '"client_order_id":"desk-7.42"}': "afb169aaa3486c3e777df05501d60f2b661d98bb174ca2ed492eac4a4c7c837a",
    '{"token_in":"BONK","token_out":"JitoSOL","amount":"184467440737095.51615","order_type":"market",'
    '"max_slippage":"0.5"}': "0186a136b8a61bd3e9194f0432242583c304823b434337e08a9d7bcf50f11338",
}
"""Requests and their fingerprints as version 0.1.0 has recorded them, on 25 November 2026. They are never changed."""


LIMIT = (
    '{"token_in":"SOL","token_out":"USDC","amount":12.5,"order_type":"limit","limit_price":"221.37","expires_in":60}'
)


class LaterRequest(OrderRequest, frozen=True, kw_only=True):
    """A request of a version to come, with fields that today's clients do not send."""

    limit_price: str | None = None
    slices: int = 1
    tags: tuple[str, ...] = ()


@pytest.mark.parametrize(("body", "recorded"), RECORDED.items())
def test_a_request_that_was_recorded_before_has_its_fingerprint_still(body: str, recorded: str) -> None:
    assert fingerprint(read_json_order(body.encode()).request(0)) == recorded


@pytest.mark.parametrize(("body", "recorded"), RECORDED.items())
def test_a_later_field_that_is_not_given_leaves_the_fingerprint_as_it_was(body: str, recorded: str) -> None:
    today = read_json_order(body.encode()).request(0)
    later = LaterRequest(today.token_in, today.token_out, today.amount_in, today.order_type, today.slippage_bps)

    assert fingerprint(later) == recorded


def test_a_later_field_that_is_given_is_a_part_of_what_is_asked_for() -> None:
    plain = LaterRequest("SOL", "USDC", 12_500_000_000, "market", 500)
    limited = LaterRequest("SOL", "USDC", 12_500_000_000, "market", 500, limit_price="221.37")
    sliced = LaterRequest("SOL", "USDC", 12_500_000_000, "market", 500, slices=2)

    assert len({fingerprint(each) for each in (plain, limited, sliced)}) == 3


def test_a_request_that_is_good_for_a_time_is_the_same_whenever_it_is_made() -> None:
    wanted = read_json_order(LIMIT.encode())
    first, later = wanted.request(1_000), wanted.request(2_000)

    assert first.expires_at_ms == 61_000
    assert fingerprint(first, wanted.expires_in_ms) == fingerprint(later, wanted.expires_in_ms)
    assert len({fingerprint(first), fingerprint(later), fingerprint(first, 60_000), fingerprint(first, 61_000)}) == 4


def test_whatever_an_order_waits_for_is_a_part_of_what_is_asked_for() -> None:
    less = LIMIT.replace(',"expires_in":60', "")
    bodies = [
        less,
        less.replace("221.37", "221.38"),
        less[:-1] + ',"price_in":"token_in"}',
        less[:-1] + ',"time_in_force":"fok"}',
        less[:-1] + ',"allow_partial":true}',
        less[:-1] + ',"then":{"stop_loss":{"trigger_price":200}}}',
        less[:-1] + ',"then":{"stop_loss":{"trigger_price":200,"trigger_slots":2}}}',
    ]

    assert len({fingerprint(read_json_order(body.encode()).request(0)) for body in bodies}) == len(bodies)
    same = less.replace('"221.37"', "221.370")[:-1] + ',"price_in":"token_out","time_in_force":null}'
    assert fingerprint(read_json_order(same.encode()).request(0)) == fingerprint(
        read_json_order(less.encode()).request(0)
    )


def test_the_names_of_local_orders_have_the_records_that_they_had_before_there_were_accounts() -> None:
    recorded = "42590b41525335171d610725d8471189426a198cec93d9829c7de0d828eb6a7f"

    assert Name("client_order_id", "desk-7.42", LOCAL_ACCOUNT).record == recorded


def test_no_name_of_an_account_is_one_of_anothers_or_of_another_field() -> None:
    texts = ("abc", "abc\n3", "client_order_id:abc", "desk-1\nclient_order_id:abc")
    names = {
        (account, field, text): Name(field, text, account).record
        for account in (LOCAL_ACCOUNT, "desk-1", "abc", "client_order_id", "idempotency-key")
        for field in ("client_order_id", "Idempotency-Key")
        for text in texts
    }

    assert len(set(names.values())) == len(names)


def test_a_place_in_a_batch_is_of_the_same_account() -> None:
    single, first = (name_of("abc", None, "desk-1", place) for place in (None, 0))

    assert single is not None
    assert first is not None
    assert {single.account, first.account} == {"desk-1"}
    assert single.record != first.record
