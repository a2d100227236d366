"""Sends messages to WebSocket connections, through API Gateway's management API or the local gateway's batch form."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol
from urllib.parse import urlsplit

import msgspec

from orderflow.errors import RetryableError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from urllib3 import HTTPConnectionPool

BATCH_PATH = "/@connections"
TIMEOUT_S = 5


class Message(msgspec.Struct, frozen=True):
    """A text for a connection, and the order that it is about.

    `partition` and `entry_id` are its place in the status streams, by which a gateway can tell what comes again; empty
    for what is not from there.
    """

    connection_id: str
    order_id: str
    text: str
    partition: str = ""
    entry_id: str = ""


class Sockets(Protocol):
    """The connections that clients hold open."""

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Send messages in their order; return those whose connection is gone.

        Raises RetryableError when the connections can't be reached at all; some may have been sent by then.
        """


class ApiGatewaySockets:
    """Connections of an API Gateway WebSocket API, one request a message."""

    def __init__(self, client: "ApiGatewayManagementApiClient") -> None:
        self._client = client

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Post each message; remember a connection that is gone, and do not post to it again."""
        from botocore.exceptions import BotoCoreError, ClientError

        gone: set[str] = set()
        for message in messages:
            if message.connection_id in gone:
                continue
            try:
                self._client.post_to_connection(ConnectionId=message.connection_id, Data=message.text.encode())
            except self._client.exceptions.GoneException:
                gone.add(message.connection_id)
            except (BotoCoreError, ClientError) as error:
                raise RetryableError(f"@connections can't be reached: {error}") from error
        return [message for message in messages if message.connection_id in gone]


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

    def send(self, messages: Sequence[Message]) -> list[Message]:
        """Post all messages at once; the gateway answers with the connections that are gone."""
        from urllib3.exceptions import HTTPError

        if not messages:
            return []
        try:
            response = self._pool.request(
                "POST", self._path, body=_encode(messages), headers={"content-type": "application/json"}
            )
        except HTTPError as error:
            raise RetryableError(f"@connections can't be reached: {error}") from error
        if response.status != 200:
            raise RetryableError(f"@connections answered {response.status}")
        gone = set(_gone_decoder.decode(response.data))
        return [message for message in messages if message.connection_id in gone] if gone else []


_encode = msgspec.json.Encoder().encode
_gone_decoder = msgspec.json.Decoder(list[str])
