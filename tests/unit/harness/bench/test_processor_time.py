"""The processor time that an order takes, by the kind of process that uses it."""

from tests.harness.bench import processor_time


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
