"""boto3's `apigatewaymanagementapi` client, unchanged, against the local gateway's management API."""

import json
from urllib.parse import quote

import pytest
import urllib3
from botocore.exceptions import ClientError
from websockets.exceptions import ConnectionClosed

from orderflow.adapters.sockets import MAX_MESSAGE_BYTES, SECRET_HEADER, ApiGatewaySockets, Message
from tests.support.builders import ORDER_ID
from tests.support.management_api import SECRET, ManagementApi, Watcher, api_client


def message(connection_id: str, text: str = "{}") -> Message:
    return Message(connection_id, ORDER_ID, text)


def test_boto3_posts_to_a_socket(management: ManagementApi, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{management.address}")

    answer = client.post_to_connection(ConnectionId=watchers[0].id, Data='{"status":"bestätigt"}'.encode())

    assert answer["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert watchers[0].receive() == '{"status":"bestätigt"}'


def test_the_functions_own_sockets_work_against_the_local_gateway_through_boto3_too(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    sockets = ApiGatewaySockets(api_client(f"http://{management.address}"))

    gone = sockets.send([message(watchers[0].id, "1"), message("gone="), message(watchers[1].id, "2")]).gone

    assert gone == [message("gone=")]
    assert [watcher.receive() for watcher in watchers] == ["1", "2"]


def test_boto3_describes_a_socket(management: ManagementApi, watchers: tuple[Watcher, Watcher]) -> None:
    description = api_client(f"http://{management.address}").get_connection(ConnectionId=watchers[0].id)

    assert description["Identity"]["SourceIp"] == "127.0.0.1"
    assert description["Identity"]["UserAgent"].startswith("Python/")
    assert description["ConnectedAt"] <= description["LastActiveAt"]


def test_boto3_closes_a_socket(management: ManagementApi, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{management.address}")

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
def test_boto3_learns_that_a_socket_is_gone(
    management: ManagementApi, operation: str, arguments: dict[str, bytes]
) -> None:
    client = api_client(f"http://{management.address}")

    with pytest.raises(client.exceptions.GoneException) as gone:
        getattr(client, operation)(ConnectionId="OLNmQeKPFiACEYA=", **arguments)

    assert gone.value.response["ResponseMetadata"]["HTTPStatusCode"] == 410


def test_boto3_learns_that_a_message_is_too_long(management: ManagementApi, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{management.address}")
    largest = b"x" * MAX_MESSAGE_BYTES

    client.post_to_connection(ConnectionId=watchers[0].id, Data=largest)
    with pytest.raises(client.exceptions.PayloadTooLargeException) as refused:
        client.post_to_connection(ConnectionId=watchers[0].id, Data=largest + b"x")

    assert isinstance(refused.value, ClientError)
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 413
    assert watchers[0].receive() == largest.decode()


def test_a_gone_connection_is_410_with_the_header_by_which_boto3_knows(management: ManagementApi) -> None:
    url = f"http://{management.address}/@connections/{quote('OLNmQeKPFiACEYA=', safe='')}"

    answer = urllib3.request("POST", url, body=b"x", headers={SECRET_HEADER: SECRET})

    assert answer.status == 410
    assert answer.headers["x-amzn-errortype"] == "GoneException"
    assert json.loads(answer.data) == {"message": ""}
