from decimal import Decimal

import orjson
import pytest

from local.bench import processor_time
from local.bench.orders import SIZES_USD, amount_worth, bodies
from local.bench.posting import BrokenAnswerError, order_id_of, read_answer
from orderflow.domain.amounts import to_atoms
from orderflow.domain.tokens import TOKENS, Token

ANSWER = b'HTTP/1.1 202 Accepted\r\nContent-Length: 16\r\nServer: x\r\n\r\n{"order_id":"a"}'


def test_an_answer_is_read_once_it_is_whole() -> None:
    pieces = [read_answer(ANSWER[:end]) for end in range(len(ANSWER))]

    assert set(pieces) == {None}
    assert read_answer(ANSWER) == (202, b'{"order_id":"a"}')


def test_the_length_may_be_the_last_header_in_any_case() -> None:
    assert read_answer(b"HTTP/1.1 503 Busy\r\ncontent-length: 0\r\n\r\n") == (503, b"")


def test_an_answer_without_a_length_is_reported() -> None:
    answer = read_answer(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")

    assert isinstance(answer, BrokenAnswerError)


def test_only_an_accepted_order_has_an_id() -> None:
    assert order_id_of((202, b'{"order_id":"a"}')) == "a"
    assert order_id_of((503, b'{"order_id":"a"}')) is None


@pytest.mark.parametrize("token", TOKENS.values(), ids=lambda token: token.symbol)
def test_amounts_are_valid_and_worth_what_they_should_be(token: Token) -> None:
    for size_usd in SIZES_USD:
        amount = amount_worth(size_usd, token)

        assert to_atoms(amount, token) > 0
        assert abs(amount * token.opening_price - size_usd) < Decimal("0.05")


def test_orders_go_both_ways_in_every_pair_with_the_same_value() -> None:
    orders = [orjson.loads(body) for body in bodies(10_000)]

    sold: dict[tuple[str, str], set[str]] = {}
    for order in orders:
        sold.setdefault((order["token_in"], order["token_out"]), set()).add(order["amount"])
    assert len(sold) == 2 * (2 * 10 + 1)
    assert all((token_out, token_in) in sold for token_in, token_out in sold)
    assert {len(amounts) for amounts in sold.values()} == {len(SIZES_USD)}


def test_as_many_bodies_as_asked_for() -> None:
    assert [len(bodies(count)) for count in (0, 1, 1000)] == [0, 1, 1000]


def test_processes_of_a_kind_count_together() -> None:
    names = ("gateway", "poller-1", "poller-12", "redis", "event-source")

    assert [processor_time.kind_of(name) for name in names] == [
        "gateway",
        "pollers",
        "pollers",
        "redis",
        "event-source",
    ]


def test_processor_time_is_shared_out_over_the_orders() -> None:
    before = {"gateway": 1.0, "bench": 0.5}
    after = {"gateway": 1.5, "redis": 0.25, "bench": 0.6}

    used = processor_time.per_order_us(before, after, orders=1000)

    assert {kind: round(microseconds) for kind, microseconds in used.items()} == {
        "gateway": 500,
        "redis": 250,
        "bench": 100,
    }
    assert processor_time.per_order_us(before, after, orders=0) == {}


def test_a_process_that_is_gone_counts_for_nothing() -> None:
    used = processor_time.read({"redis": 2**22 + 1})

    assert used["redis"] == 0
    assert used[processor_time.OWN] > 0
