"""redis-py's clients of a Redis Cluster, made to wait and to fail as its clients of a single Redis do.

All that an order touches lies in one hash slot, so a call goes to one node whole. A client follows a slot to another
node by itself (MOVED, ASK). After any other error it learns the cluster's layout anew, and the error is the caller's.
"""

import asyncio
import queue
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from functools import wraps
from typing import Any, TypeVar

import redis
from redis.asyncio import Redis as AsyncRedis
from redis.asyncio import RedisCluster as AsyncRedisCluster
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import PipelineCommand
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode
from redis.crc import key_slot
from redis.exceptions import ClusterError, RedisClusterException
from redis.retry import Retry

START_ATTEMPTS = 3

Found = TypeVar("Found")


class WaitingPool(redis.BlockingConnectionPool):
    """The connections to one node: a caller that finds none free waits for one."""

    def disconnect_free_connections(self, moving_address_src: str | None = None) -> None:
        """Close the idle connections, as a cluster's client asks when the layout may have changed.

        Each is taken out of the pool meanwhile: redis-py's own method may close one that another thread has just
        begun to use.
        """
        idle = []
        try:
            while (connection := self.pool.get_nowait()) is not None:
                idle.append(connection)
            self.pool.put_nowait(None)
        except queue.Empty:
            pass
        for connection in reversed(idle):
            connection.disconnect()
            self.pool.put_nowait(connection)


class Cluster(redis.RedisCluster):
    """A Redis Cluster, for threads. Whatever is wrong with it is raised as a redis.RedisError."""

    @classmethod
    def open(cls, url: str, **options: Any) -> "Cluster":
        """Return a client of the cluster of the node at `url`; raises redis.RedisError when it is unavailable.

        `options` are those of a BlockingConnectionPool, for the connections to each node.
        """
        with as_redis_errors():
            # To learn the layout may be tried again; what is asked for later must not be sent twice.
            cluster = cls(
                url=url,
                connection_pool_class=WaitingPool,
                retry=Retry(NoBackoff(), START_ATTEMPTS - 1),
                reinitialize_steps=1,
                **options,
            )
        cluster.set_retry(Retry(NoBackoff(), 0))
        # In a transaction redis-py leaves replies as they came.
        cluster.cluster_response_callbacks["HGETALL"] = _as_dict
        return cluster

    def execute_command(self, *args: Any, **options: Any) -> Any:
        execute: Callable[..., Any] = super().execute_command
        with as_redis_errors():
            return execute(*args, **options)

    def pipeline(self, transaction: Any = None, shard_hint: Any = None) -> Any:
        """Return a pipeline whose errors are raised as those of a single command."""
        open_pipeline: Callable[..., Any] = super().pipeline
        piped = open_pipeline(transaction, shard_hint)
        for name in ("execute", "execute_command"):
            setattr(piped, name, raising_redis_errors(getattr(piped, name)))
        return piped

    def determine_slot(self, *args: Any) -> int | None:
        """Return the slot of a command's keys. Raises redis.DataError when they lie in several."""
        if args[0] in ("XREAD", "XREADGROUP"):
            # redis-py would ask a node each time which of the words are keys, and always the same node.
            return key_slot(str(args[args.index(b"STREAMS") + 1]).encode())
        try:
            return super().determine_slot(*args)
        except RedisClusterException as error:
            raise redis.DataError(str(error)) from error

    def get_node(self, host: str | None = None, port: int | None = None, node_name: str | None = None) -> ClusterNode:
        """Return a node. One that is not known holds no slot yet; the first is just moving to it."""
        found: Callable[..., ClusterNode | None] = super().get_node
        return _known(found(host, port, node_name), node_name)

    def on_one_connection(self, key: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Have the node that should hold `key` execute commands on one connection; they follow the key nowhere else.

        When that fails, the next call finds the key where it is then.
        """
        node_of: Callable[..., ClusterNode] = self.get_node_from_key
        try:
            with as_redis_errors():
                client = self.get_redis_connection(node_of(key))
            return on_one_connection(client, commands)
        except redis.RedisError:
            with suppress(redis.RedisError):
                self.get(key)  # follows the key, and remembers the way
            raise


class AsyncCluster(AsyncRedisCluster):
    """A Redis Cluster, for asyncio. Whatever is wrong with it is raised as a redis.RedisError.

    At most `max_connections` commands are under way at once; another waits up to `timeout` seconds for its turn.
    redis-py itself would refuse it.
    """

    def __init__(self, *, max_connections: int, timeout: float, **options: Any) -> None:
        super().__init__(
            # Each node may be asked for the layout besides.
            max_connections=max_connections + 1,
            retry=AsyncRetry(NoBackoff(), 0),
            # To learn the layout anew it would close all connections, with the commands that are under way on them.
            reinitialize_steps=0,
            **options,
        )
        self._places = asyncio.Semaphore(max_connections)
        self._timeout_s = timeout

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        async with self._place():
            return await super().execute_command(*args, **options)

    def get_node(
        self, host: str | None = None, port: int | None = None, node_name: str | None = None
    ) -> AsyncClusterNode:
        """Return a node, as Cluster does."""
        return _known(super().get_node(host, port, node_name), node_name)

    async def on_one_connection(self, key: str, commands: Sequence[Sequence[Any]]) -> list[Any]:
        """Have the node that should hold `key` execute commands on one connection, as Cluster does."""
        piped = [PipelineCommand(position, *command) for position, command in enumerate(commands)]
        try:
            async with self._place():
                node = _known(self.get_node_from_key(key), key)
                await node.execute_pipeline(piped)
                # Within: what went wrong with a command lies among the replies.
                return _replies(command.result for command in piped)
        except redis.RedisError:
            with suppress(redis.RedisError):
                await self.get(key)
            raise

    @asynccontextmanager
    async def _place(self) -> AsyncIterator[None]:
        try:
            async with asyncio.timeout(self._timeout_s):
                await self._places.acquire()
        except TimeoutError as error:
            raise redis.ConnectionError("No connection available.") from error
        try:
            with as_redis_errors():
                yield
        finally:
            self._places.release()


def on_one_connection(client: redis.Redis, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Have a server execute commands one after another on one connection; raises the first error."""
    pipeline = client.pipeline(transaction=False)
    execute: Callable[..., Any] = pipeline.execute_command
    for command in commands:
        execute(*command)
    with as_redis_errors():
        return _replies(pipeline.execute(raise_on_error=False))


class AsyncSingle(AsyncRedis):
    """A single Redis, for asyncio. Whatever is wrong with it is raised as a redis.RedisError, or an OSError."""

    async def execute_command(self, *args: Any, **options: Any) -> Any:
        execute: Callable[..., Awaitable[Any]] = super().execute_command
        with as_redis_errors():
            return await execute(*args, **options)


async def on_one_async_connection(client: AsyncRedis, commands: Sequence[Sequence[Any]]) -> list[Any]:
    """Have a server execute commands one after another on one connection; raises the first error."""
    pipeline = client.pipeline(transaction=False)
    for command in commands:
        pipeline.execute_command(*command)
    with as_redis_errors():
        return _replies(await pipeline.execute(raise_on_error=False))


def _replies(replies: Iterable[Any]) -> list[Any]:
    replies = list(replies)
    for reply in replies:
        if isinstance(reply, Exception):
            raise reply
    return replies


@contextmanager
def as_redis_errors() -> Iterator[None]:
    """Raise whatever goes wrong inside redis-py as a redis.RedisError: it, too, has errors that it does not expect.

    A cluster's RedisClusterException is no RedisError. While the layout changes or a connection breaks under several
    tasks, its tables lack an entry (LookupError), a connection lacks its stream (AttributeError, AssertionError), and
    uvloop refuses one that the other side has closed (RuntimeError).
    """
    try:
        yield
    except RedisClusterException as error:
        raise ClusterError(str(error)) from error
    except (LookupError, AttributeError, AssertionError, RuntimeError) as error:
        raise redis.ConnectionError(f"{type(error).__name__}: {error}") from error


def raising_redis_errors(call: Callable[..., Found]) -> Callable[..., Found]:
    """Return `call` with its errors raised as `as_redis_errors` does."""

    @wraps(call)
    def called(*args: Any, **options: Any) -> Found:
        with as_redis_errors():
            return call(*args, **options)

    return called


def _known(node: Found | None, name: str | None) -> Found:
    if node is None:
        raise ClusterError(f"no node is known for {name}")
    return node


def _as_dict(reply: Any, **_: Any) -> Any:
    return dict(zip(reply[::2], reply[1::2], strict=True)) if isinstance(reply, list) else reply
