"""The books: where orders rest that wait for a price."""

import redis

from orderflow.adapters.keys import key, order_partitions


class Books:
    """The books of every partition."""

    def __init__(self, client: redis.Redis, partitions: int) -> None:
        self._client = client
        self._partitions = order_partitions(partitions)

    def something_rests(self) -> bool:
        """Return whether any order rests in any partition."""
        pipeline = self._client.pipeline(transaction=False)
        for partition in self._partitions:
            pipeline.exists(key(partition, "resting"))
        return any(pipeline.execute())
