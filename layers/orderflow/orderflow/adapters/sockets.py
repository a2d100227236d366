"""Sends messages to WebSocket connections, through API Gateway's management API or the local gateway's batch form."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any, Protocol
from urllib.parse import quote, urlsplit

import msgspec

from orderflow.errors import RejectedError, RetryableError

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient
    from urllib3 import BaseHTTPResponse, HTTPConnectionPool

BATCH_PATH = "/@connections"
SECRET_HEADER = "x-connections-secret"
MAX_MESSAGE_BYTES = 128 * 1024
"""Of a text for a connection, and of a frame from it; as on API Gateway."""
MAX_BATCH_BYTES = 16 * 1024 * 1024
"""Of a batch in the local gateway's form; larger ones are sent as several."""
TIMEOUT_S = 5
AT_ONCE = 16
"""How many connections are posted to at a time; a post takes a few milliseconds, nearly all of it waiting."""

_KNOWN = (
    HTTPStatus.OK,
    HTTPStatus.NO_CONTENT,
    HTTPStatus.BAD_REQUEST,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    HTTPStatus.GONE,
)
MAX_SEQUENCE = 2**53
"""Up to here whatever reads a number as a double reads it exactly."""

_NO_CONNECTION = ("GoneException", "BadRequestException")  # the latter for an id that never was a connection's


class Message(msgspec.Struct, frozen=True):
    """A text for a connection, and the order or the feed that it is about.

    `sequence` is the event's, of a feed its place among the subscription's messages, and `subscription` the stream
    entry by which the connection asked for it: what a gateway needs to keep the messages in their order. Without them
    (0 and empty) a message is passed on as it is.
    """

    connection_id: Annotated[str, msgspec.Meta(max_length=128)]
    order_id: Annotated[str, msgspec.Meta(max_length=64)]
    text: Annotated[str, msgspec.Meta(max_length=MAX_MESSAGE_BYTES)]
    sequence: Annotated[int, msgspec.Meta(ge=0, le=MAX_SEQUENCE)] = 0
    subscription: Annotated[str, msgspec.Meta(pattern=r"^([0-9]{1,16}-[0-9]{1,16})?\Z")] = ""


class Sent(msgspec.Struct, frozen=True):
    """What became of messages: those whose connection is `gone`, and those that the gateway kept back (`out_of_order`).

    A message is out of order when one before it has not been sent yet: a publisher that is late still has that one, or
    it was dead-lettered. The caller should send all events of the order.
    """

    gone: list[Message] = []
    out_of_order: list[Message] = []


class Undelivered(msgspec.Struct, frozen=True):
    """The local gateway's answer to a batch: the indexes in it of the messages that it did not pass on."""

    gone: list[int] = []
    # By this name it stands on the wire between a gateway and functions that are not deployed at the same moment.
    out_of_order: list[int] = msgspec.field(name="early", default_factory=list)


class OpenCount(msgspec.Struct, frozen=True):
    """The local gateway's answer to how many connections are open."""

    open: int


class Sockets(Protocol):
    """The connections that clients hold open."""

    def send(self, messages: Sequence[Message]) -> Sent:
        """Send messages in their order.

        Raises RetryableError when the connections can't be reached at all; some may have been sent by then.
        """

    opening_ms: int
    """How long one that opens may be unknown: API Gateway knows it only once its `$connect` was answered."""

    def is_open(self, connection_id: str) -> bool:
        """Return whether a client has this connection open. Raises RetryableError when that can't be asked."""

    def close(self, connection_id: str) -> None:
        """Close a connection, if it is open. Raises RetryableError when it can't be reached."""

    def count(self) -> int | None:
        """Return how many are open; None where that is not to be had. Raises RetryableError as `is_open` does."""


class ApiGatewaySockets:
    """Connections of an API Gateway WebSocket API, one request a message, to many connections at once."""

    opening_ms = 10_000

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

    def is_open(self, connection_id: str) -> bool:
        return self._finds(lambda: self._client.get_connection(ConnectionId=connection_id))

    def close(self, connection_id: str) -> None:
        self._finds(lambda: self._client.delete_connection(ConnectionId=connection_id))

    def count(self) -> int | None:
        return None  # it is a metric of API Gateway alone

    def _post(self, messages: Sequence[Message]) -> bool:
        """Post one connection's messages; False when it is gone."""

        def post() -> None:
            for message in messages:
                self._client.post_to_connection(ConnectionId=message.connection_id, Data=message.text.encode())

        return self._finds(post)

    def _finds(self, request: Callable[[], object]) -> bool:
        """Make a request about one connection; False when it is gone."""
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            request()
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] in _NO_CONNECTION:
                return False
            raise RetryableError(f"@connections can't be reached: {error}") from error
        return True


class LocalGatewaySockets:
    """Connections of the local gateway, which takes many messages in one request."""

    opening_ms = 0

    def __init__(self, pool: "HTTPConnectionPool", path: str, secret: str) -> None:
        self._pool = pool
        self._path = path
        self._headers = {"content-type": "application/json", SECRET_HEADER: secret}

    @classmethod
    def at(cls, endpoint: str, secret: str) -> "LocalGatewaySockets":
        """Return the sockets of the gateway whose management API, guarded by `secret`, is at `endpoint`."""
        from urllib3 import connection_from_url

        pool = connection_from_url(endpoint, maxsize=8, timeout=TIMEOUT_S, retries=False)
        return cls(pool, urlsplit(endpoint).path.rstrip("/") + BATCH_PATH, secret)

    def send(self, messages: Sequence[Message]) -> Sent:
        """Post all messages, in one request if it is not too large; the gateway says which it did not pass on.

        Raises RejectedError for a message that no gateway takes, such as one that is too long.
        """
        sent = Sent([], [])
        for first, body in _batches(messages):
            undelivered = self._post(body)
            sent.gone.extend(messages[first + place] for place in undelivered.gone)
            sent.out_of_order.extend(messages[first + place] for place in undelivered.out_of_order)
        return sent

    def is_open(self, connection_id: str) -> bool:
        return self._request_one("GET", connection_id)

    def close(self, connection_id: str) -> None:
        self._request_one("DELETE", connection_id)

    def count(self) -> int | None:
        return _count_decoder.decode(self._request("GET", self._path).data).open

    def _request_one(self, method: str, connection_id: str) -> bool:
        """Make a request about one connection; False when it is gone."""
        response = self._request(method, f"{self._path}/{quote(connection_id, safe='')}")
        return response.status != HTTPStatus.GONE

    def _post(self, body: bytes) -> Undelivered:
        response = self._request("POST", self._path, body)
        if response.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.REQUEST_ENTITY_TOO_LARGE):
            raise RejectedError(f"@connections answered {response.status}: {response.data[:200].decode()}")
        return _undelivered_decoder.decode(response.data)

    def _request(self, method: str, path: str, body: bytes | None = None) -> "BaseHTTPResponse":
        """Return an answer that the caller knows. Raises RetryableError for any other."""
        from urllib3.exceptions import HTTPError

        try:
            response = self._pool.request(method, path, body=body, headers=self._headers)
        except HTTPError as error:
            raise RetryableError(f"@connections can't be reached: {error}") from error
        if response.status == HTTPStatus.FORBIDDEN:
            raise RetryableError("@connections answered 403: CONNECTIONS_SECRET is not the gateway's")
        if response.status not in _KNOWN:
            raise RetryableError(f"@connections answered {response.status}")
        return response


def with_secret(client: "ApiGatewayManagementApiClient", secret: str) -> None:
    """Have each request of `client` carry the local gateway's secret; API Gateway itself goes by the signature."""

    def add(request: Any, **_: Any) -> None:
        request.headers[SECRET_HEADER] = secret

    client.meta.events.register("before-sign.apigatewaymanagementapi", add)


def _batches(messages: Sequence[Message]) -> Iterator[tuple[int, bytes]]:
    """Yield the place of the first message of each batch, and the batch in JSON."""
    first, size, texts = 0, 2, list[bytes]()
    for place, text in enumerate(map(_encode, messages)):
        if texts and size + len(text) + 1 > MAX_BATCH_BYTES:
            yield first, b"[" + b",".join(texts) + b"]"
            first, size, texts = place, 2, []
        texts.append(text)
        size += len(text) + 1
    if texts:
        yield first, b"[" + b",".join(texts) + b"]"


_encode = msgspec.json.Encoder().encode
_undelivered_decoder = msgspec.json.Decoder(Undelivered)
_count_decoder = msgspec.json.Decoder(OpenCount)
