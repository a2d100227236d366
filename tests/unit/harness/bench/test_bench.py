import asyncio
import time
from collections.abc import Collection
from decimal import Decimal
from io import StringIO
from typing import Any

import orjson
import pytest
from rich.console import Console

from orderflow.domain.amounts import to_atoms
from orderflow.domain.tokens import TOKENS, Token
from orderflow.venues.mock.prices import OPENING_PRICES
from tests.harness.bench import processor_time
from tests.harness.bench.ledger import ORDERS_AT_ONCE, Audit, wait_until_ended
from tests.harness.bench.mock_market import amount_worth
from tests.harness.bench.orders import SIZES_USD, bodies
from tests.harness.bench.posting import BrokenAnswerError, order_id_of, read_answer
from tests.harness.bench.report import BenchResult, show
from tests.harness.timings import Timings

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
        assert abs(amount * OPENING_PRICES[token.symbol] - size_usd) < Decimal("0.05")


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


class LedgerThatFills:
    """A ledger in which one more order is over every time it is asked."""

    def __init__(self, order_ids: list[str]) -> None:
        self._order_ids = order_ids
        self.over = 0
        self.most_asked = 0

    async def ended(self, order_ids: Collection[str]) -> set[str]:
        self.over += 1
        self.most_asked = max(self.most_asked, len(order_ids))
        return set(order_ids) & set(self._order_ids[: self.over * 100])

    async def audit(self, order_ids: Collection[str]) -> Audit:
        raise NotImplementedError


def test_waiting_ends_when_the_ledger_has_the_end_of_every_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.harness.bench.ledger.POLL_S", 0)
    order_ids = [str(number) for number in range(1000)]
    ledger = LedgerThatFills(order_ids)

    asyncio.run(wait_until_ended(ledger, order_ids, timeout_s=10))

    assert ledger.over == 10
    assert ledger.most_asked == ORDERS_AT_ONCE


def test_waiting_for_an_order_that_never_ends_has_an_end() -> None:
    began = time.perf_counter()

    seen_at = asyncio.run(wait_until_ended(LedgerThatFills([]), ["lost"], timeout_s=0.1))

    assert 0.1 <= seen_at - began < 2


def make_result(**changes: Any) -> BenchResult:
    values: dict[str, Any] = {
        "url": "http://there",
        "speed": 0.0,
        "orders": 10,
        "concurrency": 2,
        "sockets": True,
        "accepted": 10,
        "refused": {},
        "accepted_per_s": 1234.56789,
        "end_to_end_per_s": 1000.0,
        "post_to_202_ms": Timings.of([1.0, 2.0]),
        "post_to_confirmed_ms": Timings.of([10.00049, 20.0]),
        "confirmed": 10,
        "failed": 0,
        "never_ended": 0,
        "statuses_delivered": 50,
        "statuses_expected": 50,
        "ledger_orders": 10,
        "processor_us_per_order": {"gateway": 100.0, "redis": 50.0, "bench": 70.0},
    }
    return BenchResult(**values | changes)


@pytest.mark.parametrize(
    "flaw",
    [
        {"refused": {"503": 1}},
        {"never_ended": 1},
        {"ledger_orders": 9},
        {"ledger_orders": 11},
        {"statuses_delivered": 49},
    ],
)
def test_a_run_with_any_flaw_is_not_clean(flaw: dict[str, Any]) -> None:
    assert make_result().clean
    assert not make_result(**flaw).clean


def test_failed_orders_are_counted_like_any_other() -> None:
    assert make_result(confirmed=9, failed=1, statuses_delivered=48, statuses_expected=48).clean


def test_the_result_for_machines_leaves_the_bench_out_of_the_sum() -> None:
    document = make_result().to_dict()

    assert document["system_us_per_order"] == 150
    assert document["accepted_per_s"] == 1234.568
    assert document["post_to_confirmed_ms"]["minimum"] == 10.0
    assert orjson.loads(orjson.dumps(document)) == document


def test_the_result_for_people_says_what_went_wrong() -> None:
    written = StringIO()

    show(make_result(refused={"503 [try later]": 3}), Console(file=written, width=100, color_system=None))

    assert "refused 3 times: 503 [try later]" in written.getvalue()
    assert "1,235" in written.getvalue()
    assert "NO" in written.getvalue()
