"""Messages to sockets, through API Gateway's management API and through the local gateway's batch form."""

import socket
from collections.abc import Iterator
from urllib.parse import unquote

import pytest
from botocore.stub import Stubber
from moto import mock_aws
from moto.backends import get_backend

from orderflow.adapters.sockets import ApiGatewaySockets, LocalGatewaySockets, Message, Sent
from orderflow.errors import ConfigurationError, RetryableError
from orderflow.runtime import clients
from tests.support.builders import ORDER_ID, OTHER_ID
from tests.support.management_api import SECRET, TIMEOUT_S, ManagementApi, Watcher, api_client

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

    gone = clients.sockets().send([message("OLNmQeKPFiACEYA=", '{"status":"pending"}')]).gone

    posted = get_backend("apigatewaymanagementapi")["123456789012"]["eu-central-1"].connections
    assert gone == []
    assert {unquote(name): connection.data for name, connection in posted.items()} == {
        "OLNmQeKPFiACEYA=": b'{"status":"pending"}'
    }


@pytest.mark.parametrize("code", ["GoneException", "BadRequestException"])
def test_a_gone_connection_is_reported_with_all_its_messages_and_not_posted_to_again(code: str) -> None:
    client = api_client(AWS_ENDPOINT)
    messages = [message("gone", "1"), message("gone", "2")]

    with Stubber(client) as stubber:
        stubber.add_client_error("post_to_connection", code)
        gone = ApiGatewaySockets(client).send(messages).gone
        stubber.assert_no_pending_responses()

    assert gone == messages


def test_many_connections_are_posted_to_at_once_and_each_in_its_order(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    sockets = ApiGatewaySockets(api_client(f"http://{management.address}"))
    of_both = [message(watcher.id, str(number)) for number in range(20) for watcher in watchers]

    gone = sockets.send([*of_both[:10], message("gone="), *of_both[10:]]).gone

    assert gone == [message("gone=")]
    for watcher in watchers:
        assert [watcher.receive() for _ in range(20)] == [str(number) for number in range(20)]


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


@pytest.mark.parametrize("code", ["GoneException", "BadRequestException"])
def test_api_gateway_says_whether_a_connection_is_open(code: str) -> None:
    client = api_client(AWS_ENDPOINT)

    with Stubber(client) as stubber:
        stubber.add_response("get_connection", {}, {"ConnectionId": "open="})
        stubber.add_client_error("get_connection", code)
        stubber.add_client_error("get_connection", "LimitExceededException")
        sockets = ApiGatewaySockets(client)

        assert sockets.is_open("open=")
        assert not sockets.is_open("gone=")
        with pytest.raises(RetryableError, match="LimitExceededException"):
            sockets.is_open("perhaps=")


def test_on_aws_a_connection_is_closed_which_may_be_gone() -> None:
    client = api_client(AWS_ENDPOINT)

    with Stubber(client) as stubber:
        stubber.add_response("delete_connection", {}, {"ConnectionId": "open="})
        stubber.add_client_error("delete_connection", "GoneException")
        for connection in ("open=", "gone="):
            ApiGatewaySockets(client).close(connection)
        stubber.assert_no_pending_responses()


# ------------------------------------------------------------------------------------------ the local gateway


def test_the_local_gateway_says_which_connections_are_open_and_closes_one(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    stays, leaves = watchers
    sockets = management.sockets

    assert [sockets.is_open(name) for name in (stays.id, leaves.id, "never-was=")] == [True, True, False]
    sockets.close(leaves.id)
    sockets.close("never-was=")

    assert management.left.wait(TIMEOUT_S)
    assert [sockets.is_open(watcher.id) for watcher in watchers] == [True, False]


def test_the_local_gateway_says_how_many_connections_are_open(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    both = management.sockets.count()
    management.sockets.close(watchers[0].id)

    assert management.left.wait(TIMEOUT_S)
    assert (both, management.sockets.count()) == (2, 1)


def test_api_gateway_does_not_say_how_many_connections_are_open() -> None:
    client = api_client(AWS_ENDPOINT)

    with Stubber(client):
        assert ApiGatewaySockets(client).count() is None


@pytest.mark.parametrize(("ask", "about"), [("is_open", ["a="]), ("close", ["a="]), ("count", [])])
def test_a_gateway_that_can_not_be_asked_about_connections_means_to_wait(
    management: ManagementApi, nobody: str, ask: str, about: list[str]
) -> None:
    with pytest.raises(RetryableError, match="^@connections can't be reached: "):
        getattr(LocalGatewaySockets.at(nobody, SECRET), ask)(*about)
    with pytest.raises(RetryableError, match="CONNECTIONS_SECRET is not the gateway's$"):
        getattr(LocalGatewaySockets.at(f"http://{management.address}", "another" * 5), ask)(*about)


def test_many_messages_reach_many_sockets_in_one_request_each_in_its_order(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, other = watchers
    sockets = management.sockets

    sent = sockets.send([message(watcher.id, f"{number} für ⌊x⌋") for number in range(50) for watcher in (one, other)])

    assert sent == Sent()
    for watcher in watchers:
        assert [watcher.receive() for _ in range(50)] == [f"{number} für ⌊x⌋" for number in range(50)]


def test_a_connection_that_left_is_reported_with_all_its_messages(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    stays, leaves = watchers
    leaves.leave()
    assert management.left.wait(TIMEOUT_S)

    gone = management.sockets.send(
        [message(leaves.id, "1"), message(stays.id, "2"), message("never-was", "3"), message(leaves.id, "4")]
    ).gone

    assert gone == [message(leaves.id, "1"), message("never-was", "3"), message(leaves.id, "4")]
    assert stays.receive() == "2"


def event(connection_id: str, sequence: int, subscription: str = "5-0", order_id: str = ORDER_ID) -> Message:
    """Return an order's event for a connection that asked for it by an entry of the stream; its text is its number."""
    return Message(connection_id, order_id, str(sequence), sequence, subscription)


def test_the_local_gateway_drops_what_a_connection_has_had(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, other = watchers
    sockets = management.sockets
    batch = [event(one.id, 1), event(other.id, 1), event(one.id, 2)]

    sockets.send(batch)
    again = sockets.send(batch)  # the first answer was lost
    late = sockets.send([event(one.id, 2), event(one.id, 3), message(one.id, "not of an order")])

    assert again == late == Sent()
    assert [one.receive() for _ in range(4)] == ["1", "2", "3", "not of an order"]
    assert other.receive() == "1"


def test_what_comes_too_early_waits_for_what_is_before_it(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    sockets = management.sockets

    sockets.send([event(one.id, 1)])
    ahead = sockets.send([event(one.id, 3), event(one.id, 1, order_id=OTHER_ID), event(one.id, 4)])
    whole = sockets.send([event(one.id, sequence) for sequence in (1, 2, 3, 4)])
    late = sockets.send([event(one.id, 2)])

    assert ahead == Sent([], [event(one.id, 3), event(one.id, 4)])
    assert whole == late == Sent()
    assert [one.receive() for _ in range(5)] == ["1", "1", "2", "3", "4"]


def test_a_client_that_asks_again_is_sent_everything_again(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    sockets = management.sockets

    sockets.send([event(one.id, 1), event(one.id, 2)])
    sockets.send([event(one.id, 1, "10-0"), event(one.id, 2, "10-0")])
    superseded = sockets.send([event(one.id, 3, "9-7")])
    sockets.send([event(one.id, 3, "10-0")])

    assert superseded == Sent()
    assert [one.receive() for _ in range(5)] == ["1", "2", "1", "2", "3"]


def test_no_messages_are_no_request(nobody: str) -> None:
    assert LocalGatewaySockets.at(nobody, SECRET).send([]) == Sent()


def test_a_gateway_that_can_not_be_reached_means_to_wait(nobody: str) -> None:
    with pytest.raises(RetryableError, match="^@connections can't be reached: "):
        LocalGatewaySockets.at(nobody, SECRET).send([message("a")])


def test_a_gateway_that_answers_otherwise_means_to_wait(management: ManagementApi) -> None:
    with pytest.raises(RetryableError, match="^@connections answered 404$"):
        LocalGatewaySockets.at(f"http://{management.address}/elsewhere", SECRET).send([message("a")])


def test_the_settings_say_which_sockets_there_are(management: ManagementApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("CONNECTIONS_ENDPOINT", f"http://{management.address}")

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
