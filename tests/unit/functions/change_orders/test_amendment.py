"""What an amendment makes of a request: the fields that are given, and no others."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from functions.change_orders.amendment import Amendment, read_amendment
from orderflow.domain.conditions import Limit, Price, Rule, Schedule, Trigger
from orderflow.domain.order import OrderRequest
from orderflow.runtime import clock
from orderflow.runtime.http.problems import ProblemError
from tests.support.builders import NOW_MS, WAITING_TYPES, make_request, make_waiting_request

SOL, USDC = 10**9, 10**6
INVERTED = Price(Decimal("0.0045"), inverted=True)
LIMIT = make_waiting_request()
BY_AMOUNT = make_waiting_request(limit=Limit(min_amount_out=2_750 * USDC))
BOUGHT = make_waiting_request(limit=Limit(INVERTED))
STOP = make_waiting_request("stop_loss")
STOP_LIMIT = make_waiting_request(
    "stop_loss", triggers=(Trigger("stop_loss", 2_000, price=Price(Decimal(200)), limit=Limit(Price(Decimal(195)))),)
)
TRAILING = make_waiting_request("trailing_stop")
OCO = make_waiting_request("oco")
TWAP = make_waiting_request("twap")


@pytest.fixture(autouse=True)
def _at_that_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clock, "now_ms", lambda: NOW_MS)


def amended(request: OrderRequest, **fields: Any) -> OrderRequest:
    return read_amendment(json.dumps(fields).encode()).request(request)


def refusals(request: OrderRequest, **fields: Any) -> list[tuple[str, str]]:
    with pytest.raises(ProblemError) as refused:
        amended(request, **fields)
    assert refused.value.status == 400
    return [(error.field, error.rule) for error in refused.value.errors]


def replaced(request: OrderRequest, **changes: Any) -> OrderRequest:
    return msgspec.structs.replace(request, **changes)


def limit_at(price: str, *, inverted: bool = False) -> Limit:
    return Limit(Price(Decimal(price), inverted))


def with_trigger(request: OrderRequest, number: int = 0, **changes: Any) -> OrderRequest:
    triggers = list(request.triggers)
    triggers[number] = msgspec.structs.replace(triggers[number], **changes)
    return replaced(request, triggers=tuple(triggers))


PRICE_205 = Price(Decimal(205))


@pytest.mark.parametrize(
    ("request_", "fields", "after"),
    [
        (LIMIT, {"limit_price": "222.5"}, replaced(LIMIT, limit=limit_at("222.5"))),
        (LIMIT, {"limit_price": 222.5, "price_in": None}, replaced(LIMIT, limit=limit_at("222.5"))),
        (LIMIT, {"min_amount_out": "2800"}, replaced(LIMIT, limit=Limit(min_amount_out=2_800 * USDC))),
        (BY_AMOUNT, {"limit_price": "222"}, replaced(BY_AMOUNT, limit=limit_at("222"))),
        (
            BY_AMOUNT,
            {"limit_price": "0.0045", "price_in": "token_in"},
            replaced(BY_AMOUNT, limit=limit_at("0.0045", inverted=True)),
        ),
        (
            BY_AMOUNT,
            {"amount": "6", "min_amount_out": "1300"},
            replaced(BY_AMOUNT, amount_in=6 * SOL, limit=Limit(min_amount_out=1_300 * USDC)),
        ),
        # A price counts what the order's own did, unless it says otherwise.
        (BOUGHT, {"limit_price": "0.0046"}, replaced(BOUGHT, limit=limit_at("0.0046", inverted=True))),
        (BOUGHT, {"limit_price": "220", "price_in": "token_out"}, replaced(BOUGHT, limit=limit_at("220"))),
        (BOUGHT, {"amount": "20", "price_in": "token_in"}, replaced(BOUGHT, amount_in=20 * SOL)),
        (STOP, {"trigger_price": "205"}, with_trigger(STOP, price=PRICE_205)),
        (STOP, {"limit_price": "190"}, with_trigger(STOP, limit=limit_at("190"))),
        (
            STOP_LIMIT,
            {"trigger_price": "0.005", "limit_price": "0.0052", "price_in": "token_in"},
            with_trigger(
                STOP_LIMIT, price=Price(Decimal("0.005"), inverted=True), limit=limit_at("0.0052", inverted=True)
            ),
        ),
        (TRAILING, {"trail_bps": 250}, with_trigger(TRAILING, trail_bps=250)),
        (OCO, {"stop_loss": {"trigger_price": "205"}}, with_trigger(OCO, 1, price=PRICE_205)),
        (
            OCO,
            {"take_profit": {"trigger_price": "260", "limit_price": "259"}, "stop_loss": None, "amount": 3},
            replaced(
                with_trigger(OCO, 0, price=Price(Decimal(260)), limit=limit_at("259")),
                amount_in=3 * SOL,
            ),
        ),
        (TWAP, {"limit_price": "215"}, replaced(TWAP, limit=limit_at("215"))),
        (TWAP, {"amount": "100"}, replaced(TWAP, amount_in=100 * SOL)),
        (LIMIT, {"expires_in": 60}, replaced(LIMIT, expires_at_ms=NOW_MS + 60_000, time_in_force="gtd")),
        (
            STOP,
            {"expires_at": "2026-12-01T12:00:00+02:00"},
            replaced(STOP, expires_at_ms=1_796_119_200_000, time_in_force="gtd"),
        ),
    ],
)
def test_what_is_given_is_otherwise_and_all_else_stays(
    request_: OrderRequest, fields: dict[str, Any], after: OrderRequest
) -> None:
    assert amended(request_, **fields) == after


def test_an_end_that_is_not_amended_stays_also_when_it_has_come() -> None:
    ending = replaced(LIMIT, expires_at_ms=NOW_MS - 1, time_in_force="gtd")

    assert amended(ending, limit_price="225") == replaced(ending, limit=limit_at("225"))


def test_what_is_neither_in_nor_beside_the_conditions_stays() -> None:
    bracket = replaced(LIMIT, exits=OCO.triggers, allow_partial=True, slippage_bps=123)

    assert amended(bracket, amount="1") == replaced(bracket, amount_in=SOL)


FIXED = "can't be changed"


@pytest.mark.parametrize(
    ("request_", "fields", "refused"),
    [
        (LIMIT, {"token_in": "SOL"}, [("token_in", FIXED)]),
        (LIMIT, {"order_type": "limit", "limit_price": "1"}, [("order_type", FIXED)]),
        (
            LIMIT,
            {"time_in_force": "ioc", "allow_partial": True, "max_slippage": 0.1, "client_order_id": "x"},
            [(name, FIXED) for name in ("time_in_force", "allow_partial", "max_slippage", "client_order_id")],
        ),
        (TWAP, {"slices": 5, "interval": 9}, [("slices", FIXED), ("interval", FIXED)]),
        (LIMIT, {"then": {"stop_loss": {"trigger_price": "1"}}}, [("then", FIXED)]),
        (OCO, {"stop_loss": {"max_slippage": 0.1}}, [("stop_loss.max_slippage", FIXED)]),
        (OCO, {"stop_loss": {"colour": "red"}}, [("stop_loss.colour", "is not a field of stop_loss")]),
        (OCO, {"stop_loss": "200"}, [("stop_loss", "must be a JSON object")]),
        (TRAILING, {"trigger_price": "200"}, [("trigger_price", "is not a field of a trailing_stop order")]),
        (STOP, {"take_profit": {}}, [("take_profit", "is not a field of a stop_loss order")]),
        (LIMIT, {"trail_bps": 100}, [("trail_bps", "is not a field of a limit order")]),
        (LIMIT, {"colour": "red"}, [("colour", "is not a field of an order")]),
        (LIMIT, {"limit_price": "0"}, [("limit_price", "must be greater than zero")]),
        (LIMIT, {"amount": "1.0000000001"}, [("amount", "must have at most 9 decimals for SOL")]),
        (LIMIT, {"amount": "0"}, [("amount", "must be greater than zero")]),
        (
            LIMIT,
            {"limit_price": "1", "min_amount_out": "1"},
            [("limit_price", "must not come with min_amount_out")],
        ),
        (
            BY_AMOUNT,
            {"amount": "6"},
            [("min_amount_out", "is required with amount: it is for the whole of it")],
        ),
        (LIMIT, {"price_in": "token_in"}, [("price_in", f"{FIXED} without limit_price")]),
        (
            OCO,
            {"price_in": "token_in", "stop_loss": {"trigger_price": "0.005"}},
            [("price_in", f"{FIXED} without take_profit.trigger_price")],
        ),
        (BY_AMOUNT, {"price_in": "token_in"}, [("price_in", f"{FIXED} without a price")]),
        (
            OCO,
            {"stop_loss": {"trigger_price": "260"}},
            [("take_profit.trigger_price", "must be above stop_loss.trigger_price")],
        ),
        (LIMIT, {"expires_at": "2026-11-22T18:14:00Z"}, [("expires_at", "must be in the future")]),
        (
            LIMIT,
            {"expires_at": 1_796_119_200},
            [("expires_at", "must be a time of RFC 3339 with its offset, such as 2026-12-01T12:00:00Z")],
        ),
        (LIMIT, {"expires_at": "2026-12-01T12:00:00"}, [("expires_at", "must have an offset, such as Z or +02:00")]),
        (
            LIMIT,
            {"expires_at": "2026-12-01T12:00:00Z", "expires_in": 5},
            [("expires_in", "must not come with expires_at")],
        ),
    ],
)
def test_what_can_not_be_amended_is_named_with_the_rule(
    request_: OrderRequest, fields: dict[str, Any], refused: list[tuple[str, str]]
) -> None:
    assert refusals(request_, **fields) == refused


@pytest.mark.parametrize("body", ["{}", '{"sequence":3}', '{"limit_price":null}'])
def test_something_has_to_be_given(body: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_amendment(body.encode())

    [error] = refused.value.errors
    assert error.field == "body"
    assert error.rule.startswith("must have one of limit_price, ")


@pytest.mark.parametrize("sequence", ['"3"', "0", "-1", "1.5", "32768", "true", "[]", "1e99"])
def test_a_sequence_is_a_whole_number(sequence: str) -> None:
    with pytest.raises(ProblemError) as refused:
        read_amendment(f'{{"amount":"1","sequence":{sequence}}}'.encode())

    assert [error.field for error in refused.value.errors] == ["sequence"]


def test_a_sequence_is_no_field_of_the_order() -> None:
    assert read_amendment(b'{"amount":"1","sequence":3}') == Amendment({"amount": "1"}, 3)


prices = st.decimals(min_value="0.000001", max_value="1000000", places=6).map(lambda value: value.normalize())


@st.composite
def requests(draw: st.DrawFn) -> OrderRequest:
    """Draw a request of any type that waits, as its client may have written it."""
    inverted = draw(st.booleans())
    price = st.builds(Price, prices, st.just(inverted))
    limits = st.builds(Limit, price)
    kind = draw(st.sampled_from(WAITING_TYPES))
    plain = make_request(amount=str(draw(st.integers(1, 10**10))), slippage_bps=draw(st.integers(100, 5_000)))
    good = draw(st.sampled_from([{}, {"expires_at_ms": NOW_MS + 12_345, "time_in_force": "gtd"}]))
    base = replaced(plain, order_type=kind, **good)
    if kind == "limit":
        amounts = st.integers(1, 10**18).map(lambda atoms: Limit(min_amount_out=atoms))
        return replaced(base, limit=draw(limits | amounts), allow_partial=draw(st.booleans()))
    if kind == "twap":
        return replaced(base, limit=draw(st.none() | limits), schedule=Schedule(draw(st.integers(2, 1_000)), 60_000))
    slots = st.integers(1, 150)
    if kind == "trailing_stop":
        trails = st.integers(50, 9_000)
        trigger = Trigger(
            kind,
            base.slippage_bps,
            trail_bps=draw(trails),
            activation_price=draw(st.none() | price),
            slots=draw(slots),
            limit=draw(st.none() | limits),
        )
        return replaced(base, triggers=(trigger,))
    both: tuple[Rule, ...] = ("take_profit", "stop_loss")
    names = [rule for rule in both if kind in (rule, "oco")]
    high, low = sorted(draw(st.lists(prices, min_size=2, max_size=2, unique=True)), reverse=not inverted)
    at = {"take_profit": Price(high, inverted), "stop_loss": Price(low, inverted)}
    triggers = tuple(
        Trigger(name, base.slippage_bps, price=at[name], slots=draw(slots), limit=draw(st.none() | limits))
        for name in names
    )
    return replaced(base, triggers=triggers)


@given(requests())
def test_an_order_is_read_again_as_it_is_shown(request_: OrderRequest) -> None:
    # An amount alone is amended, to what it is; all else has to come out as it went in.
    fields = {"amount": f"{Decimal(request_.amount_in) / SOL:f}"}
    if request_.limit and request_.limit.min_amount_out:
        fields["min_amount_out"] = f"{Decimal(request_.limit.min_amount_out) / USDC:f}"

    assert Amendment(fields, None).request(request_) == request_
