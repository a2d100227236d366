"""Messages to sockets, through API Gateway's management API and through the local gateway's batch form."""

import socket
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.backends import get_backend

from orderflow.adapters.sockets import ApiGatewaySockets, LocalGatewaySockets, Message
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients
from tests.builders import ORDER_ID
from tests.socket_gateway import TIMEOUT_S, Gateway, Watcher, api_client

AWS_ENDPOINT = "https://f6g7h8i9j0.execute-api.eu-central-1.amazonaws.com/live"


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


def placed(connection_id: str, place: int, partition: str = "p0") -> Message:
    """Return a message from a place in a status stream, whose text says so."""
    return Message(connection_id, ORDER_ID, f"{partition} {place}", partition, f"1763835240000-{place}")


def test_the_local_gateway_keeps_back_what_has_been_there_before(
    gateway: Gateway, watchers: tuple[Watcher, Watcher]
) -> None:
    one, other = watchers
    sockets = LocalGatewaySockets.at(f"http://{gateway.address}")
    batch = [placed(one.id, 9), placed(other.id, 9), placed(one.id, 10)]

    sockets.send(batch)
    sockets.send(batch)  # its answer was lost
    sockets.send([placed(one.id, 8), placed(one.id, 10), placed(one.id, 11)])  # a publisher that comes late goes on
    sockets.send([placed(one.id, 1, "p1"), message(one.id, "no place")])

    assert [one.receive() for _ in range(5)] == ["p0 9", "p0 10", "p0 11", "p1 1", "no place"]
    assert other.receive() == "p0 9"


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
