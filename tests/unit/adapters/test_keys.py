"""The names of keys, and the partition of an order."""

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.settings import ROOT
from local.template import read_template
from orderflow.adapters.keys import all_partitions, is_order_partition, key, order_key, order_partitions, partition_of
from orderflow.event_source.mapping import partitions_of
from tests.support.builders import nth_id


@pytest.mark.parametrize(
    ("text", "hash_slot"),
    [
        ("123456789", 0x31C3),  # the check value in Redis Cluster's specification
        ("foo", 12182),  # CLUSTER KEYSLOT foo
        ("bar", 5061),
        ("hello", 866),
        ("", 0),
    ],
)
def test_the_partition_is_the_crc16_of_redis_cluster(text: str, hash_slot: int) -> None:
    assert partition_of(text, 16_384) == f"p{hash_slot}"
    assert partition_of(text, 4) == f"p{hash_slot % 4}"
    assert partition_of(text, 1) == "p0"


@given(st.text(max_size=40), st.integers(1, 16_384))
def test_every_text_has_one_of_the_partitions(text: str, partitions: int) -> None:
    assert 0 <= int(partition_of(text, partitions).removeprefix("p")) < partitions


@given(st.text(max_size=40), st.integers(1, 64))
def test_orders_lie_in_the_partitions_that_are_named_for_them(text: str, count: int) -> None:
    assert partition_of(text, count) in order_partitions(count)
    assert all(map(is_order_partition, order_partitions(count)))


def test_all_partitions_are_those_that_the_template_has_streams_in() -> None:
    mappings = read_template(ROOT / "template.yaml").event_sources

    assert all_partitions(3) == partitions_of(mappings, 3) == ["chain", "p0", "p1", "p2"]


@pytest.mark.parametrize("name", ["chain", "p", "p0x", "xp0", "", "P0", "p-1"])
def test_other_partitions_are_no_partitions_of_orders(name: str) -> None:
    assert not is_order_partition(name)


def test_orders_are_distributed_over_the_partitions() -> None:
    orders = Counter(partition_of(nth_id(number), 4) for number in range(4_000))

    assert sorted(orders) == ["p0", "p1", "p2", "p3"]
    assert min(orders.values()) > 800


def test_everything_of_a_partition_shares_its_hash_tag() -> None:
    assert key("p3", "route") == "{p3}:route"
    assert order_key("p3", "01a2") == "{p3}:order:01a2"
    assert key("chain", "pools") == "{chain}:pools"
