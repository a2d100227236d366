"""Raw bytes to a server and what it answers, for requests that no client library would send."""

import socket
from dataclasses import dataclass, field

from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket

from tests.support.served import Served

TIMEOUT_S = 20
HANDSHAKE_HEADERS = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


@dataclass
class Recorder:
    """An application that answers 202, or opens the WebSocket, and keeps what it was asked: method, path and body."""

    requests: list[tuple[str, str, bytes]] = field(default_factory=list)
    scopes: list[Scope] = field(default_factory=list)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.scopes.append(scope)
        if scope["type"] == "websocket":
            self.requests.append(("WEBSOCKET", scope["path"], b""))
            websocket = WebSocket(scope, receive, send)
            await websocket.accept()
            while (message := await websocket.receive())["type"] == "websocket.receive":
                self.requests.append(("FRAME", scope["path"], message["text"].encode()))
            return
        message = await receive()
        assert not message["more_body"]
        self.requests.append((scope["method"], scope["path"], message["body"]))
        await send({"type": "http.response.start", "status": 202, "headers": [(b"content-length", b"2")]})
        await send({"type": "http.response.body", "body": b"ok"})


def handshake(path: str, *lines: str) -> bytes:
    """Return the head of a WebSocket's handshake, with header lines of its own."""
    head = f"GET {path} HTTP/1.1\r\nHost: localhost\r\n{HANDSHAKE_HEADERS.decode()}"
    return "".join([head, *(f"{line}\r\n" for line in lines), "\r\n"]).encode()


def say(server: Served, *sent: bytes) -> bytes:
    """Send bytes, then return all that is answered until the server closes the connection."""
    with server.connect() as client:
        for part in sent:
            client.sendall(part)
        return read_to_end(client)


def read_to_end(client: socket.socket) -> bytes:
    """Return all that comes until the server closes the connection."""
    received = b""
    while part := client.recv(65_536):
        received += part
    return received


def read_head(client: socket.socket) -> bytes:
    """Return the head of the next answer, and whatever came with it."""
    received = b""
    while b"\r\n\r\n" not in received:
        part = client.recv(65_536)
        assert part, f"the connection ended after {received!r}"
        received += part
    return received


def statuses(answered: bytes) -> list[int]:
    """Return the statuses of answers that follow each other."""
    return [int(answer[:3]) for answer in answered.split(b"HTTP/1.1 ")[1:]]
