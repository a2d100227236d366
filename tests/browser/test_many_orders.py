"""A thousand orders of which every one changes: the page knows them all, and lacks no event."""

from tests.harness.bench.desk import ORDERS, RATE, run_desk


def test_a_page_with_a_thousand_orders_has_all_that_happens_to_them() -> None:
    [result] = run_desk(lambda _line: None, seconds=6.0, views=["orders"])

    assert result.orders == ORDERS
    assert result.sent_per_s * 6 > min(RATE * 3, ORDERS / 2)
    assert result.missed == 0
    # How long they took says the bench; a busy machine says nothing.
    assert result.frames_ms.count > 20
