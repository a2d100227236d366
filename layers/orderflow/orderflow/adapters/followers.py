"""Has connections follow channels of reports, for asyncio: what a connection wants in, the outcome out."""

from collections.abc import Sequence

from redis.asyncio import Redis

from orderflow.adapters import scripts
from orderflow.adapters.call_batcher import CallBatcher
from orderflow.adapters.keys import SHARED, key
from orderflow.adapters.reports import CHANNELS, MAX_FOLLOWERS, STREAM, followers_key, message_for
from orderflow.adapters.subscriptions import ANSWER_GAP_MS, Added, Outcome


class Followers:
    """Who follows which channel of reports. Each method raises redis' errors."""

    def __init__(self, client: Redis) -> None:
        self._client = client
        self._follow = client.register_script(scripts.source("follow"))
        self._leavers = CallBatcher(self._leave_all, "leavers of channels")

    async def add(self, channel: str, connection_id: str, action: str) -> Added:
        """Have a connection follow a channel (`subscribe`) or no longer (`unsubscribe`).

        The outcome is ASKED, or TOO_MANY where MAX_FOLLOWERS do already. One that is asked for is answered with the
        next report, which is asked for at once, if not more than once within ANSWER_GAP_MS.
        """
        names = (STREAM, "timers", f"answered:{connection_id}")
        keys = [followers_key(channel), *(key(SHARED, name) for name in names)]
        message = message_for(channel)
        arguments: list[str | int] = [STREAM, message, channel, connection_id, action, MAX_FOLLOWERS, ANSWER_GAP_MS]
        return Added(Outcome(await self._follow(keys, arguments)))

    async def leave(self, connection_id: str) -> None:
        """Have a connection that is closed follow nothing any more."""
        await self._leavers.add(connection_id)

    async def _leave_all(self, connection_ids: Sequence[str]) -> list[str]:
        pipeline = self._client.pipeline(transaction=False)
        for channel in CHANNELS:
            pipeline.zrem(followers_key(channel), *connection_ids)
        await pipeline.execute()
        return list(connection_ids)
