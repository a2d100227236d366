"""/@connections: on a listener of its own, for callers that know the secret, and for what can be delivered."""

import json
import socket
from collections.abc import Iterator, Mapping
from http.client import HTTPConnection
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from local.gateway.app import gateway_app
from local.gateway.connections import MAX_WAITING_FRAMES, Connections
from orderflow.adapters.sockets import (
    MAX_BATCH_BYTES,
    MAX_MESSAGE_BYTES,
    SECRET_HEADER,
    LocalGatewaySockets,
    Message,
)
from orderflow.errors import RejectedError, RetryableError
from orderflow.runtime.http.json_input import MAX_BODY_BYTES
from tests.support.builders import ORDER_ID
from tests.support.fakes.outside import Outside
from tests.support.management_api import SECRET, ManagementApi, Watcher, api_client
from tests.support.served import Served, served

BATCH = "/@connections"
JSON = {"content-type": "application/json"}
KNOWN = {SECRET_HEADER: SECRET, **JSON}


class Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    document: Any


def ask(
    address: str, path: str, body: bytes = b"[]", headers: Mapping[str, str] = KNOWN, method: str = "POST"
) -> Answer:
    """Send a request with its path exactly as it is given."""
    connection = HTTPConnection(address, timeout=10)
    try:
        connection.putrequest(method, path, skip_accept_encoding=True)
        for name, value in {**headers, "content-length": str(len(body))}.items():
            connection.putheader(name, value)
        connection.endheaders(body)
        answer = connection.getresponse()
        text = answer.read()
    finally:
        connection.close()
    return Answer(answer.status, dict(answer.headers), json.loads(text) if text else None)


def batch(**fields: object) -> bytes:
    return json.dumps([{"connection_id": "a", "order_id": ORDER_ID, "text": "{}", **fields}]).encode()


# ------------------------------------------------------------------------------------------- the clients' port


@pytest.fixture
def public(outside: Outside) -> Iterator[Served]:
    with served(gateway_app(10, 10, Connections())) as gateway:
        yield gateway


@pytest.mark.parametrize("method", ["POST", "GET", "DELETE", "PUT"])
@pytest.mark.parametrize(
    "path",
    [
        "/@connections",
        "/@connections/",
        "/@connections/abc=",
        "/%40connections",
        "/%40connections/abc%3D",
        "//@connections",
        "/./@connections",
        "/api/../@connections",
        "/%2e%2e/@connections",
        "/@CONNECTIONS",
        "/@connections?x=1",
        "/@connections;x",
        "/@connections%00",
        "/%2540connections",
        "http://127.0.0.1/@connections",
    ],
)
def test_on_the_clients_port_it_is_unknown_however_it_is_spelt(public: Served, method: str, path: str) -> None:
    assert ask(public.address, path, method=method).status == 404


# -------------------------------------------------------------------------------------------------- the secret


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {SECRET_HEADER: ""},
        {SECRET_HEADER: SECRET[:-1]},
        {SECRET_HEADER: SECRET + "x"},
        {SECRET_HEADER: SECRET.upper()},
        {SECRET_HEADER: "ä€".encode().decode("latin-1")},
        {"authorization": f"Bearer {SECRET}"},
        {SECRET_HEADER: SECRET, "origin": "https://example.com"},
        {SECRET_HEADER: SECRET, "origin": "null"},
    ],
)
@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", BATCH), ("POST", BATCH + "/a"), ("GET", BATCH + "/a"), ("DELETE", BATCH + "/a"), ("GET", "/elsewhere")],
)
def test_without_the_secret_or_from_a_page_everything_is_one_and_the_same_403(
    management: ManagementApi, headers: dict[str, str], method: str, path: str
) -> None:
    answer = ask(management.address, path, b"x", JSON | headers, method)

    assert (answer.status, answer.document) == (403, {"message": "Forbidden"})
    assert answer.headers["x-amzn-errortype"] == "ForbiddenException"


def test_without_the_secret_nothing_of_a_body_is_taken_in(management: ManagementApi) -> None:
    host, _, port = management.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.sendall(b"POST /@connections HTTP/1.1\r\nHost: x\r\nContent-Length: 300000000\r\n\r\n")

        answer = caller.makefile("rb").read()  # to the end of the connection

    assert answer.startswith(b"HTTP/1.1 403 ")


def test_a_function_with_another_secret_waits_and_says_what_is_wrong(management: ManagementApi) -> None:
    message = Message("a", ORDER_ID, "{}")

    with pytest.raises(RetryableError, match="CONNECTIONS_SECRET is not the gateway's"):
        LocalGatewaySockets.at(f"http://{management.address}", "another").send([message])
    with pytest.raises(ClientError, match="ForbiddenException"):
        api_client(f"http://{management.address}", "another").post_to_connection(ConnectionId="a", Data=b"x")


# ------------------------------------------------------------------------------------------- what is delivered


@pytest.mark.parametrize("content_type", ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data", ""])
def test_a_batch_in_a_form_that_a_page_could_send_is_refused(management: ManagementApi, content_type: str) -> None:
    answer = ask(management.address, BATCH, headers={SECRET_HEADER: SECRET, "content-type": content_type})

    assert answer.status == 415


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"x",
        b"{}",
        b"null",
        b"[1]",
        b"[" * 100_000,
        b'[{"connection_id":"a"}]',
        b'[{"connection_id":"\xff"}]',
        batch(text=None),
        batch(connection_id=7),
        batch(connection_id="x" * 129),
        batch(order_id="x" * 65),
        batch(sequence="1"),
        batch(sequence=1.5),
        batch(sequence=-1),
        batch(sequence=2**53 + 1),
        batch(sequence=10**30),
        batch(subscription="soon"),
        batch(subscription="1"),
        batch(subscription="1-2\n"),
        batch(subscription="9" * 5_000 + "-0"),
        batch(subscription="١-٢"),
    ],
)
def test_what_is_no_batch_is_a_400_that_says_why(
    management: ManagementApi, body: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    answer = ask(management.address, BATCH, body)

    assert answer.status == 400
    assert answer.document["message"]
    assert caplog.records == []


def test_a_batch_with_something_wrong_in_it_delivers_nothing(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    document = [
        {"connection_id": one.id, "order_id": ORDER_ID, "text": "first", "sequence": 1, "subscription": "5-0"},
        {"connection_id": one.id, "order_id": ORDER_ID, "text": "second", "sequence": "high", "subscription": "5-0"},
    ]

    refused = ask(management.address, BATCH, json.dumps(document).encode())
    management.sockets.send([Message(one.id, ORDER_ID, "real", 1, "5-0")])

    assert refused.status == 400
    assert one.receive() == "real"


def test_a_batch_is_16_mib_at_most_whether_it_says_its_length_or_not(management: ManagementApi) -> None:
    host, _, port = management.address.partition(":")
    head = f"POST /@connections HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\nContent-Type: application/json\r\n"
    chunk = f"{1 << 20:x}\r\n".encode() + b" " * (1 << 20) + b"\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(MAX_BATCH_BYTES // (1 << 20)):
            caller.sendall(chunk)
        caller.sendall(b"1\r\n \r\n")
        unsaid = caller.recv(100)
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.sendall(f"{head}Content-Length: {MAX_BATCH_BYTES + 1}\r\n\r\n".encode())
        said = caller.recv(100)

    assert unsaid.startswith(b"HTTP/1.1 413 ")
    assert said.startswith(b"HTTP/1.1 413 ")
    assert ask(management.address, BATCH, b"[" + b" " * (MAX_BATCH_BYTES - 2) + b"]").status == 200


def test_more_than_a_batch_holds_is_sent_as_several_and_judged_as_one(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    text = "x" * 100_000
    messages = [Message("gone=", ORDER_ID, text) for _ in range(2 * MAX_BATCH_BYTES // len(text))]

    sent = management.sockets.send([*messages, Message(one.id, ORDER_ID, "last")])

    assert sent.gone == messages
    assert one.receive() == "last"


def test_a_client_that_reads_gets_any_number_of_messages_of_one_batch(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    texts = [f"{number} {'x' * 1_000}" for number in range(5 * MAX_WAITING_FRAMES)]

    management.sockets.send([Message(one.id, ORDER_ID, text) for text in texts])

    assert [one.receive() for _ in texts] == texts


def test_a_message_of_more_than_128_kib_is_given_up_rather_than_waited_with(
    management: ManagementApi, watchers: tuple[Watcher, Watcher]
) -> None:
    one, _ = watchers
    largest = "ä" * (MAX_MESSAGE_BYTES // 2)

    management.sockets.send([Message(one.id, ORDER_ID, largest)])
    with pytest.raises(RejectedError, match="413"):
        management.sockets.send([Message(one.id, ORDER_ID, largest + "x")])

    assert one.receive() == largest


def test_a_message_that_is_no_text_is_a_400(management: ManagementApi, watchers: tuple[Watcher, Watcher]) -> None:
    client = api_client(f"http://{management.address}")

    with pytest.raises(ClientError, match="BadRequestException"):
        client.post_to_connection(ConnectionId=watchers[0].id, Data=b"\xff\xfe")


def test_a_caller_that_goes_in_the_middle_of_its_batch_is_no_error(
    management: ManagementApi, caplog: pytest.LogCaptureFixture
) -> None:
    host, _, port = management.address.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as caller:
        caller.sendall(
            f"POST /@connections HTTP/1.1\r\nHost: x\r\n{SECRET_HEADER}: {SECRET}\r\n"
            "Content-Type: application/json\r\nContent-Length: 100\r\n\r\n[".encode()
        )

    assert ask(management.address, BATCH).status == 200
    assert caplog.records == []


def test_only_callers_with_the_secret_may_send_more_than_clients_may(management: ManagementApi) -> None:
    large = b"x" * (MAX_BODY_BYTES + 1)

    assert ask(management.address, BATCH, large).status == 400
    for headers in (JSON, {**JSON, SECRET_HEADER: "x" * len(SECRET)}):
        assert ask(management.address, BATCH, large, headers).status == 403
