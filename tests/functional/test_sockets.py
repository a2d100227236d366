"""Messages to sockets: API Gateway's management API, and the local gateway's own that stands in for it."""

import asyncio
import json
import socket
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

import boto3
import pytest
import urllib3
import uvicorn
from botocore.config import Config
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from moto.backends import get_backend
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from local.gateway.connections import Connection, Connections
from local.gateway.management import MAX_MESSAGE_BYTES, management_app
from orderflow.adapters.sockets import ApiGatewaySockets, LocalGatewaySockets, Message
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients
from tests.builders import ORDER_ID

if TYPE_CHECKING:
    from mypy_boto3_apigatewaymanagementapi import ApiGatewayManagementApiClient

TIMEOUT_S = 10
AWS_ENDPOINT = "https://f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com/live"


class Gateway:
    """The management API on a port of its own, beside sockets that are told their connection id as they open."""

    def __init__(self) -> None:
        self.left = threading.Event()
        self._connections = Connections()
        self._management = management_app(self._connections)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._listener.getsockname()[1]}"
        config = uvicorn.Config(
            self._serve, interface="asgi3", ws="websockets-sansio", lifespan="off", log_level="warning"
        )
        self._server = uvicorn.Server(config)
        self._thread = threading.Thread(target=self._server.run, args=([self._listener],))
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(TIMEOUT_S)
        self._listener.close()

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await self._management(scope, receive, send)
            return
        websocket = WebSocket(scope, receive, send)
        await websocket.accept()
        connection = Connection(websocket)
        self._connections.add(connection)
        await websocket.send_text(connection.id)
        writer = asyncio.create_task(connection.write())
        while (await websocket.receive())["type"] != "websocket.disconnect":
            pass
        writer.cancel()
        self._connections.remove(connection)
        self.left.set()


class Watcher:
    """A client with a socket open."""

    def __init__(self, websocket: ClientConnection) -> None:
        self._websocket = websocket
        self.id = self.receive()

    def receive(self) -> str:
        return str(self._websocket.recv(TIMEOUT_S))

    def leave(self) -> None:
        self._websocket.close()


@pytest.fixture(scope="module")
def gateway() -> Iterator[Gateway]:
    gateway = Gateway()
    yield gateway
    gateway.stop()


@pytest.fixture
def watchers(gateway: Gateway) -> Iterator[tuple[Watcher, Watcher]]:
    gateway.left.clear()
    with connect(f"ws://{gateway.address}") as one, connect(f"ws://{gateway.address}") as other:
        yield Watcher(one), Watcher(other)


def api_client(endpoint: str) -> "ApiGatewayManagementApiClient":
    """Return the client as anyone has it, but for the retries, whose back-off would only take time here."""
    return boto3.client(
        "apigatewaymanagementapi",
        endpoint_url=endpoint,
        region_name="eu-central-1",
        aws_access_key_id="x",
        aws_secret_access_key="x",
        config=Config(retries={"total_max_attempts": 1}),
    )


def message(connection_id: str, text: str = "{}") -> Message:
    return Message(connection_id, ORDER_ID, text)


@pytest.fixture
def nobody() -> Iterator[str]:
    """Lend an address where nobody listens."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{bound.getsockname()[1]}"


# ------------------------------------------------------------------------------------------------ API Gateway


@mock_aws
def test_on_aws_a_message_is_posted_to_its_connection(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", AWS_ENDPOINT)

    gone = clients.sockets().send([message("OLNmQeKPFiACEYA=", '{"status":"pending"}')])

    posted = get_backend("apigatewaymanagementapi")["123456789012"]["eu-central-1"].connections
    assert gone == []
    assert {unquote(name): connection.data for name, connection in posted.items()} == {
        "OLNmQeKPFiACEYA=": b'{"status":"pending"}'
    }


def test_a_gone_connection_is_reported_with_all_its_messages_and_not_posted_to_again() -> None:
    client = api_client(AWS_ENDPOINT)
    messages = [message("a", "1"), message("gone", "2"), message("b", "3"), message("gone", "4"), message("a", "5")]

    with Stubber(client) as stubber:
        stubber.add_response("post_to_connection", {}, {"ConnectionId": "a", "Data": b"1"})
        stubber.add_client_error("post_to_connection", "GoneException", http_status_code=410)
        stubber.add_response("post_to_connection", {}, {"ConnectionId": "b", "Data": b"3"})
        stubber.add_response("post_to_connection", {}, {"ConnectionId": "a", "Data": b"5"})
        gone = ApiGatewaySockets(client).send(messages)
        stubber.assert_no_pending_responses()

    assert gone == [message("gone", "2"), message("gone", "4")]


@pytest.mark.parametrize("code", ["LimitExceededException", "ForbiddenException", "InternalServerError"])
def test_any_other_answer_of_api_gateway_means_to_wait(code: str) -> None:
    client = api_client(AWS_ENDPOINT)

    with Stubber(client) as stubber:
        stubber.add_client_error("post_to_connection", code)
        with pytest.raises(RetryableError, match=f"^@connections can't be reached: .*{code}"):
            ApiGatewaySockets(client).send([message("a")])


def test_an_api_gateway_that_can_not_be_reached_means_to_wait(nobody: str) -> None:
    with pytest.raises(RetryableError, match="^@connections can't be reached: "):
        ApiGatewaySockets(api_client(nobody)).send([message("a")])


# ------------------------------------------------------------------------------------------ the local gateway


def test_many_messages_reach_many_sockets_in_one_request_each_in_its_order(
    gateway: Gateway, watchers: tuple[Watcher, Watcher]
) -> None:
    one, other = watchers
    sockets = LocalGatewaySockets.at(f"http://{gateway.address}")

    gone = sockets.send([message(watcher.id, f"{number} für ⌊x⌋") for number in range(50) for watcher in (one, other)])

    assert gone == []
    for watcher in watchers:
        assert [watcher.receive() for _ in range(50)] == [f"{number} für ⌊x⌋" for number in range(50)]


def test_a_connection_that_left_is_reported_with_all_its_messages(
    gateway: Gateway, watchers: tuple[Watcher, Watcher]
) -> None:
    stays, leaves = watchers
    leaves.leave()
    assert gateway.left.wait(TIMEOUT_S)

    gone = LocalGatewaySockets.at(f"http://{gateway.address}").send(
        [message(leaves.id, "1"), message(stays.id, "2"), message("never-was", "3"), message(leaves.id, "4")]
    )

    assert gone == [message(leaves.id, "1"), message("never-was", "3"), message(leaves.id, "4")]
    assert stays.receive() == "2"


def test_no_messages_are_no_request(nobody: str) -> None:
    assert LocalGatewaySockets.at(nobody).send([]) == []


def test_a_gateway_that_can_not_be_reached_means_to_wait(nobody: str) -> None:
    with pytest.raises(RetryableError, match="^@connections can't be reached: "):
        LocalGatewaySockets.at(nobody).send([message("a")])


def test_a_gateway_that_answers_otherwise_means_to_wait(gateway: Gateway) -> None:
    with pytest.raises(RetryableError, match="^@connections answered 404$"):
        LocalGatewaySockets.at(f"http://{gateway.address}/elsewhere").send([message("a")])


def test_the_settings_say_which_sockets_there_are(gateway: Gateway, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", f"http://{gateway.address}")

    on_aws = clients.sockets()
    clients.sockets.cache_clear()
    monkeypatch.setenv("CONNECTIONS_API", "local")
    here = clients.sockets()

    assert isinstance(on_aws, ApiGatewaySockets)
    assert isinstance(here, LocalGatewaySockets)


def test_sockets_without_an_endpoint_are_a_mistake_of_the_configuration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CONNECTIONS_ENDPOINT", raising=False)

    with pytest.raises(ConfigurationError, match="^CONNECTIONS_ENDPOINT is not set"):
        clients.sockets()


# --------------------------------------------------------------- boto3's client against the local gateway, unchanged


def test_boto3_posts_to_a_socket(gateway: Gateway, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{gateway.address}")

    answer = client.post_to_connection(ConnectionId=watchers[0].id, Data='{"status":"bestätigt"}'.encode())

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert watchers[0].receive() == '{"status":"bestätigt"}'


def test_the_functions_own_sockets_work_against_the_local_gateway_through_boto3_too(
    gateway: Gateway, watchers: tuple[Watcher, Watcher]
) -> None:
    sockets = ApiGatewaySockets(api_client(f"http://{gateway.address}"))

    gone = sockets.send([message(watchers[0].id, "1"), message("gone="), message(watchers[1].id, "2")])

    assert gone == [message("gone=")]
    assert [watcher.receive() for watcher in watchers] == ["1", "2"]


def test_boto3_describes_a_socket(gateway: Gateway, watchers: tuple[Watcher, Watcher]) -> None:
    description = api_client(f"http://{gateway.address}").get_connection(ConnectionId=watchers[0].id)

    assert description["Identity"]["SourceIp"] == "127.0.0.1"
    assert description["Identity"]["UserAgent"].startswith("Python/")
    assert description["ConnectedAt"] <= description["LastActiveAt"]


def test_boto3_closes_a_socket(gateway: Gateway, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{gateway.address}")

    client.delete_connection(ConnectionId=watchers[0].id)

    with pytest.raises(ConnectionClosed) as closed:
        watchers[0].receive()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1000
    with pytest.raises(client.exceptions.GoneException):
        client.post_to_connection(ConnectionId=watchers[0].id, Data=b"x")


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [("post_to_connection", {"Data": b"x"}), ("get_connection", {}), ("delete_connection", {})],
)
def test_boto3_learns_that_a_socket_is_gone(gateway: Gateway, operation: str, arguments: dict[str, bytes]) -> None:
    client = api_client(f"http://{gateway.address}")

    with pytest.raises(client.exceptions.GoneException) as gone:
        getattr(client, operation)(ConnectionId="OLNmQeKPFiACEYA=", **arguments)

    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def test_boto3_learns_that_a_message_is_too_long(gateway: Gateway, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{gateway.address}")
    largest = b"x" * MAX_MESSAGE_BYTES

    client.post_to_connection(ConnectionId=watchers[0].id, Data=largest)
    with pytest.raises(client.exceptions.PayloadTooLargeException) as refused:
        client.post_to_connection(ConnectionId=watchers[0].id, Data=largest + b"x")

    assert isinstance(refused.value, ClientError)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert watchers[0].receive() == largest.decode()


def test_a_gone_connection_is_410_with_the_header_by_which_boto3_tells(gateway: Gateway) -> None:
    url = f"http://{gateway.address}/@connections/{quote('OLNmQeKPFiACEYA=', safe='')}"

    answer = urllib3.request("POST", url, body=b"x")

    assert answer.status == 410
    assert answer.headers["x-amzn-errortype"] == "GoneException"
    assert json.loads(answer.data) == {"message": ""}
