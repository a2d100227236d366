"""Names partitions and keys: all that an order touches shares its partition's hash tag, so one script can change it."""

import re
from binascii import crc_hqx
from collections.abc import Callable, Iterable
from typing import TypeVar

Item = TypeVar("Item")

SHARED = "chain"
"""The hash tag of the keys that all partitions share. The mock chain's partition has the same: logins to Redis may use
no other hash tags than this one and those of the partitions that orders lie in."""

_ORDER_PARTITION = re.compile(r"p[0-9]+")


def order_partitions(count: int) -> list[str]:
    """Return the names of the partitions that orders lie in: `p0`, `p1`, …"""
    return [_order_partition(number) for number in range(count)]


def all_partitions(count: int) -> list[str]:
    """Return the names of all partitions of this template's streams: the shared one, then those of orders."""
    return [SHARED, *order_partitions(count)]


def is_order_partition(name: str) -> bool:
    """Return whether orders lie in the partition of this name; otherwise it is one of a function's own."""
    return _ORDER_PARTITION.fullmatch(name) is not None


def partition_of(order_id: str, partitions: int) -> str:
    """Return the partition of an order, such as `p0`: CRC16 (as Redis Cluster computes it) modulo `partitions`."""
    return _order_partition(crc_hqx(order_id.encode(), 0) % partitions)


def by_partition(items: Iterable[Item], order_id: Callable[[Item], str], partitions: int) -> dict[str, list[Item]]:
    """Return items by the partition of the order that each is about, in their order; `order_id` says which that is."""
    grouped: dict[str, list[Item]] = {}
    for item in items:
        grouped.setdefault(partition_of(order_id(item), partitions), []).append(item)
    return grouped


def key(partition: str, name: str) -> str:
    """Return the key of `name` in a partition, such as `{p0}:route`."""
    return f"{{{partition}}}:{name}"


def order_key(partition: str, order_id: str) -> str:
    """Return the key of an order's hash."""
    return f"{{{partition}}}:order:{order_id}"


def watcher_keys(partition: str, order_id: str) -> tuple[str, str]:
    """Return the keys of two hashes: the connections that watch an order, and those that no longer do."""
    return f"{{{partition}}}:watchers:{order_id}", f"{{{partition}}}:left:{order_id}"


def _order_partition(number: int) -> str:
    return f"p{number}"
