"""Asks for feeds on behalf of connections, for asyncio: what a connection wants in, the outcome out."""

import msgspec
from redis.asyncio import Redis

from orderflow.adapters import scripts
from orderflow.adapters.feeds import feed_of
from orderflow.adapters.keys import key, partition_of
from orderflow.adapters.subscriptions import ANSWER_GAP_MS, KEEP_MS, Added, Outcome, Subscriptions


class ChannelRequest(msgspec.Struct, frozen=True):
    """A connection that wants (`subscribe`) or no longer wants (`unsubscribe`) its account's feed of a channel.

    With `resume` it gets first what came after the event of that sequence.
    """

    channel: str
    account: str
    connection_id: str
    action: str
    resume: int | None = None


class Channels:
    """The feeds of every partition. One counts among what a connection may watch as one order does."""

    def __init__(self, client: Redis, partitions: int, subscriptions: Subscriptions) -> None:
        self._partitions = partitions
        self._subscriptions = subscriptions
        self._ask = client.register_script(scripts.source("ask_for_feed"))

    async def add(self, asked: ChannelRequest) -> Added:
        """Queue a request behind the events so far.

        The outcome is ASKED, TOO_MANY where the connection watches too much already, or AGAIN within ANSWER_GAP_MS of
        the request before. Raises ConfigurationError when this Redis is used with another number of partitions.
        """
        await self._subscriptions.check_partitions()
        added = await self._add(asked)
        if added.outcome is Outcome.TOO_MANY:
            await self._subscriptions.count_again(asked.connection_id)
            added = await self._add(asked)
        return added

    async def _add(self, asked: ChannelRequest) -> Added:
        feed = feed_of(asked.channel, asked.account)
        partition = partition_of(feed, self._partitions)
        names = ("status", f"watched:{asked.connection_id}", f"answered:{asked.connection_id}")
        resume = "" if asked.resume is None else asked.resume
        most = self._subscriptions.room(asked.connection_id, partition)
        arguments: list[str | int] = [feed, asked.connection_id, asked.action, resume, most, ANSWER_GAP_MS, KEEP_MS]
        outcome, number = await self._ask([key(partition, name) for name in names], arguments)
        if outcome == Outcome.AGAIN:
            return Added(Outcome.AGAIN, number)
        self._subscriptions.note(asked.connection_id, partition, number)
        return Added(Outcome(outcome))
