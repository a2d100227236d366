"""Closes the sockets that a key has opened on API Gateway, which looks at a key only when a socket is opened."""

import time
from collections.abc import Callable

import redis

from orderflow.adapters.account_sockets import REVOKED_FRAME, sockets_of_key
from orderflow.adapters.sockets import Message, Sockets
from orderflow.domain.access import ApiKey
from orderflow.runtime.known_keys import REMEMBER_S

AGAIN_AFTER_S = REMEMBER_S + 1
"""A client that connects again at once is let in by a process that remembers its key for so long."""

Close = Callable[[ApiKey], int]
"""Closes the sockets of a key that has ended, and returns how many there were."""


def closing(open_redis: Callable[[], redis.Redis], sockets: Sockets) -> Close:
    """Return what closes the sockets of a key: at once, and those that are opened within the next seconds then.

    It raises redis' errors, and RetryableError when the sockets can't be reached.
    """

    def close_now(key: ApiKey) -> int:
        opened = [each.connection_id for each in sockets_of_key(open_redis(), key.account, key.id)]
        sockets.send([Message(connection_id, "", REVOKED_FRAME) for connection_id in opened])
        for connection_id in opened:
            sockets.close(connection_id)
        return len(opened)

    def close(key: ApiKey) -> int:
        closed = close_now(key)
        time.sleep(AGAIN_AFTER_S)
        return closed + close_now(key)

    return close
