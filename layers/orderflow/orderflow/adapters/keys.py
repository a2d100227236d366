"""Names the keys: all that an order touches shares the hash tag of its partition, so one script can change it."""

from binascii import crc_hqx

CHAIN = "chain"
"""The mock chain's own partition."""


def partition_of(order_id: str, partitions: int) -> str:
    """Return the partition of an order, such as `p0`: CRC16 (as Redis Cluster computes it) modulo `partitions`."""
    return f"p{crc_hqx(order_id.encode(), 0) % partitions}"


def key(partition: str, name: str) -> str:
    """Return the key of `name` in a partition, such as `{p0}:route`."""
    return f"{{{partition}}}:{name}"


def order_key(partition: str, order_id: str) -> str:
    """Return the key of an order's hash."""
    return f"{{{partition}}}:order:{order_id}"


def watcher_keys(partition: str, order_id: str) -> tuple[str, str]:
    """Return the keys of the hashes of those who watch an order, and of those who left it."""
    return f"{{{partition}}}:watchers:{order_id}", f"{{{partition}}}:left:{order_id}"


def result_key(signature: str) -> str:
    """Return the key of what became of a transaction."""
    return key(CHAIN, f"tx:{signature}")
