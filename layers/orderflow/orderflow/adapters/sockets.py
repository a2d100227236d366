"""Sends messages to WebSocket connections, through API Gateway's management API or the local gateway's batch form."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from orderflow.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from urllib3 import HTTPConnectionPool

BATCH_PATH = "/@connections"
TIMEOUT_S = 5
AT_ONCE = 16
"""How many connections are posted to at a time; a post takes a few milliseconds, nearly all of it waiting."""

_NO_CONNECTION = ("GoneException", "BadRequestException")  # the latter for an id that never was a connection's


class Message(msgspec.Struct, frozen=True):
    """A text for a connection, and the order that it is about.

    `sequence` is the event's, and `subscription` the stream entry by which the connection asked for the order: what a
    gateway needs to keep the events in their order. Without them (0 and empty) a message is passed on as it is.
    """

    connection_id: str
    order_id: str
    text: str
    sequence: int = 0
    subscription: str = ""


class Sent(msgspec.Struct, frozen=True):
    """What became of messages: those whose connection is `gone`, and those that were kept back (`early`).

    A message is early when one before it has not been sent yet: it is in the hands of a publisher that is late, or was
    given up. Whoever has the order's events should send them all.
    """

    gone: list[Message] = []
    early: list[Message] = []


class Kept(msgspec.Struct, frozen=True):
    """The local gateway's answer to a batch: the places in it of the messages that were not passed on."""

    gone: list[int] = []
    early: list[int] = []


class Sockets(Protocol):
    """The connections that clients hold open."""

    def send(self, messages: Sequence[Message]) -> Sent:
        """Send messages in their order.

        Raises RetryableError when the connections can't be reached at all; some may have been sent by then.
        """


class ApiGatewaySockets:
    """Connections of an API Gateway WebSocket API, one request a message, to many connections at once."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client
        # Threads are made as they are needed, and a request mostly waits for the network.
        self._threads = ThreadPoolExecutor(AT_ONCE, "sockets")

    def send(self, messages: Sequence[Message]) -> Sent:
        """Post each connection's messages one after the other; one that is gone is not posted to again."""
        of_connection: dict[str, list[Message]] = {}
        for message in messages:
            of_connection.setdefault(message.connection_id, []).append(message)
        open_ones = self._threads.map(self._post, of_connection.values())
        gone = {connection for connection, is_open in zip(of_connection, open_ones, strict=True) if not is_open}
        return Sent([message for message in messages if message.connection_id in gone])

    def _post(self, messages: Sequence[Message]) -> bool:
        """Post one connection's messages; False when it is gone."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            for message in messages:
                self._client.post_to_connection(ConnectionId=message.connection_id, Data=message.text.encode())
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NO_CONNECTION:
                return False
            raise RetryableError(f"@connections can't be reached: {error}") from error
        return True


class LocalGatewaySockets:
    """Connections of the local gateway, which takes many messages in one request."""

    def __init__(self, pool: "HTTPConnectionPool", path: str = BATCH_PATH) -> None:
        self._pool = pool
        self._path = path

    @classmethod
    def at(cls, endpoint: str) -> "LocalGatewaySockets":
        """Return the sockets of the gateway at `endpoint`, such as http://127.0.0.1:3000."""
        from urllib3 import connection_from_url

        pool = connection_from_url(endpoint, maxsize=8, timeout=TIMEOUT_S, retries=False)
        return cls(pool, urlsplit(endpoint).path.rstrip("/") + BATCH_PATH)

    def send(self, messages: Sequence[Message]) -> Sent:
        """Post all messages at once; the gateway answers with the places of those that it did not pass on."""
        from urllib3.exceptions import HTTPError

        if not messages:
            return Sent()
        try:
            response = self._pool.request(
                "POST", self._path, body=_encode(messages), headers={"content-type": "application/json"}
            )
        except HTTPError as error:
            raise RetryableError(f"@connections can't be reached: {error}") from error
        if response.status != 200:
            raise RetryableError(f"@connections answered {response.status}")
        kept = _kept_decoder.decode(response.data)
        return Sent([messages[place] for place in kept.gone], [messages[place] for place in kept.early])


_encode = msgspec.json.Encoder().encode
_kept_decoder = msgspec.json.Decoder(Kept)
