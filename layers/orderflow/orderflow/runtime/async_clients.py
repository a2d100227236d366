"""The outside systems of this process for asyncio; only the front door's functions use them."""

import asyncio
from weakref import WeakKeyDictionary

from redis.asyncio import BlockingConnectionPool, Redis
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from orderflow.adapters.intake import Intake
from orderflow.runtime.settings import Settings, read_settings

MAX_CONNECTIONS = 32
TIMEOUT_S = 2
"""After this a client is told that its order may not have been kept; shorter than most clients' patience."""

_intakes: WeakKeyDictionary[asyncio.AbstractEventLoop, Intake] = WeakKeyDictionary()


def intake() -> Intake:
    """Return the order store's asynchronous side, one for each event loop."""
    loop = asyncio.get_running_loop()
    if loop not in _intakes:
        settings = read_settings(Settings)
        pool = BlockingConnectionPool.from_url(
            settings.redis_url,
            decode_responses=True,
            protocol=2,
            max_connections=MAX_CONNECTIONS,
            timeout=TIMEOUT_S,
            socket_timeout=TIMEOUT_S,
            socket_connect_timeout=TIMEOUT_S,
            # An order whose fate is unknown is reported so, not created a second time behind the client's back.
            retry=Retry(NoBackoff(), 0),
        )
        _intakes[loop] = Intake(Redis(connection_pool=pool), settings.partitions)
    return _intakes[loop]
