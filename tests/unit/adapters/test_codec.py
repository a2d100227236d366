"""What goes through Redis comes back the same, to the last digit."""

import json
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orderflow.adapters.codec import encoder, event_decoder, order_decoder
from orderflow.domain.order import Order, OrderId, OrderRequest, Signature, StatusEvent, Transaction, event_of
from orderflow.domain.pools import Pool
from orderflow.domain.routing import Leg, Route, VenueQuote
from orderflow.domain.status import Status
from tests.support.builders import make_order, market, order_at

atoms = st.integers(0, 2**64 - 1)
words = st.text(max_size=20)
decimals = st.decimals(allow_nan=False, allow_infinity=False, min_value=0, max_value=10**20, places=12) | st.builds(
    # As prices are: up to twelve digits, at any exponent that two tokens' decimals can lead to.
    lambda digits, exponent: Decimal(digits).scaleb(exponent),
    st.integers(1, 10**12 - 1),
    st.integers(-30, 20),
)
legs = st.builds(
    Leg,
    venue=words,
    pool=words,
    share_bps=st.integers(0, 10_000),
    token_in=words,
    token_out=words,
    amount_in=atoms,
    amount_out=atoms,
    fee=atoms,
    fee_token=words,
)
quotes = st.builds(
    VenueQuote,
    venue=words,
    amount_out=atoms,
    price=decimals,
    pools=st.lists(words, max_size=3).map(tuple),
    error=st.none() | words,
)
routes = st.builds(
    Route,
    slot=st.integers(0, 2**40),
    venue=words,
    legs=st.lists(legs, min_size=1, max_size=3).map(tuple),
    amount_in=atoms,
    expected_out=atoms,
    price_impact=decimals,
    improvement_bps=decimals,
    network_fee=atoms,
    quotes=st.lists(quotes, max_size=3).map(tuple),
)
orders = st.builds(
    Order,
    order_id=words.map(OrderId),
    sequence=st.integers(1, 5),
    status=st.sampled_from(Status),
    created_at_ms=st.integers(0, 10**13),
    updated_at_ms=st.integers(0, 10**13),
    request=st.builds(
        OrderRequest,
        token_in=words,
        token_out=words,
        amount_in=atoms,
        order_type=st.just("market"),
        slippage_bps=st.integers(100, 5_000),
    ),
    route=st.none() | routes,
    transaction=st.none()
    | st.builds(
        Transaction, instructions=st.lists(words).map(tuple), minimum_out=atoms, expires_at_ms=st.integers(0, 10**13)
    ),
    tx_hash=st.none() | words.map(Signature),
    amount_out=st.none() | atoms,
    execution_price=st.none() | decimals,
    fills=st.lists(legs, max_size=3).map(tuple),
    reason=st.none() | words,
)


def digits(order: Order) -> list[str]:
    """Return every decimal of an order as text: equal decimals may still differ in their digits."""
    quoted = [quote.price for quote in order.route.quotes] if order.route else []
    impact = [order.route.price_impact] if order.route else []
    paid = [] if order.execution_price is None else [order.execution_price]
    return [str(number) for number in (*quoted, *impact, *paid)]


@given(orders)
def test_an_order_comes_back_the_same(order: Order) -> None:
    back = order_decoder.decode(encoder.encode(order))

    assert back == order
    assert digits(back) == digits(order)


@given(orders)
def test_an_event_comes_back_the_same(order: Order) -> None:
    event = event_of(order)

    back = event_decoder.decode(encoder.encode(event))

    assert back == event


@given(orders)
def test_what_is_written_again_is_written_alike(order: Order) -> None:
    # A retried message must be the same text: the timer set holds each only once.
    written = encoder.encode(order)

    assert encoder.encode(order_decoder.decode(written)) == written


@pytest.mark.parametrize("status", list(Status))
def test_an_order_of_every_status_comes_back_the_same(status: Status) -> None:
    order = order_at(status)

    assert order_decoder.decode(encoder.encode(order)) == order
    assert event_decoder.decode(encoder.encode(event_of(order))) == event_of(order)


def test_a_price_is_a_json_number_with_all_its_digits() -> None:
    order = msgspec.structs.replace(make_order(Status.CONFIRMED), execution_price=Decimal("219.442902240001"))

    assert b'"execution_price":219.442902240001,' in encoder.encode(event_of(order))


@pytest.mark.parametrize("text", [b"", b"{}", b"null", b"[]", b'{"order_id":"x"}', b"\xff"])
def test_what_is_no_order_or_event_is_refused(text: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        order_decoder.decode(text)
    with pytest.raises(msgspec.DecodeError):
        event_decoder.decode(text)


def test_a_status_of_newer_code_is_read_and_written_as_it_is() -> None:
    order = encoder.encode(make_order()).replace(b'"pending"', b'"paused"')
    event = encoder.encode(event_of(make_order())).replace(b'"pending"', b'"paused"')

    assert order_decoder.decode(order).status == "paused"
    assert encoder.encode(order_decoder.decode(order)) == order
    assert encoder.encode(event_decoder.decode(event)) == event


@pytest.mark.parametrize("text", ['""', '"PENDING"', '"pend ing"', '"' + "x" * 33 + '"', "1", "null", '["pending"]'])
def test_what_can_be_no_status_is_refused(text: str) -> None:
    written = encoder.encode(make_order()).replace(b'"pending"', text.encode())

    with pytest.raises(msgspec.ValidationError):
        order_decoder.decode(written)


@pytest.mark.parametrize("status", list(Status))
def test_what_newer_code_adds_is_passed_over(status: Status) -> None:
    order = order_at(status)

    assert order_decoder.decode(extended(order)) == order
    assert event_decoder.decode(extended(event_of(order))) == event_of(order)


@pytest.mark.parametrize("pool", list(market().values()), ids=lambda pool: pool.pool)
def test_a_pool_to_which_newer_code_adds_something_is_read(pool: Pool) -> None:
    assert msgspec.json.decode(extended(pool), type=Pool) == pool


def extended(document: object) -> bytes:
    """Return a document as newer code might write it: with something further in every object."""

    def extend(part: object) -> object:
        match part:
            case dict():
                return {name: extend(value) for name, value in part.items()} | {"added": {"by": ["newer", "code"]}}
            case list():
                return [extend(each) for each in part]
        return part

    # Decimals keep their digits, as they would on their way.
    return encoder.encode(extend(json.loads(encoder.encode(document), parse_float=Decimal)))


def test_an_event_without_its_optional_keys_is_one() -> None:
    event = event_decoder.decode(
        b'{"order_id":"x","status":"pending","execution_price":null,"tx_hash":null,"reason":null,'
        b'"sequence":1,"timestamp":"2026-11-22T18:14:01.123Z"}'
    )

    assert event == StatusEvent(OrderId("x"), Status.PENDING, None, None, None, 1, "2026-11-22T18:14:01.123Z")
